"""A phantom seen by a fan beam: its parallel line integrals, interpolated at the rays of the fan.

A ray of a fan is a line like any other: the one at angle ``g`` to the perpendicular lies in the parallel view at
``t - g``, ``SOD sin g`` beside the axis. Nothing is shared with the projectors that reconstruct (no inverse crime).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ..geometry import FanBeam
from .phantoms import Phantom, Radiation

Array = NDArray[np.float32]
DENSE = 3  # parallel views per voxel of a side, over half a turn
MARGIN = 4  # of them repeated at the ends, for the spline


class FanPhantom:
    """A phantom whose line integrals are those of a fan.

    Parameters
    ----------
    whole : Phantom
    columns : int
        Detector columns; half of them wide, as every phantom gives its integrals.
    sod, sdd : float
        Distance from the source to the axis, and to the detector, mm.

    Raises
    ------
    ScanError
        On distances that are not possible.
    """

    def __init__(self, whole: Phantom, columns: int, sod: float, sdd: float) -> None:
        self.whole, self.depth, self.pixel = whole, whole.depth, whole.pixel
        # Columns that are as wide as a voxel in the shadow of the axis.
        self.beam = FanBeam(np.zeros(1), 1, columns, (columns - 1) / 2, whole.pixel * sdd / sod, sod=sod, sdd=sdd)

    def truth(self, radiation: Radiation) -> Array:
        """See :class:`fewview.simulate.phantoms.Phantom`."""
        return self.whole.truth(radiation)

    def integrals(self, radiation: Radiation, angles: NDArray[np.float64], first: int, last: int) -> Array:
        """See :class:`fewview.simulate.phantoms.Phantom`."""
        fine = self.beam.finer(2)
        count = DENSE * self.beam.columns
        dense = np.arange(-MARGIN, count + MARGIN, dtype=np.float64) * (math.pi / count)
        parallel = self.whole.integrals(radiation, dense, first, last)
        gamma = fine.fan_angles(np.arange(fine.columns))
        turn = np.asarray(angles)[:, None] - gamma
        half = np.floor(turn / math.pi)  # of a turn: beyond one, the line is seen from the other side
        beside = self.beam.sod * np.sin(gamma) * np.where(half % 2 == 0, 1, -1) / (self.pixel / 2)
        place = [(turn - half * math.pi) * (count / math.pi) + MARGIN, beside + (parallel.shape[2] - 1) / 2]
        return np.stack([map_coordinates(one, place, order=3, mode="nearest") for one in parallel]).astype(np.float32)
