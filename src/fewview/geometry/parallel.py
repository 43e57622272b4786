"""Parallel rays: synchrotrons, neutron guides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Beam
from .views import HALF_TURN
from .volume import VolumeGrid


@dataclass(frozen=True, eq=False, repr=False)
class ParallelBeam(Beam):
    """A parallel-beam scan; see :class:`Beam` for the parameters.

    Notes
    -----
    The view at angle t integrates along lines of constant X cos t + Y sin t, which land at detector column
    ``axis + (X cos t + Y sin t) / pixel``; X grows with the image column, Y against the image row.
    """

    name: ClassVar[str] = "parallel"
    period: ClassVar[float] = HALF_TURN

    @property
    def voxel(self) -> float | None:
        """See :class:`Beam`: as wide as a detector pixel."""
        return self.pixel

    @property
    def volume(self) -> VolumeGrid:
        """See :class:`Beam`: as many voxels as columns; with half acquisition, all that the turn has seen."""
        far = max(self.centre, self.columns - 1 - self.centre)
        return VolumeGrid(math.ceil(2 * far + 1) if self.half_acquired else self.columns, self.pitch)

    def rays(self, view: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See :meth:`Beam.rays`; they start on a line beside the volume."""
        t = self.angles[view]
        across, along = np.array([math.cos(t), math.sin(t)]), np.array([-math.sin(t), math.cos(t)])
        beside = (np.arange(self.columns) - self.centre) * self.pitch
        start = beside[:, None] * across - self.volume.width * along
        return start, np.broadcast_to(along, start.shape).copy()

    def opposite(self, angles: ArrayLike, columns: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See :meth:`Beam.opposite`."""
        turned, mirrored = np.broadcast_arrays(np.add(angles, HALF_TURN), np.subtract(2 * self.centre, columns))
        return turned, mirrored
