"""Parallel-beam geometry: one immutable value that travels with the data through every crop and bin.

The geometry that a solver received is the one that is shown; nothing else in fewview stores an axis or angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ScanError

HALF_TURN = math.pi
ASIDE = 0.1  # of the columns between axis and middle: beyond, a full turn was taken to see a wider sample
PIXEL_SIZES = (1e-7, 1e3)  # mm: beyond, a unit was mistaken, and values in mm^-1 leave what float32 holds


@dataclass(frozen=True, eq=False)
class ParallelBeam:
    """Angles, detector size, rotation axis and pixel size of a parallel-beam scan.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians, in the order of the frames; any values, any order.
    rows, columns : int
        Detector size ``(v, u)``.
    axis : float or None
        0-based detector column of the rotation axis; None while it is not known.
    pixel : float or None
        Detector pixel size in mm; None when unknown (values are then "per pixel").

    Notes
    -----
    The view at angle t integrates along lines of constant X cos t + Y sin t, which land at detector column
    ``axis + (X cos t + Y sin t) / pixel``; X grows with the image column, Y against the image row.
    """

    angles: NDArray[np.float64]
    rows: int
    columns: int
    axis: float | None = None
    pixel: float | None = None

    def __post_init__(self) -> None:
        angles = np.array(self.angles, dtype=np.float64).reshape(-1)
        if not np.all(np.isfinite(angles)):
            bad = int(np.flatnonzero(~np.isfinite(angles))[0])
            raise ScanError(f"The angle of view {bad} is not a number.", "Give the angles with --angles START:STOP.")
        if self.rows < 1 or self.columns < 1:
            raise ScanError(f"A detector of {self.rows} x {self.columns} pixels holds no data.")
        if self.pixel is not None and not PIXEL_SIZES[0] <= self.pixel <= PIXEL_SIZES[1]:
            raise ScanError(
                f"A pixel size of {self.pixel:g} mm is not possible.",
                "Give the size of a detector pixel in mm, or none.",
            )
        angles.setflags(write=False)
        object.__setattr__(self, "angles", angles)

    def __repr__(self) -> str:
        """Facts on one line, without the list of angles."""
        ends = (
            "" if not self.views else f" from {math.degrees(self.angles[0]):g} to {math.degrees(self.angles[-1]):g} deg"
        )
        return (
            f"ParallelBeam({self.views} views{ends}, {self.rows} x {self.columns} pixels, "
            f"axis={self.axis}, pixel={self.pixel})"
        )

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.angles)

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
        return (self.columns - 1) / 2 if self.axis is None else self.axis

    @property
    def half_acquired(self) -> bool:
        """Whether a full turn about an axis aside sees more than the detector is wide: each view sees one half."""
        aside = abs(self.centre - (self.columns - 1) / 2)
        return aside > ASIDE * self.columns and full_turn(self.angles)

    @property
    def grid(self) -> int:
        """Pixels on a side of the reconstruction: the columns; with half acquisition, all that the turn has seen."""
        if not self.half_acquired:
            return self.columns
        return math.ceil(2 * max(self.centre, self.columns - 1 - self.centre) + 1)

    def select_views(self, views: ArrayLike) -> Self:
        """Geometry of the views with these indices (integers, or a boolean mask), in that order."""
        return replace(self, angles=self.angles[np.asarray(views)])

    def crop(self, rows: tuple[int, int], columns: tuple[int, int]) -> Self:
        """Geometry of a detector window ``[start, stop)``; the axis moves along."""
        for name, (start, stop), size in (("rows", rows, self.rows), ("columns", columns, self.columns)):
            if not 0 <= start < stop <= size:
                raise ScanError(f"The {name} {start}:{stop} do not lie within 0:{size}.", f"Choose {name} in there.")
        axis = None if self.axis is None else self.axis - columns[0]
        return replace(self, rows=rows[1] - rows[0], columns=columns[1] - columns[0], axis=axis)

    def bin(self, factor: int) -> Self:
        """Geometry after averaging ``factor`` x ``factor`` pixels; columns and rows that do not fill a bin fall off."""
        if factor < 1 or factor > min(self.rows, self.columns):
            raise ScanError(
                f"Binning by {factor} is not possible on {self.rows} x {self.columns} pixels.",
                "Choose a factor from 1 to the number of rows.",
            )
        return replace(
            self,
            rows=self.rows // factor,
            columns=self.columns // factor,
            axis=None if self.axis is None else (self.axis - (factor - 1) / 2) / factor,
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


def full_turn(angles: ArrayLike) -> bool:
    """Whether views (radians) go all the way round: no gap is wider than a quarter of a turn, or than few views leave.

    Few views that are spread over the directions of their lines (:func:`spread_views`) leave gaps of one and a half
    of their steps.
    """
    places = np.sort(np.mod(np.asarray(angles, dtype=np.float64), 2 * math.pi))
    if len(places) < 3:
        return False
    gaps = np.diff(places, append=places[0] + 2 * math.pi)
    return bool(gaps.max() <= max(math.pi / 2, 1.5 * float(np.median(gaps))) + 1e-6)


def duplicate_views(angles: ArrayLike) -> list[tuple[int, int]]:
    """Pairs of views (first, later) that see the same lines: 0 and 360 degrees, or 0 and 180 (mirrored).

    Only end views count: a pair is reported where a later view closes the half or full turn that an earlier
    one opened, within half a step. A full turn of views is not a heap of duplicates: its mirrored pairs carry
    independent noise and are used by every solver.
    """
    values = np.asarray(angles, dtype=np.float64)
    if len(values) < 3:
        return []
    order = np.argsort(values, kind="stable")
    span = values[order[-1]] - values[order[0]]
    gaps = np.diff(values[order])
    gaps = gaps[gaps > 1e-9]
    tolerance = 0.25 * float(np.median(gaps)) if len(gaps) else 0.0
    pairs = [
        (int(a), int(b))
        for a, b in pairwise(order)
        if values[b] - values[a] <= 1e-9  # the same angle twice
    ]
    for turn in (HALF_TURN, 2 * HALF_TURN):
        if abs(span - turn) <= tolerance:
            pairs.append((int(order[0]), int(order[-1])))
    return pairs


def spread_views(angles: ArrayLike, count: int) -> NDArray[np.intp]:
    """Indices of ``count`` views spread equally over the lines that the scan measured.

    Views at t and t + 180 degrees measure the same lines, so on a full turn the choice is spread over the half
    turn of line directions and taken alternately from both halves; picking every n-th view of a full turn would
    measure half of the directions twice. A duplicate end view is never chosen.

    Raises
    ------
    ScanError
        If ``count`` is not between 1 and the number of distinct views.
    """
    values = np.asarray(angles, dtype=np.float64)
    doubled = {later for _, later in duplicate_views(values)}
    candidates = np.array([i for i in range(len(values)) if i not in doubled], dtype=np.intp)
    if not 1 <= count <= len(candidates):
        raise ScanError(
            f"{count} views were asked for, the scan has {len(candidates)} distinct ones.",
            f"Choose 1 to {len(candidates)}.",
        )
    start = values[candidates].min()
    offset = values[candidates] - start
    if offset.max() > 2 * HALF_TURN:  # several turns, or angles that go on (golden ratio): the second turn is the first
        offset = np.mod(offset, 2 * HALF_TURN)
    step = float(np.median(np.diff(np.sort(offset)))) if len(candidates) > 1 else 0.0
    span = float(offset.max()) + step
    if span < HALF_TURN - 0.5 * step:  # a missing wedge: both ends are worth having
        targets = np.linspace(0.0, offset.max(), count) if count > 1 else np.array([offset.max() / 2])
    else:
        targets = np.arange(count) * (HALF_TURN / count)
        if span > 1.5 * HALF_TURN:
            targets = targets + HALF_TURN * (np.arange(count) % 2)
    chosen: list[int] = []
    free = np.ones(len(candidates), dtype=bool)
    for target in targets:
        distance = np.where(free, np.abs(offset - target), np.inf)
        best = int(np.argmin(distance))
        free[best] = False
        chosen.append(int(candidates[best]))
    return np.array(sorted(chosen), dtype=np.intp)
