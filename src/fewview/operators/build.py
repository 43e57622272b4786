"""Filling the tiles of the stored matrix on the CPU, compiled by numba: forty times as fast as array arithmetic.

The weights are those of :mod:`fewview.operators.joseph`, from the same float64 positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .csr import Csr
from .jit import jit
from .joseph import ParallelJoseph


def parallel_tile(weights: ParallelJoseph, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
    """See :meth:`fewview.operators.joseph.Weights.tile`."""
    angles = weights.angles[slice(*views)]
    voxels = (rows[1] - rows[0]) * weights.grid
    room = voxels * len(angles) * weights.reach
    start = np.empty(voxels + 1, np.int32)
    index, value = np.empty(room, np.int32), np.empty(room, np.float32 if dtype == torch.float32 else np.float64)
    ruler = (weights.rays / weights.pitch, (weights.axis + 0.5) * weights.rays - 0.5)
    size = (weights.grid, rows[0], weights.columns, weights.rays, weights.reach)
    filled = _fill(start, index, value, np.cos(angles), np.sin(angles), *size, *ruler)
    return as_csr(start, index[:filled].copy(), value[:filled].copy(), (voxels, len(angles) * weights.columns))


def transpose_tile(matrix: Csr) -> Csr:
    """The transpose, values unchanged."""
    height, width = matrix.shape
    start, index, value = (t.numpy() for t in (matrix.start, matrix.index, matrix.value))
    turned = np.zeros(width + 1, np.int32), np.empty_like(index), np.empty_like(value)
    _turn(start, index, value, *turned)
    return as_csr(*turned, (width, height))


def as_csr(start: np.ndarray, index: np.ndarray, value: np.ndarray, shape: tuple[int, int]) -> Csr:
    """A matrix of numpy's arrays.

    Parameters
    ----------
    start : ndarray, shape (rows + 1,)
        Where each row begins.
    index : ndarray, shape (stored,)
        Columns.
    value : ndarray, shape (stored,)
    shape : tuple[int, int]
        (rows, columns).

    Returns
    -------
    Csr
        Sharing the memory of the arrays.
    """
    return Csr(torch.from_numpy(start), torch.from_numpy(index), torch.from_numpy(value), shape)


@jit
def _fill(
    start: Any,
    index: Any,
    value: Any,
    cos: Any,
    sin: Any,
    n: int,
    top: int,
    columns: int,
    rays: int,
    reach: int,
    scale: float,
    shift: float,
) -> int:
    middle = (n - 1) / 2
    filled = 0
    for pixel in range(len(start) - 1):
        x, y = pixel % n - middle, middle - (top + pixel // n)
        start[pixel] = filled
        for v in range(len(cos)):
            half = max(abs(cos[v]), abs(sin[v]))
            width, height = half * scale, 1.0 / (half * rays)
            place = (x * cos[v] + y * sin[v]) * scale + shift
            first = int(np.floor(place - width)) + 1
            for ray in range(first, first + reach):
                weight = (1.0 - abs(ray - place) / width) * height
                column = ray // rays
                if weight > 0 and 0 <= column < columns:
                    index[filled] = column + columns * v
                    value[filled] = weight
                    filled += 1
    start[len(start) - 1] = filled
    return filled


@jit
def _turn(start: Any, index: Any, value: Any, new_start: Any, new_index: Any, new_value: Any) -> None:
    """Counting sort by column: stable, so the rows of the transpose are in order."""
    for k in range(len(index)):
        new_start[index[k] + 1] += 1
    for c in range(len(new_start) - 1):
        new_start[c + 1] += new_start[c]
    place = new_start[:-1].copy()
    for row in range(len(start) - 1):
        for k in range(start[row], start[row + 1]):
            at = place[index[k]]
            place[index[k]] += 1
            new_index[at] = row
            new_value[at] = value[k]
