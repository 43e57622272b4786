"""What a method is measured on: line integrals to use, others to predict, and a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FewviewError
from ...scan import LineIntegrals

Array = NDArray[np.float32]


class NoData(FewviewError):
    """Data that cannot be had here, or not in this size: the benchmark says so and goes on."""


@dataclass(frozen=True, eq=False)
class Case:
    """One measurement of one sample.

    Parameters
    ----------
    lines : LineIntegrals
        What the method gets.
    others : LineIntegrals
        Views of the same sample between those of ``lines``, which no method gets: for the held-out error.
    reference : array, shape (slices, y, x)
        The truth, or the FBP of all views of a measured scan.
    """

    lines: LineIntegrals
    others: LineIntegrals
    reference: Array


def area_means(values: NDArray[Any], count: int) -> Array:
    """Means over ``count`` equal intervals that cover the last axis; an interval may take part of a pixel."""
    length = values.shape[-1]
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1, dtype=np.float64)], axis=-1)
    edges = np.linspace(0, length, count + 1)
    low = np.minimum(edges.astype(int), length - 1)
    part = edges - low
    at = total[..., low] * (1 - part) + total[..., low + 1] * part
    result: Array = (np.diff(at, axis=-1) * (count / length)).astype(np.float32)
    return result
