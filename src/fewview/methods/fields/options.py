"""Options of the neural fields: what all share, and what each has of its own."""

from __future__ import annotations

from typing import Literal

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import positivity_option, scale_option, start_iterations_option


class FieldOptions(BudgetOptions):
    """Options that all fields share."""

    start: Literal["tv", "cgls", "fbp"] = option(
        "tv",
        "Start",
        "First volume, which the field is told or begins at: tv is smooth, cgls shows noise, fbp noise and streaks.",
    )
    start_iterations: int | Auto = start_iterations_option()
    scale: float | Auto = scale_option()
    smoothness: float | Auto = option(
        "auto",
        "Smoothness",
        "Weight of total variation along all three axes: larger is flatter, 0 has none; auto: as held-out pixels "
        "choose it for TV.",
        ge=0,
    )
    steps: int = option(
        60, "Steps", "Data steps, each followed by a fit of the field: more come nearer to the data.", ge=1, le=5000
    )
    stop: bool = option(
        True,
        "Stop early",
        "Hold out 8 % of the detector pixels, stop where the field predicts them worse again, and end with all pixels.",
    )
    finer: Literal[1, 2, 4] = option(
        1,
        "Also finer",
        "2 or 4: the field at so many voxels along each side of one, as a further volume beside the result. It shows "
        "the field between the voxels, not detail that was not measured.",
    )
    inner: int = option(
        4,
        "Fits per step",
        "Gradient steps after each data step: more follow it closer, and take longer.",
        ge=1,
        le=1000,
        advanced=True,
    )
    data_steps: int = option(
        5,
        "Data step iterations",
        "Iterations of conjugate gradients in each data step: more go farther at once.",
        ge=1,
        le=100,
        advanced=True,
    )
    rate: float = option(
        1e-2,
        "Learning rate",
        "Size of the gradient steps: larger is faster, and unsteady when too large.",
        gt=0,
        advanced=True,
    )
    positivity: bool = positivity_option()


class SirenOptions(FieldOptions):
    """Options of the implicit representation."""

    steps: int = option(
        48, "Steps", "Data steps, each followed by a fit of the field: more come nearer to the data.", ge=1, le=5000
    )
    rate: float = option(
        1e-3,
        "Learning rate",
        "Size of the gradient steps: larger is faster, and unsteady when too large.",
        gt=0,
        advanced=True,
    )
    width: int = option(
        128, "Width", "Neurons of a layer: more can show more detail, and take longer.", ge=8, le=1024, advanced=True
    )
    layers: int = option(
        3, "Layers", "Hidden layers: more can show more detail, and take longer.", ge=1, le=16, advanced=True
    )
    residual: bool = option(
        False,
        "Add to the start",
        "The network adds to the first volume; off: it makes the whole volume, and is only told the first one.",
        advanced=True,
    )


class GaussiansOptions(FieldOptions):
    """Options of the Gaussians."""

    steps: int = option(
        100, "Steps", "Data steps, each followed by a fit of the field: more come nearer to the data.", ge=1, le=5000
    )
    count: int = option(
        0,
        "Gaussians",
        "At the start; up to twice as many are born later. More show finer detail; 0: one for every 16 voxels of the "
        "object.",
        ge=0,
        le=2_000_000,
    )
