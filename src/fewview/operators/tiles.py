"""The stored matrix of an operator, cut into tiles that fit the processor's cache.

A tile pairs a strip of image rows with a block of views, and holds that part of A and of its transpose. Products run
tile by tile with the slices innermost, so that one strip of the images is read by all its rays while it is still in
cache.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .csr import Csr, product, transpose
from .joseph import Weights
from .threads import share

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


class Tile:
    """Pixels ``pixels`` against rays ``rays``, made when first used; FBP never asks for the forward half.

    Parameters
    ----------
    weights : Weights
        Entries of the whole matrix.
    rows, views : (int, int)
        Image rows and views ``[start, stop)``.
    device, dtype
        Where it lives.
    """

    def __init__(
        self,
        weights: Weights,
        rows: tuple[int, int],
        views: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.pixels = (rows[0] * weights.grid, rows[1] * weights.grid)
        self.rays = (views[0] * weights.columns, views[1] * weights.columns)
        # Nothing here refers to the matrix: in a circle, its memory would wait for the garbage collector.
        self._weights, self._rows, self._views, self._device, self._dtype = weights, rows, views, device, dtype
        self._made: dict[str, Csr] = {}

    def half(self, name: str) -> Csr:
        """Its "backward" matrix (pixels, rays), or the "forward" one (rays, pixels) with the same values."""
        # Not a cached_property: up to Python 3.11 its lock would let one thread build at a time.
        if name not in self._made:
            self._made[name] = self._backward() if name == "backward" else self._transposed(self.half("backward"))
        return self._made[name]

    def _backward(self) -> Csr:
        return self._weights.tile(self._rows, self._views, self._device, self._dtype)

    def _transposed(self, matrix: Csr) -> Csr:
        if self._device.type == "cpu":
            from .build import transpose_tile  # numba takes a second to import: only where it is needed

            return transpose_tile(matrix)
        return transpose(matrix)

    @property
    def made(self) -> list[Csr]:
        """The halves that there are so far."""
        return list(self._made.values())


class TiledMatrix:
    """A and its transpose in tiles, and the two products.

    Parameters
    ----------
    weights : Weights
        Its entries.
    device, dtype
        Where the tiles live.
    stored : bool
        Keep the tiles; otherwise each is built when it is needed and dropped after use.
    """

    def __init__(self, weights: Weights, device: torch.device, dtype: torch.dtype, stored: bool = True) -> None:
        n, columns, views = weights.grid, weights.columns, weights.views
        self.weights, self.device, self.dtype = weights, device, dtype
        if device.type == "cpu":
            block = max(8, CACHE // (4 * SLICES * columns))
            strip = max(8, CACHE // (4 * SLICES * n))
        else:
            # A graphics card wants few large products; what bounds a tile is the memory to build it.
            block = 64
            strip = max(8, PAIRS // (n * min(views, block)))
        self.rows, self.blocks = cuts(n, strip), cuts(views, block)
        self.stored = [list(self._tiles(rows)) for rows in self.rows] if stored else None
        self._built: set[str] = set()
        self._building = threading.Lock()

    @property
    def room(self) -> int:
        """Bytes that it will hold once both halves are built."""
        return self.weights.nbytes(self.dtype)

    def _tiles(self, rows: tuple[int, int]) -> Iterator[Tile]:
        return (Tile(self.weights, rows, views, self.device, self.dtype) for views in self.blocks)

    def _strip(self, k: int) -> tuple[slice, Iterator[Tile]]:
        """The range of pixels of strip ``k``, and its tiles."""
        n, (first, last) = self.weights.grid, self.rows[k]
        return slice(first * n, last * n), self._tiles((first, last)) if self.stored is None else iter(self.stored[k])

    def _build(self, half: str, tick: Callable[[], None]) -> None:
        """Make all kept tiles; an interruption keeps those that are there."""

        def make(tile: Tile, pause: Callable[[], None]) -> None:
            tile.half(half)
            pause()

        if self.stored is None:
            return
        with self._building:
            if half not in self._built:
                self._share(make, [(tile,) for line in self.stored for tile in line], tick)
                self._built.add(half)

    def _share(self, work: Callable[..., Any], calls: list[tuple[Any, ...]], tick: Callable[[], None]) -> list[Any]:
        if self.device.type == "cpu":
            return share(work, calls, tick)
        return [work(*call, tick) for call in calls]

    @property
    def parts(self) -> list[Csr]:
        """Halves of tiles that are held."""
        return [part for line in self.stored or [] for tile in line for part in tile.made]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in self.parts)

    def forward(self, x: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, pixels) to (slices, rays)."""
        rays = self.weights.views * self.weights.columns
        y = empty_like_order(x, rays)
        self._build("forward", tick)

        def strips(first: int, last: int, data: Tensor, pause: Callable[[], None]) -> Tensor:
            out = data.new_zeros(rays, len(data))
            for k in range(first, last):
                pixels, tiles = self._strip(k)
                strip = slices_innermost(data[:, pixels])
                for tile in tiles:
                    out[slice(*tile.rays)] += product(tile.half("forward"), strip)
                    pause()
            return out

        # All strips add to the same rays: each thread sums a share of its own, always the same one, for the same bits.
        shares = torch.get_num_threads() if self.device.type == "cpu" else 1
        for s0, s1 in cuts(len(x), SLICES):
            calls = [(*share, x[s0:s1]) for share in cuts(len(self.rows), -(-len(self.rows) // shares))]
            turn_into(y[s0:s1], functools.reduce(Tensor.add_, self._share(strips, calls, tick)))
        return y

    def backward(self, y: Tensor, tick: Callable[[], None]) -> Tensor:
        """(slices, rays) to (slices, pixels)."""
        x = empty_like_order(y, self.weights.grid**2)
        self._build("backward", tick)

        def strip(k: int, data: Tensor, target: Tensor, pause: Callable[[], None]) -> None:
            pixels, tiles = self._strip(k)
            first = next(tiles)
            out = product(first.half("backward"), data[slice(*first.rays)])
            pause()
            for tile in tiles:
                out += product(tile.half("backward"), data[slice(*tile.rays)])
                pause()
            turn_into(target[:, pixels], out)

        for s0, s1 in cuts(len(y), SLICES):
            data = slices_innermost(y[s0:s1])
            self._share(strip, [(k, data, x[s0:s1]) for k in range(len(self.rows))], tick)
        return x


def slices_innermost(x: Tensor) -> Tensor:
    """(slices, length) to (length, slices), contiguous."""
    if x.stride(0) == 1:
        return x.t().contiguous()
    # torch turns a contiguous matrix by blocks, anything else element by element: the extra copy halves the time.
    return x.contiguous().t().contiguous()


def turn_into(target: Tensor, values: Tensor) -> None:
    """Copy (length, slices) to ``target`` (slices, length), whatever the order of its memory."""
    turned = values.t()
    # As above: turning by blocks, then copying whole rows, takes a third of the time.
    target.copy_(turned if target.stride(0) == 1 else turned.contiguous())


def empty_like_order(like: Tensor, length: int) -> Tensor:
    """Room for (slices, length) in the memory order of ``like``: slices innermost stay innermost."""
    slices = like.shape[0]
    if slices > 1 and like.stride(0) == 1:
        return _empty(like, length, slices).t()
    return _empty(like, slices, length)


def _empty(like: Tensor, *shape: int) -> Tensor:
    if like.device.type != "cpu":
        return like.new_empty(shape)
    # numpy asks Linux for huge pages: first touching many small ones takes as long as a back-projection.
    return torch.from_numpy(np.empty(shape, np.float32 if like.dtype == torch.float32 else np.float64))


_kept: OrderedDict[tuple[object, ...], TiledMatrix] = OrderedDict()
_lock = threading.Lock()


def shared(weights: Weights, device: torch.device, dtype: torch.dtype) -> TiledMatrix:
    """The matrix of these weights: the one in use or lately used if there is one, else a new one.

    Parameters
    ----------
    weights : Weights
        Of a beam.
    device : torch.device
    dtype : torch.dtype

    Returns
    -------
    TiledMatrix
        Remembered until others have taken its room.
    """
    key = (weights.key, device, dtype)
    with _lock:
        matrix = _kept.pop(key, None) or TiledMatrix(weights, device, dtype)
        _kept[key] = matrix
        while len(_kept) > 1 and sum(m.room for m in _kept.values()) > KEPT:
            _kept.popitem(last=False)
    return matrix
