"""Joseph's projector without a stored matrix, compiled for the processor by numba.

For geometries whose matrix would exceed the memory budget. The weights are the closed form of
:mod:`fewview.operators.joseph`, evaluated on the fly from the same positions in both directions, so that the
adjoint stays exact. The slices are innermost, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from .joseph import Lattice
from .tiles import BLOCK, SLICES, cuts, empty_like_order, slices_innermost

PIECE = 3e7  # pixel-view pairs (of up to 16 slices) between two ticks: some tenths of a second


def _jit(function: Callable[..., Any]) -> Any:
    # Without the interpreter's lock, so that threads share the work; cached on disk, so that only the first run
    # on a machine compiles. Reassociation is all of fastmath that is wanted: NaN in the data must stay NaN.
    return numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})(function)


@_jit
def _weight(index: int, last: int, distance: float, slope: float) -> float:
    """Tent at a distance from its middle; nothing outside of ``range(last)``."""
    return max(0.0, 1.0 - abs(distance) * slope) if 0 <= index < last else 0.0


@_jit
def _project(image: Any, sino: Any, cos: Any, sin: Any, rays: int, scale: float, shift: float) -> None:
    n, columns, slices = image.shape[0], sino.shape[1], image.shape[2]
    real = image.dtype.type
    middle = (n - 1) / 2
    for v in range(len(cos)):
        c, s = cos[v], sin[v]
        half = max(abs(c), abs(s))
        slope, height = 1.0 / (half * scale), 1.0 / (half * rays)
        steep = abs(c) >= abs(s)
        for f in range(columns * rays):
            u = f // rays
            # March over rows (steep) or columns; the ray passes between the pixels `near` and `near + 1` there.
            if steep:
                start, step = ((f - shift) / scale - middle * s) / c + middle, s / c
            else:
                start, step = middle - ((f - shift) / scale + middle * c) / s, c / s
            one = real(0)
            for k in range(n):
                near = math.floor(start + k * step)
                if near < -1 or near >= n:
                    continue
                i, j, i2, j2 = (k, near, k, near + 1) if steep else (near, k, near + 1, k)
                d = ((j - middle) * c + (middle - i) * s) * scale + shift - f
                d2 = ((j2 - middle) * c + (middle - i2) * s) * scale + shift - f
                w = real(_weight(near, n, d, slope) * height)
                w2 = real(_weight(near + 1, n, d2, slope) * height)
                i, j, i2, j2 = max(i, 0), max(j, 0), min(i2, n - 1), min(j2, n - 1)
                if slices == 1:
                    one += w * image[i, j, 0] + w2 * image[i2, j2, 0]
                else:
                    for t in range(slices):
                        sino[v, u, t] += w * image[i, j, t] + w2 * image[i2, j2, t]
            if slices == 1:
                sino[v, u, 0] += one


@_jit
def _back_project(
    sino: Any, image: Any, top: int, n: int, cos: Any, sin: Any, rays: int, scale: float, shift: float
) -> None:
    columns, slices = sino.shape[1], sino.shape[2]
    real = image.dtype.type
    middle = (n - 1) / 2
    last = columns * rays
    half = np.maximum(np.abs(cos), np.abs(sin))
    slope, height = 1.0 / (half * scale), 1.0 / (half * rays)
    for i in range(image.shape[0]):
        y = middle - (top + i)
        for j in range(n):
            x = j - middle
            one = real(0)
            for v in range(len(cos)):
                place = (x * cos[v] + y * sin[v]) * scale + shift
                f = math.floor(place - half[v] * scale) + 1
                end = min(place + half[v] * scale, last)
                while f < end:
                    w = real(_weight(f, last, place - f, slope[v]) * height[v])
                    w2 = real(_weight(f + 1, last, place - (f + 1), slope[v]) * height[v])
                    u, u2 = max(f, 0), min(max(f + 1, 0), last - 1)
                    if rays > 1:
                        u, u2 = u // rays, u2 // rays
                    if slices == 1:
                        one += w * sino[v, u, 0] + w2 * sino[v, u2, 0]
                    else:
                        for t in range(slices):
                            image[i, j, t] += w * sino[v, u, t] + w2 * sino[v, u2, t]
                    f += 2
            if slices == 1:
                image[i, j, 0] += one


class CompiledProduct:
    """The products of :class:`fewview.operators.tiles.TiledMatrix`, without its memory; CPU only."""

    nbytes = 0

    def __init__(self, lattice: Lattice, angles: np.ndarray, device: torch.device, dtype: torch.dtype) -> None:
        self.lattice, self.views = lattice, len(angles)
        self.cos, self.sin = np.cos(angles), np.sin(angles)
        self.ruler = (lattice.rays, lattice.rays / lattice.pitch, (lattice.axis + 0.5) * lattice.rays - 0.5)
        pixels = lattice.grid**2
        self.block = max(1, min(SLICES, BLOCK // (pixels * torch.finfo(dtype).bits // 8)))
        self.piece_views = max(1, int(PIECE // pixels))
        self.piece_rows = max(1, int(PIECE // (lattice.grid * self.views)))

    def forward(self, x: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, pixels) to (slices, rays)."""
        n, columns = self.lattice.grid, self.lattice.columns
        y = empty_like_order(x, self.views * columns)
        for s0, s1 in cuts(len(x), self.block):
            image = slices_innermost(x[s0:s1]).numpy().reshape(n, n, s1 - s0)
            sino = np.zeros((self.views, columns, s1 - s0), image.dtype)
            _share(
                [
                    (_project, image, sino[a:b], self.cos[a:b], self.sin[a:b], *self.ruler)
                    for a, b in cuts(self.views, self.piece_views)
                ],
                tick,
            )
            y[s0:s1] = torch.from_numpy(sino).flatten(0, 1).t()
        return y

    def backward(self, y: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, rays) to (slices, pixels)."""
        n = self.lattice.grid
        x = empty_like_order(y, n * n)
        for s0, s1 in cuts(len(y), self.block):
            sino = slices_innermost(y[s0:s1]).numpy().reshape(self.views, self.lattice.columns, s1 - s0)
            image = np.zeros((n, n, s1 - s0), sino.dtype)
            _share(
                [
                    (_back_project, sino, image[a:b], a, n, self.cos, self.sin, *self.ruler)
                    for a, b in cuts(n, self.piece_rows)
                ],
                tick,
            )
            x[s0:s1] = torch.from_numpy(image).flatten(0, 1).t()
        return x


def _share(calls: list[tuple[Any, ...]], tick: Callable[[], None]) -> None:
    """Run the calls on as many threads as torch uses; each writes to a part of its own."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        running = [pool.submit(*call) for call in calls]
        try:
            for done in running:
                done.result()
                tick()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
