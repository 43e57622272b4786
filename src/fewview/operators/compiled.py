"""Joseph's projector without a stored matrix, compiled for the processor by numba.

For geometries whose matrix would exceed the memory budget. The weights are the closed form of
:mod:`fewview.operators.joseph`, evaluated on the fly from the same positions in both directions, so that the
adjoint stays exact. The slices are innermost, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import compiled_fan
from .jit import jit
from .joseph import ParallelJoseph
from .joseph_fan import FanJoseph
from .threads import pausing, share
from .tiles import BLOCK, SLICES, cuts, empty_like_order, slices_innermost

PIECE = 3e7  # pixel-view pairs between two ticks: some 30 ms for one slice
MARGIN = 2


# Both kernels first fill a line of weights and places (arithmetic alone, which the compiler vectorises) and then
# gather with them: four times as fast as doing both at once. Margins of zeros stand for range checks.


@jit
def _project(image: Any, turned: Any, sino: Any, cos: Any, sin: Any, scale: float, shift: float) -> None:
    """Add the projections of ``image`` (n, MARGIN + n + MARGIN, slices) to ``sino`` (views, rays, slices)."""
    n, rays, slices = image.shape[0], sino.shape[1], sino.shape[2]
    middle = (n - 1) / 2
    first, second = np.empty(rays, image.dtype), np.empty(rays, image.dtype)
    place = np.empty(rays, np.uint32)
    for k in range(n):
        for v in range(len(cos)):
            c, s = cos[v], sin[v]
            half = max(abs(c), abs(s))
            slope, height = 1.0 / (half * scale), 1.0 / half
            # March over rows where the ray is steep, else over columns, which are the rows of the turned image.
            steep = abs(c) >= abs(s)
            step = (c if steep else -s) * scale
            inverse = 1.0 / step
            start = ((middle - k) * s - middle * c if steep else (k - middle) * c + middle * s) * scale + shift
            for f in range(rays):
                near = np.floor((f - start) * inverse)
                offset = start + near * step - f
                first[f] = max(0.0, 1.0 - abs(offset) * slope) * height
                second[f] = max(0.0, 1.0 - abs(offset + step) * slope) * height
                place[f] = min(max(near, -2.0), float(n)) + 2.0
            row = image[k] if steep else turned[k]
            out = sino[v]
            if slices == 1:
                for f in range(rays):
                    out[f, 0] += first[f] * row[place[f], 0] + second[f] * row[place[f] + np.uint32(1), 0]
            else:
                for f in range(rays):
                    w, w2, p = first[f], second[f], place[f]
                    if w + w2 > 0:
                        for t in range(slices):
                            out[f, t] += w * row[p, t] + w2 * row[p + np.uint32(1), t]


@jit
def _back_project(sino: Any, image: Any, top: int, cos: Any, sin: Any, reach: int, scale: float, shift: float) -> None:
    """Add to image rows from ``top`` on (rows, n, slices) the rays (views, MARGIN + rays + MARGIN, slices)."""
    n, slices = image.shape[1], image.shape[2]
    last = float(sino.shape[1] - 2 * MARGIN)
    middle = (n - 1) / 2
    first, second = np.empty(n, image.dtype), np.empty(n, image.dtype)
    place = np.empty(n, np.uint32)
    for i in range(image.shape[0]):
        out = image[i]
        for v in range(len(cos)):
            half = max(abs(cos[v]), abs(sin[v]))
            slope, height = 1.0 / (half * scale), 1.0 / half
            step = cos[v] * scale
            start = (middle - (top + i)) * sin[v] * scale - middle * step + shift
            row = sino[v]
            for pair in range(0, reach, 2):
                for j in range(n):
                    centre = start + j * step
                    near = np.floor(centre - half * scale) + (1.0 + pair)
                    first[j] = max(0.0, 1.0 - abs(centre - near) * slope) * height
                    second[j] = max(0.0, 1.0 - abs(centre - near - 1.0) * slope) * height
                    place[j] = min(max(near, -2.0), last) + 2.0
                if slices == 1:
                    for j in range(n):
                        out[j, 0] += first[j] * row[place[j], 0] + second[j] * row[place[j] + np.uint32(1), 0]
                else:
                    for j in range(n):
                        w, w2, p = first[j], second[j], place[j]
                        if w + w2 > 0:
                            for t in range(slices):
                                out[j, t] += w * row[p, t] + w2 * row[p + np.uint32(1), t]


class CompiledProduct:
    """The products of :class:`fewview.operators.tiles.TiledMatrix`, without its memory; CPU only."""

    nbytes = 0

    def __init__(self, weights: ParallelJoseph | FanJoseph, dtype: torch.dtype) -> None:
        self.weights, self.views = weights, weights.views
        self.cos, self.sin = np.cos(weights.angles), np.sin(weights.angles)
        # The two kernels, and what they take beside data and angles.
        self.kernels: tuple[Any, Any]
        self.facts: tuple[tuple[Any, ...], tuple[Any, ...]]
        if isinstance(weights, FanJoseph):
            self.kernels = compiled_fan.project, compiled_fan.back_project
            self.facts = compiled_fan.fan_facts(weights), compiled_fan.fan_facts(weights)
        else:
            ruler = (weights.rays / weights.pitch, (weights.axis + 0.5) * weights.rays - 0.5)
            self.kernels, self.facts = (_project, _back_project), (ruler, (weights.reach, *ruler))
        pixels = weights.grid**2
        self.block = max(1, min(SLICES, BLOCK // (pixels * torch.finfo(dtype).bits // 8)))
        self.piece_views = max(1, int(PIECE // pixels))
        self.piece_rows = max(1, int(PIECE // (weights.grid * self.views)))

    def forward(self, x: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, pixels) to (slices, rays)."""
        n, columns, rays = self.weights.grid, self.weights.columns, self.weights.rays
        y = empty_like_order(x, self.views * columns)
        for s0, s1 in cuts(len(x), self.block):
            image = slices_innermost(x[s0:s1]).numpy().reshape(n, n, s1 - s0)
            straight, turned = _widened(image), _widened(image.transpose(1, 0, 2))
            sino = np.zeros((self.views, columns * rays, s1 - s0), image.dtype)
            pieces = cuts(self.views, self.piece_views)
            calls = [(straight, turned, sino[a:b], self.cos[a:b], self.sin[a:b], *self.facts[0]) for a, b in pieces]
            share(pausing(self.kernels[0]), calls, tick)
            mean = sino.reshape(self.views * columns, rays, s1 - s0).mean(1)
            y[s0:s1] = torch.from_numpy(mean).t()
        return y

    def backward(self, y: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, rays) to (slices, pixels)."""
        n, rays = self.weights.grid, self.weights.rays
        x = empty_like_order(y, n * n)
        for s0, s1 in cuts(len(y), self.block):
            sino = slices_innermost(y[s0:s1]).numpy().reshape(self.views, self.weights.columns, s1 - s0)
            wide = _widened(np.repeat(sino, rays, axis=1) / sino.dtype.type(rays))
            image = np.zeros((n, n, s1 - s0), sino.dtype)
            calls = [(wide, image[a:b], a, self.cos, self.sin, *self.facts[1]) for a, b in cuts(n, self.piece_rows)]
            share(pausing(self.kernels[1]), calls, tick)
            x[s0:s1] = torch.from_numpy(image).flatten(0, 1).t()
        return x


def _widened(array: np.ndarray) -> np.ndarray:
    """The array with a margin of zeros along its middle axis, in C order whatever the order of the array."""
    height, width, slices = array.shape
    wide = np.zeros((height, width + 2 * MARGIN, slices), array.dtype)
    wide[:, MARGIN:-MARGIN] = array
    return wide
