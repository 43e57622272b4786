"""Where a field begins: a first volume, how smooth the result should be, and the field itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

from ..classical import tv
from ..diffusion.start import STAGE as STARTING
from ..diffusion.start import first_volume, settled_scale, tuned_start
from ..interface import Estimate, Problem
from ..inverse.masking import attenuation_scale
from ..subrun import solved_within, tuned_within
from .field import Field
from .gaussians import Gaussians
from .options import FieldOptions, GaussiansOptions, SirenOptions
from .pyramid import Pyramid
from .siren import Siren

# make(first, options, generator): a field on the lattice of a first volume in units of the object's maximum.
Make = Callable[[Tensor, Any, torch.Generator], Field]
VOXELS = 16  # of the object, for each Gaussian


def tuned_begin(problem: Problem, options: FieldOptions) -> Generator[Estimate, None, dict[str, Any]]:
    """What becomes of options on "auto", by held-out pixels, and the curve that decided."""
    chosen: dict[str, Any] = {}
    if options.smoothness == "auto":
        settled = yield from tuned_within(tv.METHOD, problem, _tv_options(options), "total variation")
        chosen["smoothness"] = float(settled.options.weight)
        chosen["smoothness_curve"] = settled.chosen["weight_curve"]
    if options.start_iterations == "auto":
        unused = {"start_iterations": 10}
        chosen |= (yield from tuned_start(problem, "cgls", options)) if options.start == "cgls" else unused
    return {**chosen, "scale": settled_scale(problem, options.scale)}


def begin(problem: Problem, options: FieldOptions) -> Generator[Estimate, None, Tensor]:
    """Make the first volume (slices, y, x), in the problem's unit, by settled options."""
    if options.start != "tv":
        return (yield from first_volume(problem, options.start, options))
    smooth = _tv_options(options)
    if smooth.weight == "auto":  # the field shall not be smoothed, its start is all the same
        smooth = (yield from tuned_within(tv.METHOD, problem, smooth, STARTING)).options
    smooth = smooth.taking({"iterations": start_iterations(problem, options)})
    last = yield from solved_within(tv.METHOD, problem, smooth, STARTING)
    return torch.as_tensor(last.volume).clone()


def start_iterations(problem: Problem, options: FieldOptions) -> int:
    """Iterations of TV that make the first volume."""
    settled = tv.short_iterations(problem)
    return settled if options.settled_start else min(settled, tv.trial_iterations(problem))


def _tv_options(options: FieldOptions) -> tv.TVOptions:
    fixed = {} if options.smoothness in ("auto", 0.0) else {"weight": options.smoothness}
    return tv.TVOptions.parse({"positivity": options.positivity, **fixed})


def strength(problem: Problem, weight: float, top: float) -> float:
    """TV's weight in the units of :class:`Scaled`; :class:`TVProblem` has it times ``|A|^2`` and the attenuation.

    Parameters
    ----------
    problem : Problem
    weight : float
        As an option.
    top : float
        The object's maximum, in the unit of the problem.

    Returns
    -------
    float
        Of the sum of the lengths of differences between neighbouring voxels.
    """
    return weight * float(attenuation_scale(problem, coupled=True)) / top


def siren(first: Tensor, options: SirenOptions, generator: torch.Generator) -> Field:
    """The implicit representation.

    Parameters
    ----------
    first : Tensor, shape (slices, y, x)
        First volume in units of the object's maximum.
    options : SirenOptions
    generator : torch.Generator
        Draws the weights.

    Returns
    -------
    Field
        On the device of ``first``.
    """
    return Siren(first, options.width, options.layers, generator, options.residual)


def pyramid(first: Tensor, options: FieldOptions, generator: torch.Generator) -> Field:
    """The pyramid of features.

    Parameters
    ----------
    first : Tensor, shape (slices, y, x)
        First volume in units of the object's maximum.
    options : FieldOptions
    generator : torch.Generator
        Draws the features.

    Returns
    -------
    Field
        On the device of ``first``, from which it takes the shape alone.
    """
    return Pyramid((len(first), first.shape[1], first.shape[2]), generator, first.device)


def gaussians(first: Tensor, options: GaussiansOptions, generator: torch.Generator) -> Field:
    """The Gaussians.

    Parameters
    ----------
    first : Tensor, shape (slices, y, x)
        First volume in units of the object's maximum.
    options : GaussiansOptions
    generator : torch.Generator
        Draws the places.

    Returns
    -------
    Field
        On the device of ``first``.
    """
    occupied = int((first > 0.05).sum())
    return Gaussians(first, options.count or max(100, occupied // VOXELS), generator)
