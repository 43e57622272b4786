"""Rays that spread from a source: laboratory X-ray tubes, detector row by detector row."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from .base import PIXEL_SIZES, Beam, place
from .volume import VolumeGrid

FARTHEST = 1e9  # mm from the source to the detector: what stands for parallel rays lies that far
Detector = Literal["flat", "curved"]
SIDES = ("below", "right of", "above", "left of")  # of a slice, for every quarter of a turn
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FanBeam(Beam):
    """A fan-beam scan; see :class:`Beam` for the other parameters, of which the pixel size must be known.

    Parameters
    ----------
    axis : float or None
        0-based column of the shadow of the rotation axis.
    principal : float or None
        Column that the perpendicular from the source onto the detector meets; None: that of the axis.
    sod, sdd : float
        Distance from the source to the rotation axis, and to the detector, mm.
    detector : {"flat", "curved"}
        Curved: on a circle about the source.

    Notes
    -----
    At angle t the source lies at ``(SOD sin t + s cos t, -SOD cos t + s sin t)``, s being its shift along the
    detector. With ``a = X cos t + Y sin t - s`` and the depth ``w = SOD - X sin t + Y cos t`` a point lands at column
    ``principal + (SDD / pixel) a / w`` of a flat detector, ``principal + (SDD / pixel) atan(a / w)`` of a curved one.
    A parallel beam is the limit of a distant source.
    """

    principal: float | None = None
    sod: float
    sdd: float
    detector: Detector = "flat"

    name: ClassVar[str] = "fan"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pixel is None:
            raise ScanError(
                "The detector pixel size of a fan-beam scan is not known.", "Give it in mm with --pixel SIZE."
            )
        if not (0 < self.sod < self.sdd <= FARTHEST and self.pixel * self.sod / self.sdd >= PIXEL_SIZES[0]):
            raise ScanError(
                f"A source {self.sod:g} mm from the axis and {self.sdd:g} mm from the detector is not possible.",
                "Give the distance from the source to the axis, and the larger one from the source to the detector.",
            )
        if self.detector not in ("flat", "curved"):
            raise ScanError(f"A detector cannot be '{self.detector}'.", "Choose flat or curved.")
        if np.abs(self.fan_angles([-0.5, self.columns - 0.5])).max() > math.radians(80):
            raise ScanError(
                f"A fan of {self.columns} columns of {self.pixel:g} mm at {self.sdd:g} mm is too wide.",
                "Check the pixel size and the distance from the source to the detector: both are in mm.",
            )

    def _columns(self) -> dict[str, float | None]:
        return {**super()._columns(), "perpendicular from the source": self.principal}

    def facts(self) -> dict[str, float | str | None]:
        """See :meth:`Beam.facts`."""
        return {
            **super().facts(),
            "principal": self.principal,
            "sod": self.sod,
            "sdd": self.sdd,
            "detector": self.detector,
        }

    def description(self) -> str:
        """See :meth:`Beam.description`: distances, and the side that the source is on in the first view."""
        where = f"fan, source {self.sod:g} mm from the axis and {self.sdd:g} mm from the {self.detector} detector"
        if not self.views:
            return where
        turn = math.degrees(self.angles[0]) % 360
        side = SIDES[round(turn / 90) % 4]
        return f"{where}; {side} the slice in the first view, at {turn:.4g} deg"

    @property
    def foot(self) -> float:
        """Column of the perpendicular from the source."""
        return self.centre if self.principal is None else self.principal

    @property
    def shift(self) -> float:
        """Shift s of the source along the detector, mm: 0 where the perpendicular meets the axis."""
        return -self.sod * math.tan(float(self.fan_angles(self.centre)))

    @property
    def magnification(self) -> float:
        """How many times larger than the object its shadow is."""
        return self.sdd / self.sod

    @property
    def voxel(self) -> float:
        """See :class:`Beam`: a detector pixel brought back to the axis."""
        return self.pitch / self.magnification

    @property
    def volume(self) -> VolumeGrid:
        """See :class:`Beam`: as many voxels as columns; with half acquisition, all that the turn has seen."""
        if not self.half_acquired:
            return VolumeGrid(self.columns, self.voxel)
        widest = np.abs(self.fan_angles([-0.5, self.columns - 0.5]) - self.fan_angles(self.centre)).max()
        radius = math.hypot(self.sod, self.shift) * math.sin(widest)
        return VolumeGrid(math.ceil(2 * radius / self.voxel), self.voxel)

    def fan_angles(self, columns: ArrayLike) -> Array:
        """Angles in radians between the perpendicular and the rays to these columns."""
        along = (np.asarray(columns, dtype=np.float64) - self.foot) * (self.pitch / self.sdd)
        return along if self.detector == "curved" else np.arctan(along)

    def columns_of(self, fan_angles: ArrayLike) -> Array:
        """Columns that rays at these angles to the perpendicular meet."""
        along = np.asarray(fan_angles, dtype=np.float64)
        return self.foot + (along if self.detector == "curved" else np.tan(along)) * (self.sdd / self.pitch)

    def sources(self) -> Array:
        """Places (X, Y) of the source, mm, (views, 2)."""
        cos, sin = np.cos(self.angles), np.sin(self.angles)
        return np.stack([self.sod * sin + self.shift * cos, -self.sod * cos + self.shift * sin], axis=-1)

    def rays(self, view: int) -> tuple[Array, Array]:
        """See :meth:`Beam.rays`."""
        heading = self.angles[view] + math.pi / 2 - self.fan_angles(np.arange(self.columns))
        direction = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        return np.broadcast_to(self.sources()[view], direction.shape).copy(), direction

    def opposite(self, angles: ArrayLike, columns: ArrayLike) -> tuple[Array, Array]:
        """See :meth:`Beam.opposite`."""
        towards_axis = self.fan_angles(self.centre)
        beside = self.fan_angles(columns) - towards_axis
        turned = np.asarray(angles, dtype=np.float64) + math.pi - 2 * beside
        return turned, np.broadcast_to(self.columns_of(towards_axis - beside), turned.shape)

    def _moved(self, first: int, factor: float, rows: int, columns: int) -> Self:
        principal = None if self.principal is None else place(self.principal, first, factor)
        return replace(super()._moved(first, factor, rows, columns), principal=principal)
