"""What a sinogram tells before its axis is known: air, noise, signal, and whether the object leaves the detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EDGE = 40  # one part in this many of the columns, on either side, is looked at as the edge
_NORMAL_MAD = 0.6745  # median absolute deviation of a unit normal
_FAINT = 0.03  # of the strongest signal: what is fainter does not count as object
_LOW_EDGE = 0.05  # of a slice's strongest signal: below, the object is taken to lie within the detector
_STRONG = 0.3  # slices this strong, compared with the strongest, carry the search


@dataclass(frozen=True)
class Signal:
    """Sinograms with their air taken off, of the slices that the axis can be seen in.

    Parameters
    ----------
    values : array, shape (slices, angles, columns)
        Line integrals minus the air beside the object.
    noise : float
        Variance of a pixel.
    strength : float
        Power of the signal, smoothed over a few columns, in units of what noise alone has there: 1 for an empty slice.
    edge : float
        Level at the worse edge of the detector, as a part of the strongest signal; 0 where air surrounds the object.
    first, last : float
        Columns between which the object lies in some view.
    """

    values: Array
    noise: float
    strength: float
    edge: float
    first: float
    last: float


def measure(sinograms: Array) -> Signal:
    """Take the air off, choose the slices that show an object best, and judge them.

    The air is what the emptier edge shows, slice by slice, and need not be zero: a diffuse background or an unknown
    dose shifts every line integral alike. Slices whose object stays within the detector come before truncated ones.

    Parameters
    ----------
    sinograms : array, shape (slices, angles, columns)
    """
    columns = sinograms.shape[2]
    width = max(4, columns // _EDGE)
    left, right = sinograms[..., :width].mean(axis=2), sinograms[..., -width:].mean(axis=2)
    noise = noise_variance(sinograms)
    spread = float(np.sqrt(noise / width))
    air = np.minimum(np.median(left, axis=1), np.median(right, axis=1))
    # Where the object reaches over the edge in most views, the emptiest views are the nearest thing to air.
    lowest = np.minimum(np.quantile(left, 0.2, axis=1), np.quantile(right, 0.2, axis=1))
    air = np.where(air - lowest > 3 * spread, lowest, air)
    values = sinograms - air[:, None, None]
    smooth = _running_mean(values, width)
    # Without noise an empty slice has neither signal nor spread to divide by.
    peak = np.maximum(np.quantile(smooth, 0.99, axis=(1, 2)), max(spread, np.finfo(float).tiny))
    reach = np.maximum(np.quantile(left, 0.95, axis=1), np.quantile(right, 0.95, axis=1)) - air - 2 * spread
    edge = np.clip(reach / peak, 0, 1)
    keep = peak >= _STRONG * peak.max()
    keep &= edge <= max(_LOW_EDGE, float(edge[keep].min()))
    smooth, highest = smooth[keep], float(peak[keep].max())
    power = float(np.mean(smooth**2)) * width
    strength = power / noise if noise > 0 else (np.inf if power > 0 else 0.0)
    shown = np.flatnonzero(np.quantile(smooth, 0.98, axis=(0, 1)) > max(_FAINT * highest, 4 * spread))
    first, last = (shown[0], shown[-1] + width - 1) if len(shown) else (0, columns - 1)
    return Signal(values[keep], noise, strength, float(np.median(edge[keep])), float(first), float(last))


def noise_variance(sinograms: Array) -> float:
    """Variance of a pixel's noise, from second differences along the detector (their median: edges do not count)."""
    second = sinograms[..., 2:] - 2 * sinograms[..., 1:-1] + sinograms[..., :-2]
    return float((np.median(np.abs(second)) / _NORMAL_MAD) ** 2 / 6)


def bin_columns(sinograms: Array, factor: int) -> Array:
    """Average ``factor`` neighbouring columns; what does not fill a bin falls off at the end."""
    slices, views, columns = sinograms.shape
    kept = columns // factor * factor
    result: Array = sinograms[..., :kept].reshape(slices, views, -1, factor).mean(axis=3)
    return result


def thin_views(sinograms: Array, angles: Array, most: int) -> tuple[Array, Array]:
    """At most that many views, equally spread in their order.

    Parameters
    ----------
    sinograms : Array, shape (rows, views, columns)
    angles : Array, shape (views,)
        In radians.
    most : int
        Views to keep.

    Returns
    -------
    tuple[Array, Array]
        The same of the views that are kept.
    """
    pick = np.unique(np.linspace(0, len(angles) - 1, min(most, len(angles))).round().astype(int))
    return sinograms[:, pick], angles[pick]


def _running_mean(values: Array, width: int) -> Array:
    summed = np.cumsum(np.pad(values, ((0, 0), (0, 0), (1, 0))), axis=2)
    return (summed[..., width:] - summed[..., :-width]) / width
