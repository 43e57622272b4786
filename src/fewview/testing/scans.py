"""Small scans that methods are tried on: a block with holes, seen by a parallel beam and by a fan."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry import Beam, FanBeam, ParallelBeam
from ..operators import projector
from ..scan import LineIntegrals

SIZE, SLICES, VIEWS = 32, 6, 16
PIXEL = 0.1  # mm
NOISE = 0.02  # of the largest line integral


def block(size: int = SIZE, slices: int = SLICES) -> NDArray[np.float32]:
    """A block off the middle, with a hole that wanders from slice to slice: (slices, y, x), in mm^-1."""
    volume = np.zeros((slices, size, size), dtype=np.float32)
    volume[:, size // 4 : 5 * size // 8, 5 * size // 16 : 13 * size // 16] = 1.0
    for k in range(slices):
        top = size * 5 // 16 + k * size // (4 * slices)
        volume[k, top : top + size // 8, 3 * size // 8 : 9 * size // 16] = 0.3
    return volume


def beams(size: int = SIZE, slices: int = SLICES) -> list[Beam]:
    """A parallel beam over half a turn, and a fan over a whole one."""
    half = np.arange(VIEWS) * np.pi / VIEWS
    middle = (size - 1) / 2
    return [
        ParallelBeam(half, slices, size, middle + 0.7, PIXEL),
        FanBeam(2 * half, slices, size, middle, 1.5 * PIXEL, sod=20 * size * PIXEL, sdd=30 * size * PIXEL),
    ]


def scan(beam: Beam, volume: NDArray[np.float32]) -> LineIntegrals:
    """Noisy line integrals of a volume, one detector column dead.

    Parameters
    ----------
    beam : Beam
    volume : array, shape (slices, y, x), float32
        In mm^-1, on the grid of the beam.

    Returns
    -------
    LineIntegrals
    """
    exact = projector(beam, beam.volume)(torch.from_numpy(volume)).numpy()
    noise = NOISE * exact.max() * np.random.default_rng(0).standard_normal(exact.shape)
    values = np.ascontiguousarray((exact + noise).astype(np.float32).swapaxes(0, 1))
    weights = np.ones_like(values)
    weights[:, :, 3] = 0
    return LineIntegrals(values, beam, weights)
