"""How much two volumes tell about each other at a pose: normalised mutual information on scattered points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .transform import Array, Grid, Similarity

_BINS = 24  # of each volume's values in the joint histogram
_CLIP = (0.5, 99.5)  # percentiles: hot voxels would leave the rest few bins of the histogram
LEAST_OVERLAP = 0.3  # of the points: below, two volumes that barely touch may look alike by chance


@dataclass(frozen=True, eq=False)
class Body:
    """A volume, where it lies, and which of its voxels count.

    Parameters
    ----------
    values : array, shape (z, y, x), float32
        Finite; clipped to its own percentiles.
    mask : array, shape (z, y, x), bool
    grid : Grid
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    grid: Grid

    @classmethod
    def of(cls, values: NDArray[Any], grid: Grid, mask: NDArray[Any] | None = None) -> Self:
        """What is not a number does not count, nor what ``mask`` leaves out.

        Parameters
        ----------
        values : ndarray, shape (z, y, x)
        grid : Grid
            Where its voxels lie.
        mask : ndarray, shape (z, y, x), optional
            True where a voxel counts.

        Returns
        -------
        Body
            Values clipped to the range of nearly all that count, with the mask of these.
        """
        values = np.asarray(values, dtype=np.float32)
        counts = np.isfinite(values)
        if mask is not None:
            counts &= np.asarray(mask, dtype=bool)
        some = values[counts]
        if not some.size:
            return cls(np.zeros_like(values), counts, grid)
        low, high = np.percentile(some[:: max(1, some.size // 1_000_000)], _CLIP)
        return cls(np.where(counts, np.clip(values, low, high), low).astype(np.float32), counts, grid)

    def reduced(self, largest: int, blur: float = 0.0) -> Body:
        """Averaged over blocks until the longest side is about ``largest``, then blurred (sigma in the new voxels)."""
        factors = [max(1, round(n / largest)) for n in self.grid.shape]
        factors = [1 if n == 1 else max(factors) for n in self.grid.shape]
        factors = [min(f, n) for f, n in zip(factors, self.grid.shape, strict=True)]
        values, mask = _blocks(self.values, factors), _blocks(self.mask.astype(np.float32), factors) > 0.5
        if blur:
            values = ndimage.gaussian_filter(values, [0 if n == 1 else blur for n in values.shape], mode="nearest")
        step = np.array(factors)
        origin = self.grid.position((step - 1) / 2)
        spacing = np.array(self.grid.spacing) * step
        grid = Grid(values.shape, tuple(spacing.tolist()), tuple(origin.tolist()))
        return Body(values, mask, grid)

    def centroid(self) -> tuple[Array, float]:
        """Middle of what stands out of the background, and its extent (root mean square distance)."""
        from skimage.filters import threshold_otsu

        some = self.values[self.mask]
        level = threshold_otsu(some) if some.size and np.ptp(some) > 0 else 0.0
        heavy = np.argwhere(self.mask & (self.values > level))
        if not len(heavy):
            return self.grid.centre, 1.0
        points = self.grid.position(heavy)
        middle = points.mean(axis=0)
        return middle, float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean())) or 1.0


def _blocks(values: NDArray[np.float32], factors: list[int]) -> NDArray[np.float32]:
    for axis, factor in enumerate(factors):
        if factor > 1:
            n = values.shape[axis] // factor
            values = np.moveaxis(values, axis, 0)[: n * factor]
            values = np.moveaxis(values.reshape(n, factor, *values.shape[1:]).mean(axis=1, dtype=np.float32), 0, axis)
    return values


def sample_mask(body: Body) -> NDArray[np.bool_]:
    """Where the sample is: its outline would be alike at every turn, so what counts lies within."""
    from skimage.filters import threshold_otsu

    some = body.values[body.mask]
    if not some.size or np.ptp(some) == 0:
        return body.mask
    solid = body.mask & (body.values > 0.5 * (threshold_otsu(some) + float(np.percentile(some, 2))))
    filled = np.stack([ndimage.binary_fill_holes(ndimage.binary_closing(part, iterations=2)) for part in solid])
    return filled & body.mask if filled.any() else body.mask


class Likeness:
    """Normalised mutual information ``(H(f) + H(m)) / H(f, m)`` at a pose: 1 for strangers, 2 for twins.

    Studholme, Hill and Hawkes, "An overlap invariant entropy measure of 3D medical image alignment", Pattern
    Recognition 32 (1999), equation 8.

    Parameters
    ----------
    fixed, moving : Body
    points : int
        How many voxels of ``fixed`` are looked at.
    seed : int
    """

    def __init__(self, fixed: Body, moving: Body, points: int, seed: int = 0) -> None:
        where = np.flatnonzero(fixed.mask)
        if len(where) > points:
            where = np.sort(np.random.default_rng(seed).choice(where, points, replace=False))
        self.points = fixed.grid.position(np.stack(np.unravel_index(where, fixed.grid.shape), axis=-1))
        self._fixed = _binned(fixed.values.ravel()[where])
        self._moving = _levels(moving)
        self._mask = moving.mask.astype(np.uint8) if not moving.mask.all() else None
        self._grid = moving.grid

    def __call__(self, pose: Similarity) -> float:
        """The figure; 0 where the volumes overlap too little."""
        at = self._grid.index(pose(self.points)).T
        inside = np.ones(at.shape[1], np.bool_)
        for axis, n in enumerate(self._grid.shape):
            if n > 1:
                inside &= (at[axis] >= -0.5) & (at[axis] <= n - 0.5)
            else:
                at[axis] = 0
        if self._mask is not None:
            inside &= ndimage.map_coordinates(self._mask, at, order=0, mode="nearest") > 0
        if inside.mean() < LEAST_OVERLAP:
            return 0.0
        seen = ndimage.map_coordinates(self._moving, at[:, inside], order=1, mode="nearest")
        return _normalised(self._fixed[inside], seen)


def _binned(values: NDArray[np.float32]) -> NDArray[np.intp]:
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    width = (high - low) / _BINS or 1.0
    return np.clip(((values - low) / width).astype(np.intp), 0, _BINS - 1)


def _levels(body: Body) -> NDArray[np.float32]:
    """Values scaled so that a bin is 1 wide."""
    low, high = float(body.values.min()), float(body.values.max())
    return (body.values - low) * np.float32((_BINS - 1) / ((high - low) or 1.0))


def _normalised(fixed: NDArray[np.intp], moving: NDArray[np.float32]) -> float:
    """From bins and levels; a level between two bins counts for both, or grids that coincide would look alike."""
    lower = np.clip(moving.astype(np.intp), 0, _BINS - 2)
    upper_share = moving - lower
    index = fixed * _BINS + lower
    joint = np.bincount(index, 1 - upper_share, _BINS**2) + np.bincount(index + 1, upper_share, _BINS**2)[: _BINS**2]
    table = joint.reshape(_BINS, _BINS) / max(len(fixed), 1)
    both = _entropy(table)
    return (_entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))) / both if both > 0 else 1.0


def _entropy(share: Array) -> float:
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())
