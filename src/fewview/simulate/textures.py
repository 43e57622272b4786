"""Gaussian random fields: moisture, porosity and mineral texture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfftn, rfftn
from scipy.ndimage import zoom

Field = NDArray[np.float32]


def gaussian_field(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Field:
    """Periodic Gaussian random field of zero mean and unit variance.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : tuple of int
        Voxels.
    length : float
        Standard deviation of the Gaussian that smooths white noise, in voxels.

    Returns
    -------
    ndarray of float32, shape ``shape``
        Without unit.
    """
    spectrum = rfftn(rng.standard_normal(shape, dtype=np.float32))
    squared = np.zeros(spectrum.shape, np.float32)
    for axis, count in enumerate(shape):
        last = axis == len(shape) - 1
        frequency = np.fft.rfftfreq(count) if last else np.fft.fftfreq(count)
        along = [1] * len(shape)
        along[axis] = -1
        squared = squared + (frequency.astype(np.float32) ** 2).reshape(along)
    field = irfftn(spectrum * np.exp(-2 * (np.pi * length) ** 2 * squared), s=shape)
    field -= field.mean()
    return np.asarray(field / max(float(field.std()), 1e-12), np.float32)


def smooth_field(rng: np.random.Generator, shape: tuple[int, int, int], length: float) -> Field:
    """Field with a long correlation length (a part of the largest side), drawn coarsely and interpolated.

    Parameters
    ----------
    rng : np.random.Generator
    shape : tuple[int, int, int]
        (z, y, x).
    length : float

    Returns
    -------
    Field
        Shape ``shape``, of unit variance about.
    """
    coarse = tuple(max(4, round(24 * s / max(shape))) for s in shape)
    field = gaussian_field(rng, coarse, length * 24)
    return np.asarray(zoom(field, [s / c for s, c in zip(shape, coarse, strict=True)], order=1), np.float32)


class Texture:
    """An endless fine texture: the sum of two periodic tiles of unlike sides, so that no period shows.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    length : float
        Correlation length in voxels.
    """

    def __init__(self, rng: np.random.Generator, length: float) -> None:
        self._tiles = [gaussian_field(rng, (side,) * 3, length) / np.sqrt(2) for side in (40, 54)]

    def slab(self, first: int, last: int, size: int) -> Field:
        """Return (last - first, size, size) voxels of the texture, unit variance.

        Parameters
        ----------
        first : int
            Slice.
        last : int
            Slice after the last one.
        size : int
            Pixels a side.

        Returns
        -------
        ndarray of float32, shape (last - first, size, size)
            The tiles repeat beyond their sides.
        """
        out = np.zeros((last - first, size, size), np.float32)
        for tile in self._tiles:
            side = len(tile)
            rows = tile[np.arange(first, last) % side]
            repeat = -(-size // side)
            out += np.tile(rows, (1, repeat, repeat))[:, :size, :size]
        return out
