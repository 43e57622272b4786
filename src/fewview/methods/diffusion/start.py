"""Where the reverse diffusion starts."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from ..classical.fbp import preview
from ..interface import Estimate, Problem
from ..inverse.masking import measured
from ..selection.picture import Picture
from ..subrun import nested
from .schedule import Level

STAGE = "starting image"
Start = str  # "noise", "fbp", "cgls" or "tv"


def first_volume(
    problem: Problem, start: Start, picture: Picture | None = None
) -> Generator[Estimate, None, tuple[Tensor, dict[str, Any]]]:
    """The volume that the start is made from, in the problem's unit.

    Parameters
    ----------
    problem : Problem
    start : str
    picture : Picture, optional
        What is shown meanwhile; what the method behind it (CGLS, TV) shows when not given.

    Returns
    -------
    volume : Tensor
    chosen : dict
        What that method chose by held-out views.
    """
    if start in ("noise", "fbp"):
        return preview(problem), {}
    from ..registry import get_method

    method = get_method(start)
    last = yield from nested(method, problem, method.options(), STAGE, picture)
    chosen: dict[str, Any] = {f"start_{name}": value for name, value in last.chosen.items() if "curve" not in name}
    return torch.as_tensor(last.volume).clone(), chosen


def noised(x01: Tensor, level: Level, noise: Tensor, start: Start, omega: float = 1.0) -> Tensor:
    """``x_t`` at the first level.

    Parameters
    ----------
    x01 : Tensor, shape (copies * slices, y, x)
        First volume in units of the object's maximum; not used by "noise".
    noise : Tensor
        White, variance 1.
    omega : float
        Factor of the noise; below 1 the first volume weighs more than the schedule says (DINR).
    """
    if start == "noise":
        return noise
    return math.sqrt(level.abar) * x01 + omega * math.sqrt(1 - level.abar) * noise


def least_squares(problem: Problem, iterations: int = 10) -> Tensor:
    """A few steps of CGLS: what the object's maximum is taken from."""
    from ...operators.krylov import cgls

    y, weights = measured(problem)
    x = None
    for step in cgls(problem.operator, y, iterations=iterations, weights=weights):
        x = step.x
    assert x is not None
    return x
