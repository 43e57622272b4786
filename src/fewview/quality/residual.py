"""How well a volume explains the measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from .arrays import as_numpy
from .sharpness import MAD


def noise_level(measured: Any, weights: Any = None) -> float:
    """Standard deviation of the noise of a pixel of weight 1, from the line integrals themselves.

    Third differences along the detector remove what is smooth; their median absolute deviation, scaled by the
    weights, is robust to the edges of the object. An upper bound where the object has much fine structure.

    Parameters
    ----------
    measured : array or tensor, shape (slices, angles, columns)
    weights : array or tensor, same shape, optional
        Inverse variances up to a factor.
    """
    y, w = _filled(measured, weights)
    if y.shape[-1] < 4:
        raise FewviewError(
            f"This method tells noise from signal by 4 or more detector columns, and here there are {y.shape[-1]}.",
            "Bin less, or take a classical method, such as tv.",
        )
    return _spread_of_differences(y, w, [(c, (..., _part(y.shape[-1], k, 4))) for k, c in enumerate((1, -3, 3, -1))])


def noise_across_rows(measured: Any, weights: Any = None) -> float:
    """Standard deviation of the noise of a pixel of weight 1, from differences along rows and columns at once.

    Second differences along both (Immerkaer, Computer Vision and Image Understanding 64, 1996) remove what is smooth in
    either direction: of objects that change slowly from slice to slice, far more than :func:`noise_level` does.

    Parameters
    ----------
    measured : array or tensor, shape (slices, angles, columns)
        With 3 slices and 3 columns at least.
    weights : array or tensor, same shape, optional
        Inverse variances up to a factor.
    """
    y, w = _filled(measured, weights)
    if y.shape[0] < 3 or y.shape[-1] < 3:
        raise FewviewError(f"{y.shape[0]} slices of {y.shape[-1]} columns are too few to tell noise from signal.")
    parts = [
        (a * b, (_part(y.shape[0], i, 3), slice(None), _part(y.shape[-1], j, 3)))
        for i, a in enumerate((1, -2, 1))
        for j, b in enumerate((1, -2, 1))
    ]
    return _spread_of_differences(y, w, parts)


def _filled(measured: Any, weights: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values, 0 where a pixel is unusable, and weights."""
    y = as_numpy(measured).astype(np.float64)
    w = np.ones_like(y) if weights is None else np.broadcast_to(as_numpy(weights), y.shape).astype(np.float64)
    return np.where(w > 0, y, 0), w


def _part(length: int, first: int, taps: int) -> slice:
    return slice(first, length - taps + 1 + first)


def _spread_of_differences(
    y: NDArray[np.float64], w: NDArray[np.float64], taps: Sequence[tuple[float, tuple[Any, ...]]]
) -> float:
    """Robust standard deviation of a weighted sum of neighbours, in units of the noise of one of weight 1."""
    difference = sum(c * y[part] for c, part in taps)
    usable = np.all([w[part] > 0 for _, part in taps], axis=0)
    with np.errstate(divide="ignore"):
        variance = sum(c**2 / w[part] for c, part in taps)
    if not usable.any():
        raise FewviewError(
            "Nowhere are detector pixels usable side by side, so that the noise cannot be told from the signal.",
            "Check the flats and the mask.",
        )
    scaled = np.abs(np.asarray(difference)[usable]) / np.sqrt(np.asarray(variance)[usable])
    return float(np.median(scaled) / MAD)
