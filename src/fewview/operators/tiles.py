"""The stored matrix of a parallel-beam operator, cut into tiles that fit the processor's cache.

A tile pairs a strip of image rows with a block of views and holds both A and its transpose. Products run tile by
tile with the slices innermost, so that one strip of the images is read by all its rays while it is still in cache.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from .joseph import Csr, Lattice, product, tile

SLICES = 64  # slices that go through a tile together
CACHE = 2 << 20  # bytes of a processor's cache that a strip should fit in
BLOCK = 128 << 20  # bytes of images that the compiled kernel turns at a time
PAIRS = 1 << 22  # pixel-view pairs in a tile on a graphics card: some 700 MB while it is built
KEPT = 1 << 30  # bytes of matrices kept for the next operator with the same geometry


def cuts(total: int, size: int) -> list[tuple[int, int]]:
    """Cut ``range(total)`` into pieces of at most ``size``, of nearly equal length."""
    count = -(-total // max(1, size))
    edges = [total * k // count for k in range(count + 1)] if count else []
    return list(itertools.pairwise(edges))


class TiledMatrix:
    """A and its transpose in tiles, and the two products.

    Parameters
    ----------
    lattice, angles
        Geometry, in units of a pixel.
    device, dtype
        Where the tiles live.
    stored : bool
        Keep the tiles; otherwise each is built when it is needed and dropped after use.
    """

    def __init__(
        self,
        lattice: Lattice,
        angles: np.ndarray,
        device: torch.device,
        dtype: torch.dtype,
        stored: bool = True,
    ) -> None:
        n, columns, views = lattice.grid, lattice.columns, len(angles)
        self.lattice, self.angles, self.device, self.dtype = lattice, angles, device, dtype
        if device.type == "cpu":
            block = max(8, CACHE // (4 * SLICES * columns))
            strip = max(8, CACHE // (4 * SLICES * n))
        else:
            # A graphics card wants few large products; what bounds a tile is the memory to build it.
            block = 64
            strip = max(8, PAIRS // (n * min(views, block)))
        self.rows, self.blocks = cuts(n, strip), cuts(views, block)
        self.stored = [list(self._build(rows)) for rows in self.rows] if stored else None

    def _build(self, rows: tuple[int, int]) -> Iterator[tuple[Csr, Csr]]:
        return (tile(self.lattice, self.angles[a:b], rows, self.device, self.dtype) for a, b in self.blocks)

    def _strips(self) -> Iterator[tuple[tuple[int, int], Iterator[tuple[tuple[int, int], Csr, Csr]]]]:
        """Each strip as its range of pixels, and its tiles with their ranges of rays."""
        n, columns = self.lattice.grid, self.lattice.columns
        for k, rows in enumerate(self.rows):
            line = self._build(rows) if self.stored is None else self.stored[k]
            tiles = (((a * columns, b * columns), *pair) for (a, b), pair in zip(self.blocks, line, strict=True))
            yield (rows[0] * n, rows[1] * n), tiles

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes + b.nbytes for line in self.stored or [] for a, b in line)

    def forward(self, x: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, pixels) to (slices, rays)."""
        rays = len(self.angles) * self.lattice.columns
        y = empty_like_order(x, rays)
        for s0, s1 in cuts(len(x), SLICES):
            out = x.new_zeros(rays, s1 - s0)
            for (p0, p1), tiles in self._strips():
                strip = slices_innermost(x[s0:s1, p0:p1])
                for (r0, r1), matrix, _ in tiles:
                    out[r0:r1] += product(matrix, strip)
                    tick()
            y[s0:s1] = out.t()
        return y

    def backward(self, y: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, rays) to (slices, pixels)."""
        x = empty_like_order(y, self.lattice.grid**2)
        for s0, s1 in cuts(len(y), SLICES):
            data = slices_innermost(y[s0:s1])
            for (p0, p1), tiles in self._strips():
                parts = (product(matrix, data[r0:r1]) for (r0, r1), _, matrix in tiles)
                strip = next(parts)
                tick()
                for part in parts:
                    strip += part
                    tick()
                x[s0:s1, p0:p1] = strip.t()
        return x


def slices_innermost(x: Tensor) -> Tensor:
    """(slices, length) to (length, slices), contiguous."""
    if x.stride(0) == 1:
        return x.t().contiguous()
    # torch turns a contiguous matrix by blocks, anything else element by element: the extra copy halves the time.
    return x.contiguous().t().contiguous()


def empty_like_order(like: Tensor, length: int) -> Tensor:
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
