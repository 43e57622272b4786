"""The stored matrix of a parallel-beam operator, cut into tiles that fit the processor's cache.

A tile pairs a strip of image rows with a block of views and holds both A and its transpose. Products run tile by
tile with the slices innermost, so that one strip of the images is read by all its rays while it is still in cache.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .joseph import Csr, Lattice, product, tile

SLICES = 64  # slices that go through a tile together
CACHE = 2 << 20  # bytes of a processor's cache that a strip should fit in
KEPT = 1 << 30  # bytes of matrices kept for the next operator with the same geometry


def cuts(total: int, size: int) -> list[tuple[int, int]]:
    """Cut ``range(total)`` into pieces of at most ``size``, of nearly equal length."""
    count = max(1, -(-total // max(1, size)))
    edges = [total * k // count for k in range(count + 1)]
    return list(itertools.pairwise(edges))


class TiledMatrix:
    """A and its transpose in tiles, and the two products.

    Parameters
    ----------
    lattice, angles
        Geometry, in units of a pixel.
    device, dtype
        Where the tiles live.
    """

    def __init__(self, lattice: Lattice, angles: np.ndarray, device: torch.device, dtype: torch.dtype) -> None:
        n = lattice.grid
        self.lattice, self.rays = lattice, len(angles) * lattice.columns
        strip = CACHE // (4 * SLICES * n) if device.type == "cpu" else n
        block = CACHE // (4 * SLICES * lattice.columns) if device.type == "cpu" else len(angles)
        self.rows = cuts(n, max(8, strip))
        self.blocks = cuts(len(angles), max(8, block))
        self.tiles: list[list[tuple[Csr, Csr]]] = [
            [tile(lattice, angles[a:b], rows, device, dtype) for a, b in self.blocks] for rows in self.rows
        ]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes + b.nbytes for line in self.tiles for a, b in line)

    def forward(self, x: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, pixels) to (slices, rays)."""
        y, columns = _empty(x, self.rays), self.lattice.columns
        for s0, s1 in cuts(len(x), SLICES):
            out = x.new_zeros(self.rays, s1 - s0)
            for (r0, r1), line in zip(self.rows, self.tiles, strict=True):
                strip = x[s0:s1, r0 * self.lattice.grid : r1 * self.lattice.grid].t().contiguous()
                for (a, b), (matrix, _) in zip(self.blocks, line, strict=True):
                    out[a * columns : b * columns] += product(matrix, strip)
                tick()
            y[s0:s1] = out.t()
        return y

    def backward(self, y: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, rays) to (slices, pixels)."""
        n, columns = self.lattice.grid, self.lattice.columns
        x = _empty(y, n * n)
        for s0, s1 in cuts(len(y), SLICES):
            data = y[s0:s1].t().contiguous()
            for (r0, r1), line in zip(self.rows, self.tiles, strict=True):
                strip = product(line[0][1], data[: self.blocks[0][1] * columns])
                for (a, b), (_, matrix) in zip(self.blocks[1:], line[1:], strict=True):
                    strip += product(matrix, data[a * columns : b * columns])
                x[s0:s1, r0 * n : r1 * n] = strip.t()
                tick()
        return x


def _empty(like: Tensor, length: int) -> Tensor:
    """Room for (slices, length) in the memory order of ``like``: slices innermost stay innermost."""
    slices = like.shape[0]
    if slices > 1 and like.stride(0) == 1:
        return like.new_empty(length, slices).t()
    return like.new_empty(slices, length)


_kept: OrderedDict[tuple[object, ...], TiledMatrix] = OrderedDict()
_lock = threading.Lock()


def shared(lattice: Lattice, angles: np.ndarray, device: torch.device, dtype: torch.dtype) -> TiledMatrix:
    """The matrix of this geometry: the one in use or lately used if there is one, else a new one."""
    key = (lattice, angles.tobytes(), device, dtype)
    with _lock:
        matrix = _kept.pop(key, None) or TiledMatrix(lattice, angles, device, dtype)
        _kept[key] = matrix
        while len(_kept) > 1 and sum(m.nbytes for m in _kept.values()) > KEPT:
            _kept.popitem(last=False)
    return matrix
