"""ASD-POCS: projections onto the data, and steepest descent of total variation, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pydantic import field_validator
from torch import Tensor

from ...options import option
from ...quality.residual import noise_level
from ..budget import BudgetOptions
from ..differences import gradient, gradient_adjoint, magnitude
from ..interface import Estimate, Method, Problem
from ..inverse.masking import attenuation_scale, relative, weigh
from .iterate import begun
from .ordered import Sweep

EDGE = 1e-3  # differences under this part of the typical attenuation count as flat in the gradient of TV


class ASDPOCSOptions(BudgetOptions):
    """Options of ASD-POCS."""

    iterations: int = option(
        40,
        "Iterations",
        "The number of rounds; each is one pass over the views and the steps that reduce total variation. "
        "More take longer and fit both better.",
        ge=1,
    )
    tolerance: float = option(
        0.0,
        "Tolerance",
        "The relative data residual that noise explains: a larger one allows a flatter image. 0 estimates it from the "
        "noise of every slice.",
        ge=0,
    )
    tv_steps: int = option(
        20,
        "TV steps",
        "The number of steepest-descent steps on total variation in each round. More make the volume flatter.",
        ge=1,
        advanced=True,
    )
    strength: float = option(
        0.02,
        "Strength",
        "The size of the total variation steps relative to the data steps. A larger one gives flatter regions "
        "and fewer streaks.",
        gt=0,
        le=1,
    )
    relaxation: float = option(
        1.0,
        "Relaxation",
        "The size of the updates in the passes over the views. A smaller one converges more slowly and gives "
        "less noise.",
        gt=0,
        le=1.99,
        advanced=True,
    )
    decay: float = option(
        0.97,
        "Decay",
        "The update size is multiplied by this factor after each round. A smaller factor lets the volume "
        "settle earlier.",
        gt=0,
        le=1,
        advanced=True,
    )
    subset: int = option(
        1,
        "Views per update",
        "The number of views that each update of a pass uses. More views per update take less time.",
        ge=1,
        unit="views",
        advanced=True,
    )

    @field_validator("tolerance", mode="before")
    @classmethod
    def _as_it_was_called(cls, value: Any) -> Any:
        """Take "auto" of older recipes for 0."""
        return 0.0 if value == "auto" else value


@torch.no_grad()
def solve(problem: Problem, options: ASDPOCSOptions) -> Iterator[Estimate]:
    """Sidky and Pan's adaptive scheme, slice by slice: positivity is always on.

    While the data are not met within the tolerance, TV steps longer than the data step are made shorter.
    """
    A = problem.operator
    sweep = Sweep(problem, options.subset, problem.seed)
    y, usable = sweep.y, sweep.usable
    norm = _norms(y)
    # As a fraction of |y|, and the longest TV step allowed relative to a data step: Sidky and Pan's r_max.
    tolerance = _noise(y, usable, norm) if options.tolerance == 0 else y.new_tensor(options.tolerance)
    longest, shorter = 0.95, 0.85
    flat = EDGE * attenuation_scale(problem)
    done, x = begun(problem, y)
    length = y.new_zeros(len(y), 1, 1)  # of a TV step, set by the first pass
    if problem.state is not None:
        length = torch.as_tensor(problem.state["length"]).to(y).clone()
    for step in range(done + 1, options.iterations + 1):
        relaxation = y.new_full((1, 1, 1), options.relaxation * options.decay ** (step - 1))
        fitted = sweep(x, step, relaxation, positivity=True)
        change = _norms(fitted - x)
        residual = weigh(A(fitted) - y, usable)
        length = options.strength * change if step == 1 else length
        x = fitted
        for _ in range(options.tv_steps):
            slope = _tv_slope(x, flat)
            steepness = _norms(slope).clamp(min=torch.finfo(y.dtype).tiny)
            x = x - slope.mul_(length).div_(steepness)
        x.clamp_(min=0)
        too_long = (_norms(x - fitted) > longest * change) & (_norms(residual) > tolerance * norm)
        length = torch.where(too_long, shorter * length, length)
        scalars = {"data_residual": relative(A(x) - y, y, usable)}
        state = {"volume": x, "step": step, "length": length}
        yield Estimate(x, step, options.iterations, "iterating", scalars, state)


def _tv_slope(x: Tensor, flat: Tensor) -> Tensor:
    q = gradient(x)
    q /= magnitude(q).square_().add_(flat**2).sqrt_()
    return gradient_adjoint(q)


def _noise(y: Tensor, usable: Tensor | None, norm: Tensor) -> Tensor:
    """Expected |A x - y| / |y| of the true object, per slice."""
    count = y[0].numel()
    levels = [noise_level(y[k : k + 1], None if usable is None else usable[k : k + 1]) for k in range(len(y))]
    result: Tensor = y.new_tensor(levels).reshape(-1, 1, 1) * count**0.5 / norm.clamp(min=torch.finfo(y.dtype).tiny)
    return result


def _norms(values: Tensor) -> Tensor:
    result: Tensor = torch.linalg.vector_norm(values, dim=(1, 2), keepdim=True)
    return result


METHOD = Method(
    name="asd-pocs",
    title="ASD-POCS",
    family="classical",
    summary="Total variation as small as the data allow; for few, clean views.",
    source="Sidky and Pan, Phys. Med. Biol. 53 (2008) 4777",
    options=ASDPOCSOptions,
    solve=solve,
    buffers=(7.0, 6.0),
    matrices=2.2,
)
