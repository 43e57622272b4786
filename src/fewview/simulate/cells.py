"""Cells of a random tessellation, stretched at random: what grains and foams are made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .ellipses import Volume

MOST = 60_000  # cells
SMALL = 160  # slices up to this side are sampled twice as finely, and averaged


class Cells:
    """Voronoi cells of points drawn evenly in a box around the stack.

    Parameters
    ----------
    rng : Generator
    size, depth : int
        Pixels a side, slices.
    across : float
        Diameter of a cell in pixels.
    stretch : float
        Logarithm of the largest stretch of a direction.
    """

    def __init__(self, rng: np.random.Generator, size: int, depth: int, across: float, stretch: float) -> None:
        self.size, self.depth, self.across = size, depth, across
        self.stretch = np.exp(rng.uniform(-stretch, stretch, 3))
        box = np.array([depth, size, size]) + 4 * across
        self.count = int(np.clip(np.prod(box) / across**3, 20, MOST))
        self._tree = cKDTree((rng.uniform(0, 1, (self.count, 3)) * box - 2 * across) / self.stretch)
        self._fine = 2 if size <= SMALL else 1

    def slices(self, nearest: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.intp]]]:
        """Distances to the nearest seeds, in pixels, and which they are, (points, nearest) each, slice by slice."""
        plane = (np.arange(self._fine * self.size) + 0.5) / self._fine
        y, x = np.meshgrid(plane, plane, indexing="ij")
        for z in range(self.depth):
            points = np.stack([np.full(x.size, z + 0.5), y.ravel(), x.ravel()], axis=1)
            yield self._tree.query(points / self.stretch, k=nearest)

    def image(self, values: NDArray[np.floating]) -> Volume:
        """A slice (size, size) of values at its points."""
        side, fine = self.size, self._fine
        result: Volume = values.reshape(side, fine, side, fine).mean(axis=(1, 3)).astype(np.float32)
        return result
