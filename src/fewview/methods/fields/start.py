"""Where a field begins: a first volume, how smooth the result should be, and the field itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..diffusion.start import first_volume, least_squares
from ..interface import Estimate, Problem
from ..inverse.masking import attenuation_scale
from ..inverse.normalised import robust_maximum
from ..registry import get_method
from ..subrun import nested
from .field import Field
from .gaussians import Gaussians
from .options import FieldOptions, GaussiansOptions, SirenOptions
from .pyramid import Pyramid
from .siren import Siren

# make(first, options, generator): a field on the lattice of a first volume in units of the object's maximum.
Make = Callable[[Tensor, Any, torch.Generator], Field]
VOXELS = 16  # of the object, for each Gaussian


class Begin(NamedTuple):
    """First volume (slices, y, x) in the problem's unit, the object's maximum, TV's weight, and what chose it."""

    first: Tensor
    top: float
    weight: float
    chosen: dict[str, Any]


def begin(problem: Problem, options: FieldOptions) -> Generator[Estimate, None, Begin]:
    """Make the first volume, and choose what is "auto" by held-out pixels."""
    top = robust_maximum(least_squares(problem))
    if options.smoothness == "auto" or options.start == "tv":
        tv = get_method("tv")
        fixed = {} if options.smoothness in ("auto", 0.0) else {"weight": options.smoothness}
        settings = tv.options.parse({"positivity": options.positivity, **fixed})
        last = yield from nested(tv, problem, settings, "start")
        weight = float(last.scalars["weight"]) if options.smoothness == "auto" else float(options.smoothness)
        chosen = {"smoothness": weight} if options.smoothness == "auto" else {}
        if "weight_curve" in last.chosen:
            chosen["smoothness_curve"] = last.chosen["weight_curve"]
        if options.start == "tv":
            return Begin(torch.as_tensor(last.volume).clone(), top, weight, chosen)
    else:
        weight, chosen = float(options.smoothness), {}
    first, _ = yield from first_volume(problem, options.start)
    return Begin(first, top, weight, chosen)


def strength(problem: Problem, weight: float, top: float) -> float:
    """TV's weight in the units of :class:`Scaled`; :class:`TVProblem` has it times ``|A|^2`` and the attenuation."""
    return weight * float(attenuation_scale(problem, coupled=True)) / top


def siren(first: Tensor, options: SirenOptions, generator: torch.Generator) -> Field:
    """The implicit representation."""
    return Siren(first, options.width, options.layers, generator, options.residual)


def pyramid(first: Tensor, options: FieldOptions, generator: torch.Generator) -> Field:
    """The pyramid of features."""
    return Pyramid((len(first), first.shape[1], first.shape[2]), generator, first.device)


def gaussians(first: Tensor, options: GaussiansOptions, generator: torch.Generator) -> Field:
    """The Gaussians."""
    occupied = int((first > 0.05).sum())
    return Gaussians(first, options.count or max(100, occupied // VOXELS), generator)
