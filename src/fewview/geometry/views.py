"""Views around the object: whether they go all the way round, which repeat others, and how to choose some."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError

HALF_TURN = math.pi


def full_turn(angles: ArrayLike) -> bool:
    """Whether views (radians) go all the way round: no gap is wider than a quarter of a turn, or than few views leave.

    Few views that are spread over the directions of their lines (:func:`spread_views`) leave gaps of one and a half
    of their steps.
    """
    places = np.sort(np.mod(np.asarray(angles, dtype=np.float64), 2 * math.pi))
    if len(places) < 3:
        return False
    gaps = np.diff(places, append=places[0] + 2 * math.pi)
    return bool(gaps.max() <= max(math.pi / 2, 1.5 * float(np.median(gaps))) + 1e-6)


def duplicate_views(angles: ArrayLike, period: float = HALF_TURN) -> list[tuple[int, int]]:
    """Pairs of views (first, later) that see the same lines: 0 and 360 degrees, or 0 and 180 (mirrored).

    Only end views count: a pair is reported where a later view closes the half or full turn that an earlier
    one opened, within half a step. A full turn of views is not a heap of duplicates: its mirrored pairs carry
    independent noise and are used by every solver.

    Parameters
    ----------
    angles : array of float
        Radians.
    period : float
        Arc after which views see the same lines again: :attr:`Beam.period`.
    """
    values = np.asarray(angles, dtype=np.float64)
    if len(values) < 3:
        return []
    order = np.argsort(values, kind="stable")
    span = values[order[-1]] - values[order[0]]
    gaps = np.diff(values[order])
    gaps = gaps[gaps > 1e-9]
    tolerance = 0.25 * float(np.median(gaps)) if len(gaps) else 0.0
    pairs = [
        (int(a), int(b))
        for a, b in pairwise(order)
        if values[b] - values[a] <= 1e-9  # the same angle twice
    ]
    for turn in (HALF_TURN, 2 * HALF_TURN):
        if turn >= period and abs(span - turn) <= tolerance:
            pairs.append((int(order[0]), int(order[-1])))
    return pairs


def spread_views(angles: ArrayLike, count: int, period: float = HALF_TURN) -> NDArray[np.intp]:
    """Indices of ``count`` views spread equally over the lines that the scan measured.

    In a parallel beam views at t and t + 180 degrees measure the same lines, so on a full turn the choice is spread
    over the half turn of line directions and taken alternately from both halves; picking every n-th view of a full
    turn would measure half of the directions twice. A duplicate end view is never chosen.

    Parameters
    ----------
    angles : array of float
        Radians.
    count : int
        Views to choose.
    period : float
        Arc after which views see the same lines again: :attr:`Beam.period`.

    Returns
    -------
    ndarray of int
        Shape (count,), rising.

    Raises
    ------
    ScanError
        If ``count`` is not between 1 and the number of distinct views.
    """
    values = np.asarray(angles, dtype=np.float64)
    doubled = {later for _, later in duplicate_views(values, period)}
    candidates = np.array([i for i in range(len(values)) if i not in doubled], dtype=np.intp)
    if not 1 <= count <= len(candidates):
        raise ScanError(
            f"{count} views were asked for, the scan has {len(candidates)} distinct ones.",
            f"Choose 1 to {len(candidates)}.",
        )
    start = values[candidates].min()
    offset = values[candidates] - start
    if offset.max() > 2 * HALF_TURN:  # several turns, or angles that go on (golden ratio): the second turn is the first
        offset = np.mod(offset, 2 * HALF_TURN)
    step = float(np.median(np.diff(np.sort(offset)))) if len(candidates) > 1 else 0.0
    span = float(offset.max()) + step
    if span < period - 0.5 * step:  # a missing wedge: both ends are worth having
        targets = np.linspace(0.0, offset.max(), count) if count > 1 else np.array([offset.max() / 2])
    else:
        targets = np.arange(count) * (period / count)
        if span > 1.5 * period:
            targets = targets + period * (np.arange(count) % 2)
    chosen: list[int] = []
    free = np.ones(len(candidates), dtype=bool)
    for target in targets:
        distance = np.where(free, np.abs(offset - target), np.inf)
        best = int(np.argmin(distance))
        free[best] = False
        chosen.append(int(candidates[best]))
    return np.array(sorted(chosen), dtype=np.intp)
