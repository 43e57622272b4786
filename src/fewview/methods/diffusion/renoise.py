"""From a clean image to the next, less noisy one: how much of the noise is new."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from .schedule import Level

# rule(level) -> factors of the new noise and of the noise that the network saw
Rule = Callable[[Level], tuple[float, float]]


def noise_in(x_t: Tensor, x0: Tensor, abar: float) -> Tensor:
    """The noise of a noisy image, given what the clean one is.

    Parameters
    ----------
    x_t, x0 : Tensor, shape (slices, y, x)
        Noisy and clean image.
    abar : float
        Part of the signal in the variance.

    Returns
    -------
    Tensor, shape (slices, y, x)
        Of unit variance where the clean image is right.
    """
    return (x_t - math.sqrt(abar) * x0) / math.sqrt(1 - abar)


def slerp(eta: float = 0.85) -> Rule:
    """The spherical mix of DDS and D3IP: a part ``eta`` of the noise is new, and its variance stays 1."""

    def factors(level: Level) -> tuple[float, float]:
        spread = math.sqrt(1 - level.abar_next)
        return eta * spread, math.sqrt(1 - eta**2) * spread

    return factors


def ddim(eta: float = 0.2) -> Rule:
    """DDIM (Song et al. 2021, equation 16), as SCD uses it; 0 is deterministic, 1 is DDPM."""

    def factors(level: Level) -> tuple[float, float]:
        new = eta * math.sqrt(max(0.0, (1 - level.abar / level.abar_next) * (1 - level.abar_next) / (1 - level.abar)))
        return new, math.sqrt(max(0.0, 1 - level.abar_next - new**2))

    return factors


def remembered(rule: Rule) -> Rule:
    """The old noise of a rule, without the new one: the mean of what follows."""
    return lambda level: (0.0, rule(level)[1])


def forgotten(level: Level) -> tuple[float, float]:
    """No noise at all: what follows is the clean image, which then counts as a noisy one (DPnP)."""
    return 0.0, 0.0


def renoised(rule: Rule, x0: Tensor, eps: Tensor, level: Level, fresh: Callable[[], Tensor]) -> Tensor:
    """``sqrt(abar_next) x0`` plus noise after ``rule``; ``fresh`` draws new noise, and is asked only where wanted.

    Parameters
    ----------
    rule : Rule
        Gives the factors of new and old noise.
    x0 : Tensor, shape (copies * slices, y, x)
        Clean images.
    eps : Tensor, shape (copies * slices, y, x)
        The noise to go on with.
    level : Level
    fresh : callable
        Draws white noise of the same shape.

    Returns
    -------
    Tensor
        Shape (copies * slices, y, x).
    """
    if level.last:
        return x0
    new, old = rule(level)
    x = math.sqrt(level.abar_next) * x0 + old * eps
    return x + new * fresh() if new > 0 else x
