"""Minus logarithm with statistical weights; what has no logarithm is masked, counted and filled from its neighbours."""

from __future__ import annotations

import numpy as np

from .normalise import Floats, Mask, Unusable


def minus_log(transmission: Floats, light: Floats, unusable: Unusable) -> tuple[Floats, Floats]:
    """Line integrals of a transmission, and weights.

    The variance of -log(I) for Poisson counts I is 1/I to first order, hence the weights (Bouman and Sauer, IEEE
    Trans. Image Process. 5, 480, 1996).

    Parameters
    ----------
    transmission : array
        Any shape.
    light : array
        Net counts in any unit; the weight of a usable pixel.
    unusable : Unusable
        Gains the reason "zero or negative".

    Returns
    -------
    values : array
        -log(transmission); 0 where unusable.
    weights : array
        Proportional to the inverse variance; 0 where unusable.
    """
    unusable.add("zero or negative", ~(transmission > 0) | ~(light > 0))
    good = ~unusable.mask
    values = np.zeros_like(transmission)
    np.log(transmission, out=values, where=good)
    np.negative(values, out=values)
    return values, np.where(good, light, np.float32(0))


def fill(values: Floats, mask: Mask) -> None:
    """Fill masked values in place: from left and right in their row, or, for a whole row, from the views around.

    For the methods without weights, such as FBP; a weight of zero keeps all others from believing the filling.

    Parameters
    ----------
    values, mask : array, shape (angle, v, u)
    """
    bad_rows = mask.all(axis=2)
    columns = np.arange(values.shape[2])
    for view, row in np.argwhere(mask.any(axis=2) & ~bad_rows):
        bad = mask[view, row]
        values[view, row, bad] = np.interp(columns[bad], columns[~bad], values[view, row, ~bad])
    for row in np.flatnonzero(bad_rows.any(axis=0)):
        missing = bad_rows[:, row]
        good = np.flatnonzero(~missing)
        if len(good) == 0:
            values[:, row] = 0
            continue
        for view in np.flatnonzero(missing):
            after = int(np.searchsorted(good, view))
            near = good[max(after - 1, 0)], good[min(after, len(good) - 1)]
            part = 0.0 if near[0] == near[1] else (view - near[0]) / (near[1] - near[0])
            values[view, row] = (1 - part) * values[near[0], row] + part * values[near[1], row]
