"""The grid of a volume: square slices of cubic voxels, centred on the rotation axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class VolumeGrid:
    """Slices of ``side`` x ``side`` voxels.

    Parameters
    ----------
    side : int
        Voxels along each side of a slice.
    voxel : float
        Side of a voxel in mm; 1 when no length is known (values are then "per pixel"). It is not the detector
        pixel: a diverging beam magnifies.

    Notes
    -----
    Voxel (row i, column j) has its centre at X = (j - (side - 1) / 2) voxel, Y = ((side - 1) / 2 - i) voxel.
    """

    side: int
    voxel: float = 1.0

    @property
    def width(self) -> float:
        """Side of a slice, mm."""
        return self.side * self.voxel

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice."""
        return self.side, self.side

    def bin(self, factor: int) -> Self:
        """The grid of voxels ``factor`` times as large that holds this one."""
        return type(self)(-(-self.side // factor), self.voxel * factor)

    def finer(self, factor: int) -> Self:
        """The same slices of smaller voxels, ``factor`` for one."""
        return type(self)(self.side * factor, self.voxel / factor)
