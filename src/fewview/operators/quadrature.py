"""How much of the half turn each view stands for: the weights of an integral over angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

SAME = 1e-5  # radians below which two views count as one direction
WEDGE = math.radians(20)  # a gap at least this wide, and three times the next, is missing rather than sparse


def angle_weights(angles: ArrayLike) -> NDArray[np.float64]:
    """Weights w (radians) such that ``sum(w * f(angle))`` is the integral of f over half a turn.

    Views half a turn apart see the same lines in parallel beam, so angles count modulo 180 degrees. Each
    direction gets half the gap to either neighbour, and views in the same direction share: this covers
    even and uneven angles, arcs of 180, 270 and 360 degrees, and end views given twice. A missing wedge (one gap
    much wider than all others) is not handed to the views at its edges; they get what their other side has.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians.

    Returns
    -------
    array of float64, shape (views,)
        They sum to pi where no wedge is missing.
    """
    folded = np.mod(np.asarray(angles, dtype=np.float64).reshape(-1), math.pi)
    # Just under half a turn is the same direction as zero.
    folded[math.pi - folded < SAME] = 0.0
    order = np.argsort(folded, kind="stable")
    group = np.concatenate([[0], np.cumsum(np.diff(folded[order]) > SAME)])
    members = np.bincount(group)
    direction = np.bincount(group, weights=folded[order]) / members

    # gaps[k] lies after direction k; the last one closes the half turn.
    gaps = np.diff(direction, append=direction[0] + math.pi)
    shares = (gaps + np.roll(gaps, 1)) / 2
    if len(gaps) > 2:
        wide, following = int(np.argmax(gaps)), np.partition(gaps, -2)[-2]
        if gaps[wide] > max(WEDGE, 3 * following):
            after = (wide + 1) % len(gaps)
            shares[wide], shares[after] = gaps[wide - 1], gaps[after]
    weights = np.empty(len(folded))
    weights[order] = (shares / members)[group]
    return weights
