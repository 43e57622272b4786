"""Filling the tiles of a fan beam on the CPU, compiled by numba; the weights of :mod:`fewview.operators.joseph_fan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .build import as_csr
from .csr import Csr
from .jit import jit
from .joseph_fan import FanInterpolation, FanJoseph, FanWeights


def joseph_tile(weights: FanJoseph, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
    """See :meth:`fewview.operators.joseph.Weights.tile`."""
    detector = (*weights.directions(), weights.rays)
    ruler = (weights.scale * weights.rays, (weights.foot + 0.5) * weights.rays - 0.5)
    return _filled(_joseph, weights, rows, views, dtype, *detector, *ruler)


def interpolation_tile(
    weights: FanInterpolation, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype
) -> Csr:
    """See :meth:`fewview.operators.joseph.Weights.tile`."""
    detector = (weights.columns, weights.scale, weights.foot, weights.nearest**2)
    return _filled(_interpolate, weights, rows, views, dtype, *detector)


def _filled(
    fill: Callable[..., Any],
    weights: FanWeights,
    rows: tuple[int, int],
    views: tuple[int, int],
    dtype: torch.dtype,
    *detector: Any,
) -> Csr:
    angles = weights.angles[slice(*views)]
    start = np.empty((rows[1] - rows[0]) * weights.grid + 1, np.int32)
    value = np.empty(3 * len(start) * len(angles), np.float32 if dtype == torch.float32 else np.float64)
    source = (weights.sod, weights.shift, weights.curved)
    index, value = fill(start, value, np.cos(angles), np.sin(angles), weights.grid, rows[0], *source, *detector)
    return as_csr(start, index, value, (len(start) - 1, len(angles) * weights.columns))


@jit
def _grown(array: Any) -> Any:
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@jit
def _joseph(
    start: Any,
    value: Any,
    cos: Any,
    sin: Any,
    n: int,
    top: int,
    sod: float,
    shift: float,
    curved: bool,
    ray_sin: Any,
    ray_cos: Any,
    rays: int,
    scale: float,
    foot: float,
) -> Any:
    """``ray_sin`` and ``ray_cos`` are of the angles to the perpendicular, of every ray."""
    columns = len(ray_sin) // rays
    index = np.empty(len(value), np.int32)
    middle = (n - 1) / 2
    filled = 0
    for voxel in range(len(start) - 1):
        x, y = voxel % n - middle, middle - (top + voxel // n)
        start[voxel] = filled
        for v in range(len(cos)):
            across, depth = x * cos[v] + y * sin[v] - shift, sod - x * sin[v] + y * cos[v]
            if depth <= 1.0:
                continue
            # The rays between those that pass at one voxel's distance on either side.
            tangent = across / depth
            reach = 1.0 / np.sqrt(across * across + depth * depth - 1.0)
            if curved:
                low = scale * (np.arctan(tangent) - np.arctan(reach))
                high = scale * (np.arctan(tangent) + np.arctan(reach))
            elif abs(tangent) * reach >= 1.0:
                continue
            else:
                low = scale * (tangent - reach) / (1.0 + tangent * reach)
                high = scale * (tangent + reach) / (1.0 - tangent * reach)
            first = max(int(np.ceil(min(max(low + foot, -1.0), 1e9))), 0)
            last = min(int(np.floor(min(max(high + foot, -1.0), 1e9))), len(ray_sin) - 1)
            while filled + last - first + 1 > len(value):
                index, value = _grown(index), _grown(value)
            for ray in range(first, last + 1):
                s, c = ray_sin[ray], ray_cos[ray]
                main = max(abs(s * cos[v] - c * sin[v]), abs(s * sin[v] + c * cos[v]))
                weight = (1.0 - abs(across * c - depth * s) / main) / (main * rays)
                if weight > 0:
                    index[filled] = ray // rays + columns * v
                    value[filled] = weight
                    filled += 1
    start[len(start) - 1] = filled
    return index[:filled].copy(), value[:filled].copy()


@jit
def _interpolate(
    start: Any,
    value: Any,
    cos: Any,
    sin: Any,
    n: int,
    top: int,
    sod: float,
    shift: float,
    curved: bool,
    columns: int,
    scale: float,
    foot: float,
    least: float,
) -> Any:
    index = np.empty(len(value), np.int32)
    middle = (n - 1) / 2
    filled = 0
    for voxel in range(len(start) - 1):
        x, y = voxel % n - middle, middle - (top + voxel // n)
        start[voxel] = filled
        for v in range(len(cos)):
            across, depth = x * cos[v] + y * sin[v] - shift, sod - x * sin[v] + y * cos[v]
            if depth <= 1.0:
                continue
            tangent = across / depth
            place = foot + scale * (np.arctan(tangent) if curved else tangent)
            squared = max(depth * depth + (across * across if curved else 0.0), least)
            near = int(np.floor(min(max(place, -2.0), columns + 1.0)))
            for column in range(max(near, 0), min(near + 2, columns)):
                weight = (1.0 - abs(column - place)) / squared
                if weight > 0:
                    index[filled] = column + columns * v
                    value[filled] = weight
                    filled += 1
    start[len(start) - 1] = filled
    return index[:filled].copy(), value[:filled].copy()
