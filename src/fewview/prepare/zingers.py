"""Outliers of single pixels: gamma spots on a neutron camera, zingers of an X-ray one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

SIZE = 5  # wide enough that a spot of 2 x 2 pixels is a minority of its neighbourhood


def find_zingers(
    frames: NDArray[np.float32], threshold: float, tick: Callable[[], None] = lambda: None
) -> NDArray[np.bool_]:
    """Pixels brighter than the median of their 5 x 5 neighbours by more than ``threshold`` (a fraction of it).

    Parameters
    ----------
    frames : array, shape (angle, v, u)
        Counts. With fewer than 5 rows the neighbours are those of the row, 9 wide.
    threshold : float
    tick : callable
        Called for each frame; what it raises ends the work.

    Returns
    -------
    array of bool, same shape
    """
    size = (SIZE, SIZE) if frames.shape[1] >= SIZE else (1, 2 * SIZE - 1)
    found = np.empty(frames.shape, dtype=bool)
    for frame, hit in zip(frames, found, strict=True):
        tick()
        middle = median_filter(frame, size=size, mode="nearest")
        np.greater(frame - middle, threshold * np.abs(middle), out=hit)
    return found


def remove_outliers(
    stack: NDArray[np.float32], threshold: float, tick: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """Flats or darks with their zingers replaced by the median of the neighbours (they are averaged anyway).

    Parameters
    ----------
    stack : array, shape (n, v, u)
    threshold : float
        As of :func:`find_zingers`.
    tick : callable
        Called for each frame; what it raises ends the work.

    Returns
    -------
    ndarray of float32, shape (n, v, u)
        A copy.
    """
    found = find_zingers(stack, threshold, tick)
    clean = stack.copy()
    for frame, hit in zip(clean, found, strict=True):
        if hit.any():
            frame[hit] = median_filter(frame, size=SIZE, mode="nearest")[hit]
    return clean
