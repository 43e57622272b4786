"""Raw counts to transmission: flats, darks, beam dose. What cannot be used is masked and counted, never clipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError

FlatRule = Literal["auto", "mean", "median", "interpolate"]
EDGE = 0.04  # share of the columns at each side that counts as open beam for the dose


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
) -> Transmission:
    """Divide by the open beam.

    Parameters
    ----------
    frames : array, shape (angle, v, u)
        Counts.
    flats, darks : array, shape (n, v, u)
        Open-beam and beam-off frames; without darks none are subtracted.
    rule : {"auto", "mean", "median", "interpolate"}
        How several frames become one. Views count as equally spaced in time from 0 to 1.
    flat_times : array, shape (n,), optional
        When each flat was taken: up to 0 before the scan, from 1 after it.
    saturation : float, optional
        Counts from which a pixel is saturated.

    Raises
    ------
    ScanError
        No flats, or interpolation without flats before and after.
    """
    if flats is None or len(flats) == 0:
        raise ScanError(
            "The frames are counts, and there are no flat (open-beam) frames.",
            "Give them with --flats, or say --kind transmission or --kind attenuation.",
        )
    dark = np.zeros(frames.shape[1:], np.float32) if darks is None or len(darks) == 0 else _combine(darks, rule)
    open_beam = _open_beam(flats, rule, flat_times, len(frames)) - dark
    signal = frames - dark
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (signal / open_beam).astype(np.float32, copy=False)
    scale = float(np.nanmean(np.where(open_beam > 0, open_beam, np.nan))) if np.any(open_beam > 0) else 1.0
    result = Transmission(values, np.zeros(frames.shape, bool), np.asarray(signal / scale, np.float32))
    result.drop(~np.isfinite(frames), "not a number")
    result.drop(~(np.isfinite(open_beam) & (open_beam > 0)), "flat is zero")
    if saturation is not None:
        result.drop(frames >= saturation, "saturated")
    result.drop(~(signal > 0), "no counts above dark")
    return result


def correct_dose(result: Transmission, region: tuple[int, int, int, int] | None = None) -> NDArray[np.float64]:
    """Scale each view so that the open beam reads 1.

    Parameters
    ----------
    region : tuple of int, optional
        (first row, last row, first column, last column), exclusive; both edges of the detector without it.

    Returns
    -------
    array, shape (angle,)
        The factors that the views were divided by.

    Raises
    ------
    ScanError
        The region lies outside the detector or holds no usable pixel in some view.
    """
    views, rows, columns = result.values.shape
    window = np.zeros((rows, columns), dtype=bool)
    if region is None:
        edge = max(1, round(EDGE * columns))
        window[:, :edge] = window[:, -edge:] = True
    else:
        v0, v1, u0, u1 = region
        if not (0 <= v0 < v1 <= rows and 0 <= u0 < u1 <= columns):
            raise ScanError(
                f"The open region {region} does not lie within {rows} rows and {columns} columns.",
                "Give first row, last row, first column, last column of the detector window in use.",
            )
        window[v0:v1, u0:u1] = True
    factors = np.empty(views)
    for view in range(views):
        good = window & ~result.mask[view]
        if not good.any():
            raise ScanError(f"View {view} has no usable pixel in the open region.", "Choose another region.")
        factors[view] = np.median(result.values[view][good])
    if not np.all(factors > 0):
        raise ScanError("The open region reads no beam in some view.", "Choose a region that the sample never enters.")
    result.values /= factors[:, None, None].astype(np.float32)
    return factors


def _combine(stack: NDArray[np.float32], rule: FlatRule) -> NDArray[np.float32]:
    if len(stack) == 1:
        return stack[0]
    middle = np.median if rule == "median" else np.mean
    return np.asarray(middle(stack, axis=0), np.float32)


def _open_beam(
    flats: NDArray[np.float32], rule: FlatRule, times: NDArray[np.float64] | None, views: int
) -> NDArray[np.float32]:
    """Open beam, shape (v, u), or (views, v, u) when interpolated."""
    both = times is not None and bool(np.any(times <= 0)) and bool(np.any(times >= 1))
    if rule == "interpolate" and not both:
        raise ScanError(
            "Flats cannot be interpolated: there are none taken before and after the scan.", "Use mean or median."
        )
    if times is None or not both or rule not in ("auto", "interpolate"):
        return _combine(flats, rule)
    before, after = _combine(flats[times <= 0], rule), _combine(flats[times >= 1], rule)
    t = np.linspace(0, 1, views, dtype=np.float32)[:, None, None]
    return (1 - t) * before + t * after
