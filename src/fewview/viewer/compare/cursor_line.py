"""The line that tells the values of all compared layers under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..common.names import short_names
from ..common.words import number
from .presenter import Comparison
from .table import Candidate, Truth
from .value_units import in_short

LENGTH = {"mm": "mm", "pixel": "px"}


def values_at(comparison: Comparison, point: tuple[float, float], z: float, row: int | None = None) -> str:
    """Values of every layer, and of the reference, at a point (y, x) of the comparison; empty where there are none.

    Parameters
    ----------
    comparison : Comparison
    point : tuple[float, float]
        In world units.
    z : float
        Height of the slice, in world units.
    row : int, optional
        Of the detector, that the slice shows.

    Returns
    -------
    str
        One line: the place, each layer's value, and the unit.
    """
    told = [(candidate.name, value_of(candidate, point)) for candidate in comparison.candidates]
    truth = reference_value(comparison.candidates, comparison.truth, point)
    if truth is not None:
        told.append(truth)
    if all(value is None for _, value in told):
        return ""
    where = ", ".join(f"{v:.4g}" for v in (z, *point))
    unit = in_short(comparison.unit)
    names = short_names(name for name, _ in told)
    parts = [f"{names[name]} {number(value)}" for name, value in told]
    shown = "" if row is None else f"Row {row}; "
    return f"{shown}z, y, x = {where} {LENGTH[comparison.length]}: " + " · ".join(parts) + (f" {unit}" if unit else "")


def value_of(candidate: Candidate, point: tuple[float, float]) -> float | None:
    """Value of the pixel under a point; None beside the layer."""
    index = _pixel(candidate, point)
    return None if index is None else float(candidate.image[index])


def reference_value(
    candidates: Sequence[Candidate], truth: Truth | None, point: tuple[float, float]
) -> tuple[str, float | None] | None:
    """Name and value of the reference, on the pixels of the first layer that it can be compared with.

    Parameters
    ----------
    candidates : sequence of Candidate
        Layers that take part.
    truth : Truth or None
        The reference.
    point : tuple[float, float]
        (y, x) in world units.

    Returns
    -------
    (str, float or None) or None
        The value in the unit of the comparison, None outside the layer; None without a reference.
    """
    for candidate in candidates:
        if truth is not None and candidate.truth is not None:
            index = _pixel(candidate, point)
            return truth.name, None if index is None else float(candidate.truth[index])
    return None


def _pixel(candidate: Candidate, point: tuple[float, float]) -> tuple[int, int] | None:
    y, x = np.round((np.asarray(point) - candidate.origin) / candidate.step).astype(int)
    inside = 0 <= y < candidate.image.shape[0] and 0 <= x < candidate.image.shape[1]
    return (int(y), int(x)) if inside else None
