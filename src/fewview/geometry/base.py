"""What every beam has: angles, a detector, a rotation axis, and how they move along with each choice of data."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from .views import HALF_TURN, full_turn
from .volume import VolumeGrid

ASIDE = 0.07  # of the columns between axis and middle: beyond, a full turn was taken to see a wider sample
_IN_MM = {"pixel": "pixel_mm", "sod": "sod_mm", "sdd": "sdd_mm"}
TURNS = 1e5  # of a stage: an angle beyond them is no angle, and its direction is lost in rounding
PIXEL_SIZES = (1e-7, 1e3)  # mm: beyond, a unit was mistaken, and values in mm^-1 leave what float32 holds


@dataclass(frozen=True, eq=False)
class Beam(ABC):
    """Angles, detector size, rotation axis and pixel size of a scan; subclasses say how the rays run.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians, in the order of the frames; any values, any order.
    rows, columns : int
        Detector size ``(v, u)``.
    axis : float or None
        0-based detector column of the rotation axis (of its shadow, where the beam diverges); None while unknown.
    pixel : float or None
        Detector pixel size in mm; None when unknown (values are then "per pixel").

    Attributes
    ----------
    name : str
        Of the beam, for people and records.
    period : float
        Arc in radians after which views see the same lines again.
    couples_rows : bool
        Whether a ray crosses several slices, so that slices cannot be reconstructed one by one.
    """

    angles: NDArray[np.float64]
    rows: int
    columns: int
    axis: float | None = None
    pixel: float | None = None

    name: ClassVar[str]
    period: ClassVar[float] = 2 * HALF_TURN
    couples_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        angles = np.array(self.angles, dtype=np.float64).reshape(-1)
        for bad, what in (
            (~np.isfinite(angles), "not a number"),
            (np.abs(angles) > TURNS * math.tau, "none of a stage"),
        ):
            if bad.any():
                view = int(np.flatnonzero(bad)[0])
                raise ScanError(
                    f"The angle of view {view} is {what}: {math.degrees(angles[view]):g} degrees.",
                    "Give the angles with --angles START:STOP.",
                )
        if self.rows < 1 or self.columns < 1:
            raise ScanError(f"A detector of {self.rows} x {self.columns} pixels holds no data.")
        if self.pixel is not None and not PIXEL_SIZES[0] <= self.pixel <= PIXEL_SIZES[1]:
            raise ScanError(
                f"A pixel size of {self.pixel:g} mm is not possible.",
                "Give the size of a detector pixel in mm, or none.",
            )
        for name, column in self._columns().items():
            if column is not None and not math.isfinite(column):
                raise ScanError(
                    f"The {name} at column {column:g} is nowhere on a detector.",
                    "Give a column of the detector, counted from 0.",
                )
        angles.setflags(write=False)
        object.__setattr__(self, "angles", angles)

    def _columns(self) -> dict[str, float | None]:
        """Places on the detector that fix the rays, by what lies there."""
        return {"rotation axis": self.axis}

    def __repr__(self) -> str:
        """Facts on one line, without the list of angles."""
        ends = (
            "" if not self.views else f" from {math.degrees(self.angles[0]):g} to {math.degrees(self.angles[-1]):g} deg"
        )
        facts = "".join(f", {name}={value}" for name, value in self.facts().items())
        return f"{type(self).__name__}({self.views} views{ends}, {self.rows} x {self.columns} pixels{facts})"

    def facts(self) -> dict[str, float | str | None]:
        """What fixes the rays beside angles and detector size, by name."""
        return {"axis": self.axis, "pixel": self.pixel}

    def description(self) -> str:
        """How the rays run, in words."""
        return self.name

    def record(self) -> dict[str, float | str | None]:
        """What a run's record says of it; lengths in mm, angles apart."""
        facts = {_IN_MM.get(name, name): value for name, value in self.facts().items()}
        return {"beam": self.name, "rows": self.rows, "columns": self.columns, **facts, "voxel_mm": self.voxel}

    @property
    @abstractmethod
    def voxel(self) -> float | None:
        """Side in mm of a voxel that a detector pixel sees sharply; None when no length is known."""

    @property
    @abstractmethod
    def volume(self) -> VolumeGrid:
        """The grid that a scan is reconstructed on: what the views have seen, in nominal voxels."""

    @abstractmethod
    def rays(self, view: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rays of a view, in mm (in columns, while the pixel size is unknown).

        Returns
        -------
        start : array, shape (columns, 2)
            A point (X, Y) that each ray comes from, on the source's side of the volume.
        direction : array, shape (columns, 2)
            Of length 1, towards the detector. Rows are alike where they are not coupled.
        """

    @abstractmethod
    def opposite(self, angles: ArrayLike, columns: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the lines of these angles and columns are seen from the other side: angles (radians) and columns."""

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.angles)

    @property
    def pitch(self) -> float:
        """Width of a column in mm; 1 while it is unknown."""
        return self.pixel or 1.0

    @property
    def step(self) -> float:
        """Median distance between neighbouring angles, radians (0 for a single view)."""
        gaps = np.diff(np.sort(self.angles))
        gaps = gaps[gaps > 1e-9]
        return float(np.median(gaps)) if len(gaps) else 0.0

    @property
    def arc(self) -> float:
        """Arc that the views stand for, radians: the span plus one step, a duplicate end view left out."""
        if self.views < 2:
            return 0.0
        span = float(np.ptp(self.angles))
        for full in (HALF_TURN, 2 * HALF_TURN):
            if abs(span - full) < 0.5 * self.step:
                return full
        return span + self.step

    @property
    def centre(self) -> float:
        """Column of the axis; the middle of the detector while the axis is unknown."""
        return self.middle if self.axis is None else self.axis

    @property
    def middle(self) -> float:
        """Column in the middle of the detector."""
        return (self.columns - 1) / 2

    @property
    def aside(self) -> float:
        """Columns from the middle of the detector to the axis, signed."""
        return self.centre - self.middle

    @property
    def half_acquired(self) -> bool:
        """Whether a full turn about an axis aside sees more than the detector is wide: each view sees one half."""
        return abs(self.aside) > ASIDE * self.columns and full_turn(self.angles)

    @property
    def grid(self) -> int:
        """Voxels on a side of the reconstruction."""
        return self.volume.side

    def select_views(self, views: ArrayLike | slice) -> Self:
        """Geometry of the views with these indices (integers, a boolean mask or a slice), in that order."""
        return replace(self, angles=self.angles[views if isinstance(views, slice) else np.asarray(views)])

    def crop(self, rows: tuple[int, int], columns: tuple[int, int]) -> Self:
        """Geometry of a detector window ``[start, stop)``; the axis moves along."""
        for name, (start, stop), size in (("rows", rows, self.rows), ("columns", columns, self.columns)):
            if not 0 <= start < stop <= size:
                raise ScanError(f"The {name} {start}:{stop} do not lie within 0:{size}.", f"Choose {name} in there.")
        return self._moved(columns[0], 1, rows[1] - rows[0], columns[1] - columns[0])

    def bin(self, factor: int) -> Self:
        """Geometry after averaging ``factor`` x ``factor`` pixels; columns and rows that do not fill a bin fall off.

        Fewer rows than ``factor`` become one: a sinogram of a single row can be binned, too.
        """
        if factor < 1 or factor > self.columns:
            raise ScanError(
                f"Binning by {factor} is not possible on {self.rows} x {self.columns} pixels.",
                "Choose a factor from 1 to the number of columns.",
            )
        return self._moved(0, factor, max(1, self.rows // factor), self.columns // factor)

    def bin_columns(self, factor: int) -> Self:
        """Geometry after averaging ``factor`` columns, rows left as they are."""
        return self._moved(0, factor, self.rows, self.columns // factor)

    def finer(self, factor: int) -> Self:
        """Geometry of a detector with ``factor`` columns in place of one."""
        return self._moved(0, 1 / factor, self.rows, self.columns * factor)

    def padded(self, left: int, right: int) -> Self:
        """Geometry of a detector with more columns at its ends."""
        return self._moved(-left, 1, self.rows, left + self.columns + right)

    def _moved(self, first: int, factor: float, rows: int, columns: int) -> Self:
        """The geometry of columns from ``first`` on, binned by ``factor``."""
        return replace(
            self,
            rows=rows,
            columns=columns,
            axis=None if self.axis is None else place(self.axis, first, factor),
            pixel=None if self.pixel is None else self.pixel * factor,
        )

    def with_axis(self, axis: float | None) -> Self:
        """The same geometry around another axis."""
        return replace(self, axis=axis)

    def with_angles(self, angles: ArrayLike) -> Self:
        """The same geometry with other angles (radians), one per view."""
        angles = np.asarray(angles, dtype=np.float64).reshape(-1)
        if len(angles) != self.views:
            raise ScanError(f"{len(angles)} angles for {self.views} views.", "Give one angle per view.")
        return replace(self, angles=angles)

    def with_pixel(self, pixel: float | None) -> Self:
        """The same geometry with another pixel size (mm)."""
        return replace(self, pixel=pixel)


def place(column: float, first: int, factor: float) -> float:
    """Where a column lies once columns from ``first`` on are binned by ``factor``.

    Parameters
    ----------
    column : float
        As counted before.
    first : int
        Column at which the window begins.
    factor : float
        Columns that become one.

    Returns
    -------
    float
        Column as counted within the binned window.
    """
    return (column - first - (factor - 1) / 2) / factor
