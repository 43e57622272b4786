"""Whether flats are open-beam frames of one exposure, and darks are dark."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DARK = 0.2  # of the usual flat: a frame below it was taken with the beam off
ODD = 0.12  # relative deviation of a flat's level that more than noise and drift must explain
FEW_COUNTS = 100.0  # in all flats together: their noise of 10 % and more goes into every view
_SHAPES = 0.04  # relative difference of flats that is no drift of the beam
_TWO_EXPOSURES = 1.25  # ratio of the brightest to the darkest flat


def levels(stack: NDArray[np.float32]) -> Array:
    """Level of each frame (n, v, u): the median of its pixels; 0 where none is a number."""
    flat = stack.reshape(len(stack), -1)
    return np.array([float(np.median(one[np.isfinite(one)])) if np.isfinite(one).any() else 0.0 for one in flat])


def exchanged(flats: Array, darks: Array) -> bool:
    """Whether what is called flat is darker than what is called dark."""
    return float(np.median(flats)) < float(np.median(darks))


def odd_ones(flats: Array, dark: float, times: Array | None) -> dict[int, str]:
    """Flats to leave out, and why: taken without beam, or unlike the others of their time.

    Parameters
    ----------
    flats : array, shape (n,)
        Levels.
    dark : float
        Level of the darks; 0 without any.
    times : array, shape (n,), optional
        When each was taken. The beam may drift from one time to the next, not within one.

    Returns
    -------
    dict of int to str
        The reason by the index of the flat; empty where half of all flats or more would be left out.
    """
    usual = float(np.median(flats)) - dark
    if usual <= 0 or len(flats) < 2:
        return {}
    relative = (flats - dark) / usual
    odd = {int(i): f"reads {100 * relative[i]:.0f} % of the others: a dark" for i in np.flatnonzero(relative < DARK)}
    left = np.array([i for i in range(len(flats)) if i not in odd], dtype=int)
    group = np.zeros(len(flats)) if times is None else np.asarray(times)
    for time in np.unique(group[left]):
        members = left[group[left] == time]
        if len(members) < 4:
            continue
        middle = float(np.median(relative[members]))
        apart = np.abs(relative[members] - middle)
        limit = max(ODD * middle, 6 * float(np.median(apart)))
        for i in members[apart > limit]:
            odd[int(i)] = f"reads {100 * relative[i] / middle:.0f} % of the others"
    return odd if len(odd) < 0.5 * len(flats) else {}


def several_exposures(flats: Array, dark: float, times: Array | None) -> str:
    """Words for flats of the same time whose levels are too far apart; empty where they are not.

    Parameters
    ----------
    flats : Array, shape (flats,)
        Mean level of each.
    dark : float
        Level without beam.
    times : Array or None, shape (flats,)
        When each was taken, in any unit.

    Returns
    -------
    str
        One sentence with the lowest and the highest level, or "".
    """
    if times is not None and len(np.unique(times)) > 1:
        return ""
    above = flats - dark
    if len(above) < 2 or above.min() <= 0 or above.max() < _TWO_EXPOSURES * above.min():
        return ""
    return f"The flats differ in level from {above.min():.5g} to {above.max():.5g}: of several exposures?"


def unlike(stack: NDArray[np.float32], dark: float, times: Array | None) -> str:
    """Words for frames that are no flats: they differ from one another in what they show; empty where only noise does.

    The difference of two flats is noise, which has no likeness from pixel to pixel; that of two views of a sample has.

    Parameters
    ----------
    stack : ndarray of float32, shape (frames, v, u)
    dark : float
        Level without beam.
    times : Array or None, shape (frames,)
        When each was taken, in any unit.

    Returns
    -------
    str
        A clause with the difference in per cent, or "".
    """
    if stack.shape[2] < 16:
        return ""
    told = np.isfinite(stack).any(axis=(1, 2))
    if np.count_nonzero(told) < 2:
        return ""
    above = _completed(stack[told]) - dark
    scaled = above / np.maximum(np.median(above, axis=(1, 2), keepdims=True), 1e-9)
    group = np.zeros(len(above)) if times is None else np.asarray(times)[: len(stack)][told]
    same = [scaled[group == time] for time in np.unique(group)]  # the beam may drift from one time to the next
    apart = np.concatenate([one - one.mean(axis=0) for one in same])
    spread = float(np.median(np.std(apart, axis=(1, 2))))
    grain = float(np.median(np.std(np.diff(apart, axis=2), axis=(1, 2)))) / math.sqrt(2)
    if spread < _SHAPES or spread < 2 * grain:
        return ""
    return f"the flats differ from one another by {100 * spread:.0f} % in what they show, like views of a sample"


def _completed(stack: NDArray[np.float32]) -> Array:
    """Frames (n, v, u) with the level of the frame where a pixel holds no number, so that it tells nothing."""
    return np.where(np.isfinite(stack), stack, levels(stack)[:, None, None])


def spots(stack: NDArray[np.float32]) -> int:
    """Pixels that are far brighter in one frame than in all others: they pull the mean of the flats up."""
    if len(stack) < 3:
        return 0
    ordered = np.sort(_completed(stack), axis=0)
    middle, brightest, second = np.median(ordered, axis=0), ordered[-1], ordered[-2]
    noise = 1.4826 * float(np.median(np.abs(ordered - middle)))
    return int(np.count_nonzero((brightest - second > 0.3 * np.abs(middle)) & (brightest - middle > 8 * noise)))


def too_dark(flats: Array, dark: float, noise: float) -> str:
    """Why flats are too dark to divide by; empty where they are bright enough.

    Parameters
    ----------
    flats : array, shape (n,)
        Levels in counts.
    dark : float
        Level of the darks.
    noise : float
        Standard deviation of a pixel of one dark; 0 without any.

    Returns
    -------
    str
        A clause with the counts that were found, or "".
    """
    above = float(np.median(flats)) - dark
    total = above * len(flats)
    if above < 2 * noise / math.sqrt(len(flats)):
        return f"the flats ({np.median(flats):.4g}) are no brighter than the darks ({dark:.4g})"
    if total < FEW_COUNTS:
        return (
            f"the flats have only {above:.3g} counts per pixel above dark, {total:.3g} in all {len(flats)} together: "
            f"their noise of {100 / math.sqrt(max(total, 1)):.0f} % would go into every view"
        )
    return ""
