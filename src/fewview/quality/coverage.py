"""Whether intervals hold what they should: how often mean and standard deviation of a volume cover the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mask import object_mask

STRUCTURE = 0.2  # of the object's pixels: those with the steepest reference
QUANTILE = 1.645  # standard deviations on either side that hold 90 % of a normal distribution

Array = NDArray[np.floating[Any]]


def coverage(mean: Array, std: Array, reference: Array, structure: bool = False) -> float:
    """Part of the object's pixels whose 90 % interval, ``mean`` +- 1.645 ``std``, holds the reference: 0.9 is honest.

    All of shape (slices, y, x). Outside the object almost any interval is right, so it does not count; with
    ``structure`` only the fifth of the object's pixels does where the reference changes most from pixel to pixel.

    Parameters
    ----------
    mean : Array, shape (slices, y, x)
    std : Array, shape (slices, y, x)
        In the unit of the mean.
    reference : Array, shape (slices, y, x)
    structure : bool, optional
        Count only the pixels where the reference changes most.

    Returns
    -------
    float
        Part between 0 and 1.
    """
    within = np.abs(mean - reference) <= QUANTILE * std
    counted = object_mask(reference)
    if structure:
        slope = np.hypot(*np.gradient(reference, axis=(1, 2)))
        counted = counted & (slope > 0) & (slope >= np.quantile(slope[counted], 1 - STRUCTURE))
    return float(within[counted].mean())


def crps(mean: Array, std: Array | None, reference: Array) -> float:
    """Continuous ranked probability score of normal distributions, mean over the object's pixels: smaller is better.

    It asks at once for a mean that is near, and for a deviation that is neither too narrow nor too wide (Gneiting and
    Raftery, Journal of the American Statistical Association 102, 2007, equation 21). Of a volume without deviation it
    is the mean absolute error. In parts of the range of the reference.

    Parameters
    ----------
    mean : Array, shape (slices, y, x)
    std : Array, shape (slices, y, x), or None
    reference : Array, shape (slices, y, x)

    Returns
    -------
    float
        0 for a volume equal to the reference.
    """
    from scipy.special import ndtr

    off, span = np.abs(mean - reference), float(np.ptp(reference))
    if std is not None:
        wide = np.maximum(std, 1e-6 * span)
        z = off / wide
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        off = wide * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return float(off[object_mask(reference)].mean()) / span


def honest_factor(mean: Array, std: Array, reference: Array) -> float:
    """The number to multiply ``std`` by so that 90 % intervals cover 90 % of the object's pixels.

    All of shape (slices, y, x), in one unit; see :func:`coverage`. Measured on other samples than those that it is used
    for, this is split conformal prediction (Papadopoulos et al., ECML 2002), the score being the error over ``std``.

    Parameters
    ----------
    mean : Array, shape (slices, y, x)
    std : Array, shape (slices, y, x)
    reference : Array, shape (slices, y, x)

    Returns
    -------
    float
        1 where the intervals are honest, more where they are too narrow.
    """
    least = 1e-6 * float(np.ptp(reference))
    scores = np.abs(mean - reference) / np.maximum(std, least)
    return float(np.quantile(scores[object_mask(reference)], 0.9)) / QUANTILE
