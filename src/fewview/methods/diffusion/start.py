"""Where the reverse diffusion starts."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any, Protocol

import torch
from torch import Tensor

from ...operators import krylov
from ...options import Auto
from ..classical import cgls, tv
from ..classical.fbp import preview
from ..interface import Estimate, Method, Problem
from ..inverse.masking import measured
from ..inverse.normalised import robust_maximum
from ..selection.picture import Picture
from ..slices import common
from ..subrun import solved_within, tuned_within
from .schedule import Level

STAGE = "starting image"
Start = str  # "noise", "fbp", "cgls" or "tv"
METHODS: dict[Start, tuple[Method[Any], str, str]] = {
    "cgls": (cgls.METHOD, "iterations", "start_iterations"),
    "tv": (tv.METHOD, "weight", "start_weight"),
}
"""The method behind a start, the option of it that may be "auto", and what the diffusion methods call that option."""


class Starting(Protocol):
    """Options of a method that starts from CGLS."""

    @property
    def start_iterations(self) -> int | Auto:
        """Steps of CGLS."""
        ...


def tuned_start(problem: Problem, start: Start, options: Starting) -> Generator[Estimate, None, dict[str, Any]]:
    """What becomes of "auto" in the settings of the start: option name and value; empty where nothing is open.

    Parameters
    ----------
    problem : Problem
    start : Start
        cgls, tv, fbp or noise.
    options : Starting

    Yields
    ------
    Estimate
        What the search shows meanwhile.

    Returns
    -------
    dict of str to Any
        In the unit of the option.
    """
    if start not in METHODS or getattr(options, METHODS[start][2]) != "auto":
        return {}
    method, theirs, ours = METHODS[start]
    settled = yield from tuned_within(method, problem, method.options(), STAGE)
    return {ours: getattr(settled.options, theirs)}


def first_volume(
    problem: Problem, start: Start, options: Starting, picture: Picture | None = None
) -> Generator[Estimate, None, Tensor]:
    """The volume that the start is made from, in the problem's unit.

    Parameters
    ----------
    problem : Problem
    start : str
    options : Starting
        Settled.
    picture : Picture, optional
        What is shown meanwhile; what the method behind it (CGLS, TV) shows when not given.

    Yields
    ------
    Estimate
        Those of the method behind the start; none of FBP and of noise.

    Returns
    -------
    Tensor
        Shape (slices, y, x).
    """
    if start not in METHODS:
        return preview(problem)
    method, theirs, ours = METHODS[start]
    settled = method.options.parse({theirs: getattr(options, ours)})
    last = yield from solved_within(method, problem, settled, STAGE, picture)
    return torch.as_tensor(last.volume).clone()


def noised(x01: Tensor, level: Level, noise: Tensor, start: Start, omega: float = 1.0) -> Tensor:
    """``x_t`` at the first level.

    Parameters
    ----------
    x01 : Tensor, shape (copies * slices, y, x)
        First volume in units of the object's maximum; not used by "noise".
    level : Level
        The first one.
    noise : Tensor
        White, variance 1.
    start : {"cgls", "tv", "fbp", "noise"}
        What the first volume is; "noise" goes without one.
    omega : float
        Factor of the noise; below 1 the first volume weighs more than the schedule says (DINR).

    Returns
    -------
    Tensor
        Shape of the first volume, in units of the object's maximum.
    """
    if start == "noise":
        return noise
    return math.sqrt(level.abar) * x01 + omega * math.sqrt(1 - level.abar) * noise


def settled_scale(problem: Problem, scale: float | Auto) -> float:
    """Attenuation that a network takes for 1: of a first reconstruction where ``scale`` is "auto".

    Where there is no object, any scale will do.
    """
    if scale != "auto":
        return scale
    found = robust_maximum(least_squares(common(problem)))
    return found if found > 0 else 1.0


def least_squares(problem: Problem, iterations: int = 10) -> Tensor:
    """A few steps of CGLS: what the object's maximum is taken from."""
    y, weights = measured(problem)
    x = None
    for step in krylov.cgls(problem.operator, y, iterations=iterations, weights=weights):
        x = step.x
    assert x is not None
    return x
