"""Options of the neural fields: what all share, and what each has of its own."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import positivity_option, scale_option, start_iterations_option


def _steps(default: int) -> Any:
    return option(
        default,
        "Steps",
        "The number of data steps, after each of which the field is fitted. More agree better with the measurement, "
        "and take longer.",
        ge=1,
        le=5000,
    )


def _rate(default: float) -> Any:
    return option(
        default,
        "Learning rate",
        "The size of the gradient steps that fit the field. A larger one is faster, and unsteady when too large.",
        gt=0,
        advanced=True,
    )


class FieldOptions(BudgetOptions):
    """Options that all fields share.

    Attributes
    ----------
    settled_start : bool
        Whether the field hangs on a first volume by TV that has come to rest. A pyramid of features forgets it: on
        six scans of disks (48 and 64 pixels, 12 to 30 views) 60 to 100 iterations ended within 0.1 dB of 600, in two
        thirds of the time. Gaussians, which are placed by it, lost up to 1.6 dB.
    """

    settled_start: ClassVar[bool] = False
    start: Literal["tv", "cgls", "fbp"] = option(
        "tv",
        "Start",
        "The first volume, from which the field begins: `tv` is smooth, `cgls` shows noise, and `fbp` noise and "
        "streaks.",
    )
    start_iterations: int | Auto = start_iterations_option()
    scale: float | Auto = scale_option()
    smoothness: float | Auto = option(
        "auto",
        "Smoothness",
        "The weight of total variation along all three axes. A larger weight gives flatter regions, 0 does not smooth. "
        "Auto takes the weight with which total variation alone predicts held-out detector pixels best.",
        ge=0,
    )
    steps: int = _steps(60)
    stop: bool = option(
        True,
        "Stop early",
        "The run holds out 8 % of the detector pixels, stops where the field begins to predict them worse, and ends "
        "with some steps on all pixels. Off takes all steps.",
    )
    finer: Literal[1, 2, 4] = option(
        1,
        "Also finer",
        "With 2 or 4, the run also gives a volume with 2 or 4 times as many voxels along each axis. It shows the field "
        "between the voxels, and no detail beyond what was measured.",
    )
    inner: int = option(
        4,
        "Fits per step",
        "The number of gradient steps that fit the field after each data step. More follow the data step more closely, "
        "and take longer.",
        ge=1,
        le=1000,
        advanced=True,
    )
    data_steps: int = option(
        5,
        "Data step iterations",
        "The number of conjugate gradient iterations in each data step. More go further towards the data at once.",
        ge=1,
        le=100,
        advanced=True,
    )
    rate: float = _rate(1e-2)
    positivity: bool = positivity_option()


class SirenOptions(FieldOptions):
    """Options of the implicit representation."""

    settled_start = True
    steps: int = _steps(48)
    rate: float = _rate(1e-3)
    width: int = option(
        128,
        "Width",
        "The number of neurons in each layer of the network. More can show finer detail, and take longer.",
        ge=8,
        le=1024,
        advanced=True,
    )
    layers: int = option(
        3,
        "Layers",
        "The number of hidden layers of the network. More can show finer detail, and take longer.",
        ge=1,
        le=16,
        advanced=True,
    )
    residual: bool = option(
        False,
        "Add to the start",
        "The network makes only what is added to the first volume. Off lets it make the whole volume, for which it is "
        "shown the first one.",
        advanced=True,
    )


class GaussiansOptions(FieldOptions):
    """Options of the Gaussians."""

    settled_start = True
    steps: int = _steps(100)
    count: int = option(
        0,
        "Gaussians",
        "The number of Gaussians at the start, of which up to twice as many are added later. More show finer detail, "
        "and take longer; 0 starts with one for every 16 voxels of the object.",
        ge=0,
        le=2_000_000,
    )
