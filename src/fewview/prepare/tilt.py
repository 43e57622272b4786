"""Tilt of the rotation axis in the plane of the detector: found from the axis of rows far apart, taken out by turning.

An axis that leans by t meets detector row v at column ``a + tan(t) (v - middle)``. Turning every projection back by t
puts it upright (Pelt and Parkinson, J. Synchrotron Rad. 25 (2018) 1, section 2, treat it so).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .axis import AxisEstimate, find_axis

BAND = 6  # rows about each of three places: the more, the less noise; an axis at 5 degrees moves by half a column
LEAST_ROWS = 12  # under which there are no rows far apart
MATTERS = 0.5  # columns by which the axis moves over the rows, from which a tilt is worth a word
SIGMAS = 2.5  # of its expected error, from which a tilt is told from none
LEAST_ERROR = 0.1  # columns, that an axis errs by whatever it claims
EDGE = 1e-3  # part of a masked pixel that makes a turned one unusable


@dataclass(frozen=True)
class TiltEstimate:
    """How far the rotation axis leans.

    Parameters
    ----------
    degrees : float or None
        Positive where the column grows with the row; None when the rows cannot tell.
    error : float
        Expected error, degrees.
    rows, columns : tuple of float
        Rows that were looked at, and the axis found in each.
    shift : float
        Columns by which the axis moves from the first to the last row of the detector.
    """

    degrees: float | None
    error: float
    rows: tuple[float, ...]
    columns: tuple[float, ...]
    shift: float

    @property
    def matters(self) -> bool:
        """Whether it is told from none, and blurs the slices."""
        told = self.degrees is not None and abs(self.degrees) > SIGMAS * self.error
        return told and abs(self.shift) > MATTERS

    def words(self) -> str:
        """What the rows say, in one sentence."""
        seen = ", ".join(f"{column:.1f} at row {row:.0f}" for row, column in zip(self.rows, self.columns, strict=True))
        if self.degrees is None:
            return "Too few rows, or rows that cannot tell: the tilt of the axis is not known."
        if not self.matters:
            return f"The axis is upright, within {max(SIGMAS * self.error, 0.01):.2f} degrees (column {seen})."
        return f"The axis is tilted by {self.degrees:.2f} degrees (column {seen})."


def bands(rows: int) -> list[tuple[int, int]]:
    """Rows ``[start, stop)`` near the top, in the middle and near the bottom; none of a detector of few rows."""
    if rows < LEAST_ROWS:
        return []
    size = min(BAND, rows // 3)
    return [(round(place * rows - size / 2), round(place * rows - size / 2) + size) for place in (1 / 6, 1 / 2, 5 / 6)]


def find_tilt(
    sinograms: ArrayLike,
    angles: ArrayLike,
    weights: ArrayLike | None = None,
    tick: Callable[[], None] = lambda: None,
) -> TiltEstimate:
    """Find the tilt from the axis of three bands of rows.

    Parameters
    ----------
    sinograms, angles, weights : array
        As of :func:`fewview.prepare.find_axis`, of all rows of the detector, in order.
    tick : callable
        Called several times per second; what it raises ends the search.

    Returns
    -------
    TiltEstimate
        In degrees, with its uncertainty and the axis in columns; or why it cannot be told.
    """
    values = np.asarray(sinograms)
    found = []
    for start, stop in bands(len(values)):
        band = None if weights is None else np.asarray(weights)[start:stop]
        found.append(((start + stop - 1) / 2, find_axis(values[start:stop], angles, band, tick)))
    return tilt_of(found, len(values))


def tilt_of(found: list[tuple[float, AxisEstimate]], rows: int) -> TiltEstimate:
    """The tilt by the axis of some rows, given as pairs of row and axis, on a detector of ``rows`` rows."""
    sure = [(row, one) for row, one in found if math.isfinite(one.error)]  # of others nobody knows how far they are off
    known = [(row, one.column, max(one.error, LEAST_ERROR)) for row, one in sure if one.column is not None]
    places, columns = tuple(row for row, *_ in known), tuple(column for _, column, _ in known)
    if len(known) < 2:
        return TiltEstimate(None, math.inf, places, columns, 0.0)
    v, u, errors = (np.array(values) for values in zip(*known, strict=True))
    certain = 1 / errors**2
    apart = v - np.average(v, weights=certain)
    spread = float((certain * apart**2).sum())
    slope = float((certain * apart * (u - np.average(u, weights=certain))).sum() / spread)
    return TiltEstimate(math.degrees(math.atan(slope)), math.degrees(spread**-0.5), places, columns, slope * (rows - 1))


def margin(degrees: float, columns: int) -> int:
    """Rows above and below that turning by a tilt reaches for."""
    return math.ceil(abs(math.sin(math.radians(degrees))) * columns / 2) + 2


def upright(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    degrees: float,
    centre: tuple[float, float],
    tick: Callable[[], None] = lambda: None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Line integrals and weights turned so that an axis tilted by ``degrees`` stands upright.

    Parameters
    ----------
    values, weights : array, shape (angle, v, u), float32
        Weights are 0 where a pixel is unusable; so are those of what comes from there, or from outside.
    degrees : float
    centre : pair of float
        Row and column about which is turned.
    tick : callable
        Called for each view; what it raises ends the work.

    Returns
    -------
    tuple of ndarray
        Both of the shape of the line integrals.
    """
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[c, -s], [s, c]])
    shift = np.array(centre) - matrix @ np.array(centre)
    turned, heavy = np.empty_like(values), np.empty_like(weights)
    for k in range(len(values)):
        tick()
        ndimage.affine_transform(values[k], matrix, shift, output=turned[k], order=3, mode="nearest")
        ndimage.affine_transform(weights[k], matrix, shift, output=heavy[k], order=1, mode="constant")
        lost = ndimage.affine_transform(
            (weights[k] <= 0).astype(np.float32), matrix, shift, order=1, mode="constant", cval=1.0
        )
        heavy[k][lost > EDGE] = 0
    return turned, heavy
