"""The levels of noise that a run passes through, from the start down to none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...models.prior import linear_alphabar

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


def levels(steps: int, t_start: int) -> list[Level]:
    """Uniform stride from ``t_start`` (0 to 999) of the linear DDPM schedule down to no noise.

    With 50 steps from 980 these are the times 980, 960, ..., 20 and 0 -> none of DDS, without its last call, which
    would denoise an image that has no noise: after the smallest time the image is clean.
    """
    abar = linear_alphabar(TIMES).tolist()
    steps = min(steps, max(t_start, 1))
    times = [round(t_start * (1 - k / steps)) for k in range(steps)]
    signal = [*(abar[t] for t in times), 1.0]
    return [Level(k, steps, signal[k], signal[k + 1]) for k in range(steps)]


def time_of(sigma: float) -> int:
    """The time of the schedule whose noise over signal is nearest to ``sigma``."""
    abar = linear_alphabar(TIMES).tolist()
    return min(range(TIMES), key=lambda t: abs(math.log((1 - abar[t]) / abar[t] / sigma**2)))
