"""Dose of every view from a region that the object never covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError

_EDGE = 40  # one part in this many of the columns on either side
_OPEN = 0.9  # an edge darker than this part of the brighter one is not open beam
_TRIM = 0.1

Box = tuple[int, int, int, int]


def open_edges(transmission: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[Box]:
    """Boxes at the left and right edge of the detector that are open in all views.

    Parameters
    ----------
    transmission, mask : array, shape (angle, v, u)

    Returns
    -------
    list of (row, row, column, column)

    Raises
    ------
    ScanError
        The object reaches both edges.
    """
    rows, columns = transmission.shape[1:]
    width = max(2, columns // _EDGE)
    boxes = [(0, rows, 0, width), (0, rows, columns - width, columns)]
    levels = [view_dose(transmission, mask, [box]) for box in boxes]
    # Compared in each view: the beam may fluctuate, but it does so on both sides alike.
    bright = [float(np.median(level)) for level in levels]
    best = int(np.argmax(bright))
    steady = levels[best] / np.maximum(levels[1 - best], 1e-6)
    reached = not bright[best] > 0.5
    if reached:
        raise ScanError(
            f"Dose correction found no open beam at the detector's edges (transmission {bright[best]:.2f}).",
            "Give an open box with dose=ROW:ROW,COLUMN:COLUMN, or use dose=off.",
        )
    return boxes if np.quantile(steady, 0.9) < 1 / _OPEN else [boxes[best]]


def view_dose(transmission: NDArray[np.float32], mask: NDArray[np.bool_], boxes: list[Box]) -> NDArray[np.float64]:
    """Mean transmission of the open region in every view, a tenth trimmed off either end against outliers.

    Returns
    -------
    array, shape (angle,)
        0 where the region has no usable pixel.

    Raises
    ------
    ScanError
        A box that lies outside the detector.
    """
    rows, columns = transmission.shape[1:]
    for top, bottom, left, right in boxes:
        if bottom > rows or right > columns:
            raise ScanError(
                f"The dose region {top}:{bottom},{left}:{right} lies outside the {rows} x {columns} detector.",
                "Give rows and columns within it.",
            )
    dose = np.zeros(len(transmission))
    for view in range(len(transmission)):
        parts = [transmission[view, t:b, a:z][~mask[view, t:b, a:z]] for t, b, a, z in boxes]
        values = np.sort(np.concatenate(parts))
        cut = int(_TRIM * len(values))
        if len(values):
            dose[view] = values[cut : len(values) - cut].mean(dtype=np.float64)
    return dose
