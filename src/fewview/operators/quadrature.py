"""How much of the turn each view stands for, and how firmly a column is measured: weights of an integral over lines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry import HALF_TURN

SAME = 1e-5  # radians below which two views count as one direction
TAPER = 0.15  # of the columns, over which weights end at the detector's edges
WEDGE = math.radians(20)  # a gap at least this wide, and three times the next, is missing rather than sparse


def angle_weights(angles: ArrayLike, period: float = HALF_TURN) -> NDArray[np.float64]:
    """Weights w (radians) such that ``sum(w * f(angle))`` is the integral of f over a period.

    Views half a turn apart see the same lines in parallel beam, so angles count modulo 180 degrees there. Each
    direction gets half the gap to either neighbour, and views in the same direction share: this covers
    even and uneven angles, arcs of 180, 270 and 360 degrees, and end views given twice. A missing wedge (one gap
    much wider than all others) is not handed to the views at its edges; they get what their other side has.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians.
    period : float
        Arc after which views see the same lines again: :attr:`fewview.geometry.Beam.period`.

    Returns
    -------
    array of float64, shape (views,)
        They sum to the period where no wedge is missing.
    """
    folded = np.mod(np.asarray(angles, dtype=np.float64).reshape(-1), period)
    # Just under a period is the same direction as zero.
    folded[period - folded < SAME] = 0.0
    order = np.argsort(folded, kind="stable")
    group = np.concatenate([[0], np.cumsum(np.diff(folded[order]) > SAME)])
    members = np.bincount(group)
    direction = np.bincount(group, weights=folded[order]) / members

    # gaps[k] lies after direction k; the last one closes the period.
    gaps = np.diff(direction, append=direction[0] + period)
    shares = (gaps + np.roll(gaps, 1)) / 2
    wide = _missing(gaps)
    if wide is not None:
        after = (wide + 1) % len(gaps)
        shares[wide], shares[after] = gaps[wide - 1], gaps[after]
    weights = np.empty(len(folded))
    weights[order] = (shares / members)[group]
    return weights


def seen_arc(angles: ArrayLike, period: float = HALF_TURN) -> tuple[float, float]:
    """Where the views begin and how far they reach, radians: all of the period where no wedge is missing."""
    folded = np.sort(np.mod(np.asarray(angles, dtype=np.float64).reshape(-1), period))
    gaps = np.diff(folded, append=folded[0] + period)
    wide = _missing(gaps[gaps > SAME])
    if wide is None:
        return float(folded[0]), period
    wide = int(np.argmax(gaps))
    return float(folded[(wide + 1) % len(folded)]), period - float(gaps[wide])


def _missing(gaps: NDArray[np.float64]) -> int | None:
    """Which of the gaps between neighbouring directions is a missing wedge rather than sparse sampling."""
    if len(gaps) <= 2:
        return None
    wide, following = int(np.argmax(gaps)), np.partition(gaps, -2)[-2]
    return wide if gaps[wide] > max(WEDGE, 3 * following) else None


def opposed(angles: ArrayLike) -> NDArray[np.bool_]:
    """Which views of a parallel beam see lines that are measured from the other side, too: all of a full turn.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians.

    Returns
    -------
    array of bool, shape (views,)
        False where the opposite direction lies in a gap that is three times as wide as any other.
    """
    places = np.mod(np.asarray(angles, dtype=np.float64).reshape(-1), 2 * HALF_TURN)
    measured = np.sort(places)
    gaps = np.diff(measured, append=measured[0] + 2 * HALF_TURN)
    other = np.mod(places + HALF_TURN, 2 * HALF_TURN)
    after = np.searchsorted(measured, other - SAME)  # the first view from there on
    beside: NDArray[np.bool_] = (
        np.abs(np.mod(measured[after % len(measured)] - other + HALF_TURN, 2 * HALF_TURN) - HALF_TURN) < 2 * SAME
    )
    if len(places) < 3:
        return beside
    missing = gaps > 3 * np.partition(gaps, -2)[-2]
    result: NDArray[np.bool_] = beside | ~missing[after - 1]
    return result


def within_detector(columns: ArrayLike, count: int) -> NDArray[np.float64]:
    """Weight of a place on the detector: 1, which falls smoothly to 0 at its edges, and 0 beyond.

    Where a line is measured twice, the two share it by these weights, and where the opposite ray misses the detector,
    the one counts whole (Cho et al., Med. Phys. 23 (1996) 1317): the filter sees no edge. As only the columns near
    the edges share unequally, there is 1 to 4 % more noise than with equal shares; all over the detector, 15 to 17 %.

    Parameters
    ----------
    columns : array of float
        Places, in columns.
    count : int
        Columns of the detector.

    Returns
    -------
    array of float64, shape of ``columns``
    """
    places = np.asarray(columns, dtype=np.float64)
    inward = np.minimum(places, count - 1 - places) + 0.5
    weights: NDArray[np.float64] = np.sin(math.pi / 2 * (inward / (TAPER * count)).clip(0, 1)) ** 2
    return weights
