"""Raw counts to transmission: flats, darks, beam dose. What cannot be used is masked and counted, never clipped."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError

FlatRule = Literal["auto", "mean", "median", "interpolate"]
EDGE = 0.04  # share of the columns at each side that counts as open beam for the dose
UNEVEN = 0.1  # edges that differ by more are not both open
NO_BEAM = 0.05  # of the usual level
_SAMPLE = 4096  # pixels of a view that tell its level


@dataclass(eq=False)
class Transmission:
    """I/I0 and what is unusable of it.

    Parameters
    ----------
    values : array, shape (angle, v, u), float32
        Meaningless where masked.
    mask : array of bool, same shape
        True where a pixel is unusable.
    weights : array, same shape, float32
        Counts (up to a factor) that the value rests on; 0 where masked.
    counts : dict of str to int
        How many pixels were masked, per reason; a pixel counts for the first reason that applies.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    weights: NDArray[np.float32]
    counts: dict[str, int] = field(default_factory=dict)

    def drop(self, bad: NDArray[np.bool_], reason: str) -> None:
        """Mask ``bad`` pixels, counting those that were usable so far."""
        bad = np.broadcast_to(bad, self.mask.shape)
        new = bad & ~self.mask
        number = int(np.count_nonzero(new))
        if number:
            self.counts[reason] = self.counts.get(reason, 0) + number
            self.mask |= bad
            self.weights[new] = 0.0


def normalise(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    rule: FlatRule = "auto",
    flat_times: NDArray[np.float64] | None = None,
    saturation: float | None = None,
    view_times: NDArray[np.float64] | None = None,
) -> Transmission:
    """Divide by the open beam.

    Parameters
    ----------
    frames : array, shape (angle, v, u)
        Counts.
    flats, darks : array, shape (n, v, u)
        Open-beam and beam-off frames; without darks none are subtracted.
    rule : {"auto", "mean", "median", "interpolate"}
        How several frames become one.
    flat_times : array, shape (n,), optional
        When each flat was taken: 0 before the scan, 1 after it, between them during it. Flats of one time are
        combined, and each view is divided by what lies between those before and after it.
    saturation : float, optional
        Counts from which a pixel is saturated.
    view_times : array, shape (angle,), optional
        When each view was taken, 0 to 1; equally spaced unless given.

    Returns
    -------
    Transmission
        Values (angle, v, u), 1 where the beam is open, with the mask of those that cannot be used and why.

    Raises
    ------
    ScanError
        No flats, or interpolation between flats of a single time.
    """
    if flats is None or len(flats) == 0:
        raise ScanError(
            "The frames are counts, and there are no flat (open-beam) frames.",
            "Give them with --flats, or say --kind transmission or --kind attenuation.",
        )
    dark = np.zeros(frames.shape[1:], np.float32) if darks is None or len(darks) == 0 else _combine(darks, rule)
    times = np.linspace(0, 1, len(frames)) if view_times is None else view_times
    open_beam = _open_beam(flats, rule, flat_times, times) - dark
    signal = frames - dark
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (signal / open_beam).astype(np.float32, copy=False)
    result = Transmission(values, np.zeros(frames.shape, bool), np.asarray(signal, np.float32))
    result.drop(~np.isfinite(frames), "not a number")
    result.drop(~np.isfinite(open_beam), "no number in any flat or dark")
    result.drop(~(open_beam > 0), "flat is zero")
    if saturation is not None:
        result.drop(frames >= saturation, "saturated")
    result.drop(~(signal > 0), "no counts above dark")
    return result


def correct_dose(result: Transmission, region: tuple[int, int, int, int] | None = None) -> NDArray[np.float64]:
    """Scale each view so that the open beam reads 1.

    Parameters
    ----------
    region : tuple of int, optional
        (first row, last row, first column, last column), exclusive; the open edges of the detector without it.

    Returns
    -------
    array, shape (angle,)
        The factors that the views were divided by.

    Raises
    ------
    ScanError
        The region lies outside the detector or holds no usable pixel in some view.
    """
    rows, columns = result.values.shape[1:]
    if region is None:
        return _scale(result, _edges(result))
    v0, v1, u0, u1 = region
    if not (0 <= v0 < v1 <= rows and 0 <= u0 < u1 <= columns):
        raise ScanError(
            f"The open region {region} does not lie within {rows} rows and {columns} columns.",
            "Give first row, last row, first column, last column of the detector window in use.",
        )
    window = np.zeros((rows, columns), dtype=bool)
    window[v0:v1, u0:u1] = True
    return _scale(result, window)


def lit(result: Transmission) -> NDArray[np.float64]:
    """Level of the brightest twentieth of each view, shape (angle,); 0 where no pixel is usable."""
    rows, columns = result.mask.shape[1:]
    stride = max(1, int(np.sqrt(rows * columns / _SAMPLE)))
    some = np.s_[:, ::stride, ::stride]
    parts = zip(result.values[some], ~result.mask[some], strict=True)
    return np.array([float(np.quantile(view[good], 0.95)) if good.any() else 0.0 for view, good in parts])


def without_beam(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Views that the beam or the shutter missed: their brightest pixels are far below those of the others."""
    return levels < NO_BEAM * np.median(levels)


def glaring(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Views whose brightest pixels are as far above those of the others."""
    return levels * NO_BEAM > np.median(levels)


def _edges(result: Transmission) -> NDArray[np.bool_]:
    """Both edges of the detector, or the one that stays open when the sample comes near the other."""
    columns = result.values.shape[2]
    edge = max(1, round(EDGE * columns))
    sides = np.zeros((2, *result.values.shape[1:]), dtype=bool)
    sides[0, :, :edge] = sides[1, :, -edge:] = True
    left, right = (_levels(result, side) for side in sides)
    if np.all(np.abs(left - right) <= UNEVEN * np.maximum(left, right)):
        answer: NDArray[np.bool_] = sides[0] | sides[1]
        return answer
    returned: NDArray[np.bool_] = sides[0] if np.median(left) > np.median(right) else sides[1]
    return returned


def _scale(result: Transmission, window: NDArray[np.bool_]) -> NDArray[np.float64]:
    factors = _levels(result, window)
    if not np.all(factors > 0):
        view = int(np.flatnonzero(~(factors > 0))[0])
        raise ScanError(
            f"The open region has no usable pixel, or reads no beam, in view {view}.",
            "Choose a region that the sample never enters, or leave that view out.",
        )
    result.values /= factors[:, None, None].astype(np.float32)
    return factors


def _levels(result: Transmission, window: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Median within the window of each view; 0 where nothing is usable."""
    parts = [view[window & ~bad] for view, bad in zip(result.values, result.mask, strict=True)]
    return np.array([float(np.median(part)) if part.size else 0.0 for part in parts])


def _combine(stack: NDArray[np.float32], rule: FlatRule) -> NDArray[np.float32]:
    """One frame of several: of each pixel, what those say that hold a number there."""
    if len(stack) == 1:
        result: NDArray[np.float32] = stack[0]
        return result
    known = np.isfinite(stack)
    if known.all():
        middle = np.median if rule == "median" else np.mean
        return np.asarray(middle(stack, axis=0), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pixels that no frame knows
        of_known = np.nanmedian if rule == "median" else np.nanmean
        return np.asarray(of_known(np.where(known, stack, np.nan), axis=0), np.float32)


def _open_beam(
    flats: NDArray[np.float32],
    rule: FlatRule,
    times: NDArray[np.float64] | None,
    view_times: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Open beam, shape (v, u), or (views, v, u) when interpolated."""
    groups = np.zeros(0) if times is None else np.unique(times)
    if rule == "interpolate" and len(groups) < 2:
        raise ScanError(
            "Flats cannot be interpolated: all were taken at the same time, as far as is known.", "Use mean or median."
        )
    if times is None or len(groups) < 2 or rule not in ("auto", "interpolate"):
        return _combine(flats, rule)
    stack = np.stack([_combine(flats[times == time], rule) for time in groups])
    stack = np.where(np.isfinite(stack), stack, _combine(stack, "mean"))
    place = np.interp(view_times, groups, np.arange(len(groups)))  # level before the first and after the last
    first = np.minimum(place.astype(int), len(groups) - 2)
    t = (place - first).astype(np.float32)[:, None, None]
    result: NDArray[np.float32] = (1 - t) * stack[first] + t * stack[first + 1]
    return result
