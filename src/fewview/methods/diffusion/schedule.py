"""The levels of noise that a run passes through, from the start down to none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...models.prior import linear_alphabar

Spacing = Literal["uniform", "ratio"]
LOWEST = 0.1  # noise over signal of the last network call with "ratio"; 0.02 to 0.1 are equally good
TIMES = 1000  # of the diffusion that the methods were published with


@dataclass(frozen=True)
class Level:
    """One step of the reverse diffusion.

    Parameters
    ----------
    index, total : int
        Steps before this one, and in all.
    abar, abar_next : float
        Part of the signal (alpha-bar) in what is denoised, and in what follows; 1 where no noise is left.
    """

    index: int
    total: int
    abar: float
    abar_next: float

    @property
    def sigma(self) -> float:
        """Noise over signal in what is denoised, in units of the object's maximum."""
        return math.sqrt((1 - self.abar) / self.abar)

    @property
    def last(self) -> bool:
        """Whether no noise follows."""
        return self.abar_next == 1.0


def ladder(steps: int, first: float, last: float) -> list[Level]:
    """Levels of noise over signal from ``first`` down to ``last``, each the same part of the one before; then none.

    Parameters
    ----------
    steps : int
    first, last : float
        In units of the object's maximum.

    Returns
    -------
    list of Level
        As many as ``steps``, the most noise first.
    """
    sigmas = [first * (last / first) ** (k / max(steps - 1, 1)) for k in range(steps)]
    return _chained([1 / (1 + sigma**2) for sigma in sigmas])


def levels(steps: int, t_start: int, spacing: Spacing = "uniform") -> list[Level]:
    """Noise levels from time ``t_start`` (1 to 999) of the linear DDPM schedule down to none.

    "uniform" strides are as published: 50 steps from 980 are the times 980, 960, ..., 20 of DDS, without its last
    call, which would denoise an image that has no noise. "ratio" divides the noise over signal by the same factor at
    each step, down to :data:`LOWEST`: four such steps do as well as fifty uniform ones.

    Parameters
    ----------
    steps : int
        How many, at most.
    t_start : int
        1 to 999.
    spacing : Spacing, optional
        uniform or ratio.

    Returns
    -------
    list of Level
        The most noise first; of "uniform" no more than ``t_start``.
    """
    abar = linear_alphabar(TIMES).tolist()
    if spacing == "uniform":
        steps = min(steps, max(t_start, 1))
        signal = [abar[round(t_start * (1 - k / steps))] for k in range(steps)]
    else:
        first = math.sqrt((1 - abar[t_start]) / abar[t_start])
        factor = min(LOWEST / first, 1.0) ** (1 / max(steps - 1, 1))
        signal = [1 / (1 + (first * factor**k) ** 2) for k in range(steps)]
    return _chained(signal)


def _chained(signal: list[float]) -> list[Level]:
    following = [*signal[1:], 1.0]
    return [Level(k, len(signal), signal[k], following[k]) for k in range(len(signal))]
