"""How sure a mean is: bootstrap over volumes and seeds, and paired differences between methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

RESAMPLES = 4000
LEVEL = 0.95

Key = tuple[int, int]
"""Volume and seed."""


class Interval(NamedTuple):
    """A mean and its bootstrap interval; the ends are None where a single value says nothing about its spread."""

    mean: float
    low: float | None
    high: float | None
    n: int


def bootstrap(values: Mapping[Key, float], level: float = LEVEL, resamples: int = RESAMPLES) -> Interval:
    """Mean over volumes and seeds with its percentile interval (Efron and Tibshirani 1993, chapter 13).

    Drawn in two stages, volumes and then seeds within each: two seeds of one volume resemble each other, and are
    not two volumes.

    Parameters
    ----------
    values : mapping of (volume, seed) to float
    level : float
        Of confidence.
    resamples : int

    Returns
    -------
    Interval
        The same numbers always: the resampling is seeded.
    """
    groups: dict[int, list[float]] = {}
    for (volume, _), value in sorted(values.items()):
        groups.setdefault(volume, []).append(value)
    mean = float(np.mean(list(values.values())))
    if len(values) < 2:
        return Interval(mean, None, None, len(values))
    rng = np.random.default_rng(0)
    volumes = [np.array(group) for group in groups.values()]
    # Each volume's sum over resampled seeds, for every resample and every time that the volume may be drawn.
    drawn = rng.integers(len(volumes), size=(resamples, len(volumes)))
    sums, sizes = np.zeros(drawn.shape), np.zeros(drawn.shape)
    for index, group in enumerate(volumes):
        chosen = group[rng.integers(len(group), size=(*drawn.shape, len(group)))].sum(axis=-1)
        here = drawn == index
        sums[here], sizes[here] = chosen[here], len(group)
    means = sums.sum(axis=1) / sizes.sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), len(values))


def paired(first: Mapping[Key, float], second: Mapping[Key, float]) -> Interval | None:
    """``first - second`` over the volumes and seeds that both have; None where they share none."""
    shared = sorted(first.keys() & second.keys())
    return bootstrap({key: first[key] - second[key] for key in shared}) if shared else None
