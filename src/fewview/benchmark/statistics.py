"""How sure a mean is: intervals of Student's t over volumes, and paired differences between methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student_t

LEVEL = 0.95

Key = tuple[int, int]
"""Volume and seed."""


class Interval(NamedTuple):
    """A mean and its confidence interval; the ends are None where a single volume says nothing about its spread."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Mapping[Key, float]) -> Interval:
    """Mean over volumes with the interval of Student's t (Gosset, Biometrika 6, 1908).

    Seeds of one volume resemble each other and are not further volumes: they are averaged first. With two or three
    volumes the interval is wide, as it must be: that of the bootstrap holds the mean of two volumes in half of all
    cases only.

    Parameters
    ----------
    values : mapping of (volume, seed) to float

    Returns
    -------
    Interval
        ``n`` counts the values, seeds included.
    """
    groups: dict[int, list[float]] = {}
    for (volume, _), value in values.items():
        groups.setdefault(volume, []).append(value)
    means = np.array([np.mean(group) for group in groups.values()])
    mean = float(means.mean())
    if len(means) < 2:
        return Interval(mean, None, None, len(values))
    reach = float(student_t.ppf((1 + LEVEL) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    return Interval(mean, mean - reach, mean + reach, len(values))


def paired(first: Mapping[Key, float], second: Mapping[Key, float]) -> Interval | None:
    """``first - second`` over the volumes and seeds that both have; None where they share none."""
    shared = sorted(first.keys() & second.keys())
    return mean_interval({key: first[key] - second[key] for key in shared}) if shared else None
