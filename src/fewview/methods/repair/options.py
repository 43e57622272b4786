"""Options of the repair of a field by a slice fixer."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from ...options import option
from ..fields.options import FieldOptions, GaussiansOptions, SirenOptions


class RepairOptions(FieldOptions):
    """Options that all DiffNR methods share."""

    fixer: str = option(
        "unrolled-general",
        "Slice fixer",
        "The network that repairs slices. `unrolled-general` compares each of its stages with all measured views, and "
        "is the better one; `unrolled-materials` does so for concrete-like samples alone; `fixer` looks at the slice "
        "and two projections, as published. Or give the path of weights that `fewview train unrolled` or `fewview "
        "train fixer` wrote.",
        offers=("unrolled-general", "unrolled-materials", "fixer"),
    )
    prompt: str = option(
        "", "Sample", "What the sample is, in a few words such as concrete; it helps a network that has seen its like."
    )
    warm_up: float = option(
        0.4,
        "Warm-up",
        "The part of the steps, 0 to 1, that pass before the first repair. A smaller one repairs earlier, while the "
        "field still shows little detail.",
        ge=0,
        le=0.95,
    )
    repairs: int = option(
        0,
        "Repairs on the way",
        "The largest number of repairs before the field is finished. The next one is made when the last one no longer "
        "lowers the error. Early repairs may bring in what the finished field would refuse; 0 makes none.",
        ge=0,
        le=100,
    )
    last_repair: bool = option(
        True,
        "Repair at the end",
        "The finished field is repaired once more and brought into agreement with all measured pixels, which is then "
        "the result. Off gives the field itself.",
    )
    repair_error: float = option(
        0.0,
        "Error of a repair",
        "How wrong repaired slices are taken to be, in parts of the object's maximum: larger believes the data more; "
        "0 takes, at each repair, what predicts held-out pixels best.",
        ge=0,
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
        2,
        "Likeness every",
        "The number of fits from one use of the similarity to the next. A larger number is quicker.",
        ge=1,
        unit="fits",
        advanced=True,
    )
    consistent: bool = option(
        True,
        "Data-consistent repair",
        "Repaired slices are brought into agreement with the measurement before they are used. Off takes them as they "
        "are.",
        advanced=True,
    )
    refuse: bool = option(
        True,
        "Refuse repairs",
        "Repairs that predict held-out detector pixels worse than the field does are left out, as a whole or slice by "
        "slice. Off takes all of them.",
        advanced=True,
    )
    enlarge: int = option(
        1,
        "Enlarge",
        "The factor by which slices are enlarged before the repair and reduced after it. A larger one lets the network "
        "see finer pixels, and takes longer.",
        ge=1,
        le=4,
        advanced=True,
    )

    @field_validator("repair_error", mode="before")
    @classmethod
    def _auto_of_older_recipes(cls, value: Any) -> Any:
        return 0.0 if value == "auto" else value


class NafRepairOptions(RepairOptions):
    """Options of DiffNR on a neural attenuation field."""


class GaussiansRepairOptions(GaussiansOptions, RepairOptions):
    """Options of DiffNR on Gaussians."""


class SirenRepairOptions(SirenOptions, RepairOptions):
    """Options of DiffNR on an implicit representation."""
