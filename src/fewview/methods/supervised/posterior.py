"""Posterior samples by a network that knows the measurement: a dozen calls, and no data step apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..diffusion.flow import Answer, flow
from ..slices import SliceNoise

HIGHEST, LOWEST = 1.0, 0.01
"""Noise levels between which samples are drawn, in parts of the object's maximum: as in the training."""
SIDE = 64
"""Pixels a side of the slices that a card's factors are measured on. What counts is the number of views by this: on
validation samples, 8 views of 128 pixels asked for the factor of 4 views of 64."""


def posterior_sample(answer: Answer, mean: Tensor, steps: int, noise: SliceNoise) -> Iterator[Tensor]:
    """Draw one object that agrees with the measurement.

    The probability flow of a variance-exploding diffusion, from white noise about the posterior mean down to none.

    Parameters
    ----------
    answer : callable
        The posterior mean given the measurement and a state with white noise of the level given, both like the object.
    mean : Tensor, shape (slices, y, x)
        The posterior mean given the measurement alone: the middle of the states at the highest level.
    steps : int
        Calls of ``answer``; more draw more exactly.
    noise : SliceNoise

    Yields
    ------
    Tensor, shape (slices, y, x)
        The answer at each level; the last is the sample.
    """
    levels = (HIGHEST * (LOWEST / HIGHEST) ** torch.linspace(0, 1, steps)).tolist()
    yield from flow(answer, mean + levels[0] * noise(mean), levels)


def spread_factor(card: Mapping[str, Any], views: int, side: int) -> float:
    """What the standard deviation of the samples is multiplied by, as measured on validation samples of the training.

    Parameters
    ----------
    card : mapping
        Of the weights; its entry "spread_factor" holds factors by number of views of slices of :data:`SIDE` pixels. 1
        without it.
    views : int
        Of the scan; between those of the card it is interpolated, beyond them the nearest counts.
    side : int
        Pixels a side of the slices.

    Returns
    -------
    float
    """
    known = sorted((int(number), float(factor)) for number, factor in (card.get("spread_factor") or {}).items())
    if not known:
        return 1.0
    numbers, factors = zip(*known, strict=True)
    return float(np.interp(math.log(views * SIDE / side), np.log(numbers), factors))
