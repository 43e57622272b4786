"""Rotation axis of a parallel-beam scan, from few views or many, with an honest "cannot tell"."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..geometry import full_turn
from .axis_likelihood import Consistency, Window
from .sinogram import Signal, bin_columns, measure, thin_views

Array = NDArray[np.float64]

METHOD = "Fourier consistency of mirrored views"

_SLICES = 16  # that tell the axis, at most
_COARSE_COLUMNS, _COARSE_VIEWS, _COARSE_FREQUENCIES = 160, 90, 16
_FINE_COLUMNS, _FINE_VIEWS, _FINE_LINES = 512, 240, 2400
_BASINS = 3  # local maxima of the first search that the second one compares
_REACH, _STEP = 3.0, 0.25  # of the last search, detector columns
_TRUNCATED = 0.1  # level at the detector's edge from which the object counts as truncated
_LOWEST = 8  # frequencies that show whether anything turns about an axis

# Limits and error model: set on simulated scans, checked on the measured ones.
_EMPTY = 1.3  # signal over noise
_DEPTH = 0.8  # how many e-foldings the misfit of the lowest frequencies falls at the axis
_SPREAD = 1.0  # columns: an answer less certain than this is none
_TRUNCATION_ERROR = 2.0  # columns, of an object that is as strong at the detector's edge as anywhere, over half a turn


@dataclass(frozen=True)
class AxisEstimate:
    """Where the rotation axis lies, and how far that can be believed.

    Parameters
    ----------
    column : float or None
        0-based detector column; None when the data cannot tell.
    confidence : float
        Estimated probability that the column is right within one pixel, 0 to 1; 0 when there is no column.
    method : str
        How it was found.
    reason : str
        What the confidence rests on; starts with "cannot tell" when ``column`` is None.
    curve : tuple of arrays
        Columns tried over the whole detector, and their score: a log-likelihood, 0 at its best.
    empty : bool
        Whether there is nothing in the slices that could tell.
    error : float
        Expected error, columns; infinite when there is no column.
    """

    column: float | None
    confidence: float
    method: str
    reason: str
    curve: tuple[Array, Array]
    empty: bool = False
    error: float = math.inf


@dataclass(frozen=True)
class _Peak:
    column: float
    spread: float


def find_axis(
    sinograms: ArrayLike,
    angles: ArrayLike,
    weights: ArrayLike | None = None,
    tick: Callable[[], None] = lambda: None,
) -> AxisEstimate:
    """Find the rotation axis from the consistency of line integrals with themselves.

    Three searches, each on finer data: the whole detector, the best few candidates, and quarter columns about the
    best, where a parabola gives the fraction. The score is a likelihood (:mod:`fewview.prepare.axis_likelihood`), and
    its width is the statistical error; how far the answer moves with a narrower window tells of systematic errors.

    Parameters
    ----------
    sinograms : array, shape (slices, angles, columns)
        Line integrals (not counts). A constant background does not matter. Of more than 16 slices, 16 are used.
    angles : array, shape (angles,)
        Radians, any order, spacing and arc; their sense of rotation does not matter.
    weights : array, shape (slices, angles, columns), optional
        Statistical weights. A view that has none on most of its pixels is left out.
    tick : callable
        Called several times per second; what it raises ends the search.

    Returns
    -------
    AxisEstimate

    Raises
    ------
    ScanError
        Shapes that do not fit together, or values that are not numbers.
    """
    values, where = _checked(sinograms, angles, weights)
    if len(where) < 3 or values.shape[2] < 16:
        size = f"{len(where)} usable views of {values.shape[2]} columns are too few"
        return _cannot_tell(size, (np.arange(0.0), np.arange(0.0)))
    signal = measure(values)
    curve = _whole_detector(signal, where, tick)
    if signal.strength < _EMPTY:
        return replace(_cannot_tell("the slices are empty, there is nothing but noise", curve), empty=True)
    return _refined(signal, where, curve, tick)


def _checked(sinograms: ArrayLike, angles: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    """Usable views in order of angle, and at most 16 slices."""
    values = np.asarray(sinograms)
    where = np.asarray(angles, dtype=float)
    if values.ndim != 3 or where.shape != values.shape[1:2]:
        raise ScanError(
            f"Sinograms of shape {values.shape} do not fit {where.size} angles.",
            "Give (slices, angles, columns) and one angle per view.",
        )
    slices = np.unique(np.linspace(0, values.shape[0] - 1, min(_SLICES, values.shape[0])).round().astype(int))
    order = np.argsort(where, kind="stable")
    if weights is not None:
        used = np.asarray(weights)[slices] > 0
        order = order[used.mean(axis=(0, 2))[order] > 0.5]
    values = values[slices][:, order].astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ScanError("The sinograms hold values that are not numbers.", "Mask and fill them first.")
    return values, where[order]


def _cannot_tell(why: str, curve: tuple[Array, Array]) -> AxisEstimate:
    return AxisEstimate(None, 0.0, METHOD, f"cannot tell: {why}", curve)


def _whole_detector(signal: Signal, angles: Array, tick: Callable[[], None]) -> tuple[Array, Array]:
    """Score of columns all over the detector, from few columns and low frequencies."""
    columns = signal.values.shape[2]
    factor = math.ceil(columns / _COARSE_COLUMNS)
    values, some = thin_views(bin_columns(signal.values, factor), angles, _COARSE_VIEWS)
    binned = values.shape[2]
    # An axis near the detector's edge (half acquisition) needs opposite views, which only a full turn has.
    margin = 0.08 if full_turn(angles) else 0.15
    trials = np.arange(math.ceil(margin * binned), math.floor((1 - margin) * binned) + 1.0)
    score = Consistency(values, some, binned / 2, signal.noise / factor, _COARSE_FREQUENCIES, 0.125, tick)
    curve = score(trials, _search_window(signal))
    return trials * factor + (factor - 1) / 2, curve - curve.max()


def _refined(signal: Signal, angles: Array, curve: tuple[Array, Array], tick: Callable[[], None]) -> AxisEstimate:
    factor = math.ceil(signal.values.shape[2] / _FINE_COLUMNS)
    shift = (factor - 1) / 2  # of a bin's centre, in detector columns
    values = bin_columns(signal.values, factor)
    slices, _, columns = values.shape
    noise = signal.noise / factor

    starts = (_basins(*curve) - shift) / factor
    step = (curve[0][1] - curve[0][0]) / factor
    quick = Consistency(*thin_views(values, angles, _COARSE_VIEWS), columns / 2, noise, tick=tick)
    near = np.unique(np.concatenate([start + np.arange(-1.5 * step, 1.5 * step + 0.1) for start in starts]))
    near = near[(near > 4) & (near < columns - 5)]
    centre = float(near[quick(near, _search_window(signal)).argmax()])

    most = int(np.clip(_FINE_LINES / slices, _COARSE_VIEWS, _FINE_VIEWS))
    picked, some = thin_views(values, angles, most)
    radius = _radius(signal, centre * factor + shift) / factor
    score = Consistency(picked, some, radius, noise, tick=tick)
    near = centre + np.arange(-_REACH, _REACH + 0.01, _STEP * factor) / factor
    half = min(near[0], columns - 1 - near[-1]) + 0.5
    # The first gives the answer; the others show how far it hangs on what lies at the edges.
    if signal.edge > _TRUNCATED:
        windows = (Window(), Window(half, 0.5), Window(0.8 * half))
    else:
        windows = (Window(math.inf), Window(), Window(max(0.8 * half, min(half, 1.35 * radius))))
    peaks = [_peak(near, score(near, window)) for window in windows]
    depth = _depth(Consistency(picked, some, radius, noise, _LOWEST), peaks[0].column, _search_window(signal))

    column = peaks[0].column * factor + shift
    statistical = peaks[0].spread * factor
    systematic = float(np.std([peak.column for peak in peaks])) * factor
    truncation = 0.0 if full_turn(angles) else _TRUNCATION_ERROR * signal.edge
    return _judged(column, math.hypot(statistical, systematic, truncation), depth, signal.edge, curve)


def _judged(column: float, error: float, depth: float, edge: float, curve: tuple[Array, Array]) -> AxisEstimate:
    truncated = edge > _TRUNCATED
    about = " of a truncated object" if truncated else ""
    if depth < _DEPTH:
        why = "the object is truncated and no axis stands out" if truncated else "no axis stands out of the noise"
        return _cannot_tell(why, curve)
    if not error <= _SPREAD:
        where = "at the end of the search" if math.isinf(error) else f"{column:.1f} +- {error:.1f} columns"
        return _cannot_tell(f"the views{about} put it {where}, which is too uncertain", curve)
    confidence = min(math.erf(1 / (math.sqrt(2) * max(error, 0.1))), 0.99)
    return AxisEstimate(column, confidence, METHOD, f"expected error {error:.2f} columns{about}", curve, error=error)


def _basins(trials: Array, curve: Array) -> Array:
    """Columns of the best few local maxima."""
    inner = np.pad(curve, 1, constant_values=-np.inf)
    tops = np.flatnonzero((curve >= inner[:-2]) & (curve >= inner[2:]))
    return trials[tops[np.argsort(curve[tops])[::-1][:_BASINS]]]


def _search_window(signal: Signal) -> Window:
    """The whole detector compares distant columns fairly; a truncated object has to be cut about each of them."""
    return Window(level=True) if signal.edge > _TRUNCATED else Window(math.inf)


def _radius(signal: Signal, axis: float) -> float:
    """Radius about the axis that holds the object; half the detector when the object leaves it."""
    if signal.edge > _TRUNCATED:
        return float(signal.values.shape[2] / 2)
    return max(1.05 * (axis - signal.first), 1.05 * (signal.last - axis), 8.0)


def _depth(score: Consistency, column: float, window: Window) -> float:
    """Mean logarithm by which the misfit at the axis lies below that elsewhere."""
    columns = score.sinograms.shape[2]
    elsewhere = np.linspace(0.2, 0.8, 13) * (columns - 1)
    found, *others = score(np.array([column, *elsewhere]), window)
    return float(found - np.median(others)) / score.weight


def _peak(trials: Array, curve: Array) -> _Peak:
    """Maximum of the parabola through the best three, and the standard deviation that its bend means."""
    best = int(curve.argmax())
    if best in (0, len(trials) - 1):
        return _Peak(float(trials[best]), math.inf)
    before, here, after = curve[best - 1 : best + 2]
    step = trials[1] - trials[0]
    bend = max(2 * here - before - after, np.finfo(float).tiny)
    return _Peak(float(trials[best] + 0.5 * (after - before) / bend * step), float(step / np.sqrt(bend)))
