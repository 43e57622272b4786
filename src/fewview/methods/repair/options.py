"""Options of the repair of a field by a slice fixer."""

from __future__ import annotations

from ...options import Auto, option
from ..fields.options import FieldOptions, GaussiansOptions, SirenOptions


class RepairOptions(FieldOptions):
    """Options that all DiffNR methods share."""

    fixer: str = option(
        "unrolled-general",
        "Slice fixer",
        "Network that repairs slices: unrolled-general goes on from the field and holds every stage against all "
        "measured views, and is the better one; unrolled-materials does so for concrete-like samples alone; fixer "
        "looks at the slice and two projections, as published; or the path of weights that `fewview train unrolled` or "
        "`fewview train fixer` wrote.",
        offers=("unrolled-general", "unrolled-materials", "fixer"),
    )
    prompt: str = option(
        "", "Sample", "What the sample is, in a few words such as concrete; it helps a network that has seen its like."
    )
    warm_up: float = option(
        0.4,
        "Warm-up",
        "Part of the steps that pass before the first repair; less repairs a field that has learnt less.",
        ge=0,
        le=0.95,
    )
    repairs: int = option(
        0,
        "Repairs on the way",
        "Repairs at most before the field is finished; a new one is made when the last one no longer pays. A field "
        "that has learnt little is easily improved, and may then follow what its finished self would refuse.",
        ge=0,
        le=100,
    )
    last_repair: bool = option(
        True,
        "Repair at the end",
        "Repair the finished field once more and bring it into agreement with all measured pixels: this is the result.",
    )
    repair_error: float | Auto = option(
        "auto",
        "Error of a repair",
        "How wrong repaired slices are taken to be, in parts of the object's maximum: larger believes the data more; "
        "auto chooses what predicts held-out pixels best.",
        gt=0,
    )
    likeness: float = option(
        0.0,
        "Likeness",
        "Weight of the structural similarity to the repaired volume: larger follows its structures more. It gained "
        "nothing where the repair is already part of the data step, and costs time, so it is 0: left out.",
        ge=0,
        advanced=True,
    )
    likeness_every: int = option(
        2, "Likeness every", "Fits from one use of the similarity to the next.", ge=1, unit="fits", advanced=True
    )
    consistent: bool = option(
        True,
        "Data-consistent repair",
        "Bring repaired slices into agreement with the measurement before they are used; off trusts them as they are.",
        advanced=True,
    )
    refuse: bool = option(
        True,
        "Refuse repairs",
        "Leave out repairs, whole or slice by slice, that predict held-out pixels worse than the field does.",
        advanced=True,
    )
    enlarge: int = option(
        1,
        "Enlarge",
        "Factor by which slices are enlarged before the repair and reduced after it.",
        ge=1,
        le=4,
        advanced=True,
    )


class NafRepairOptions(RepairOptions):
    """Options of DiffNR on a neural attenuation field."""


class GaussiansRepairOptions(GaussiansOptions, RepairOptions):
    """Options of DiffNR on Gaussians."""


class SirenRepairOptions(SirenOptions, RepairOptions):
    """Options of DiffNR on an implicit representation."""
