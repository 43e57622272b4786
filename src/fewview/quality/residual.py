"""How well a volume explains the measurement."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FewviewError
from .arrays import as_numpy
from .heldout import heldout_error
from .sharpness import MAD


def data_residual(predicted: Any, measured: Any, weights: Any = None) -> float:
    """Relative residual |Ax - y| / |y|, weighted when weights are given.

    Parameters
    ----------
    predicted, measured : array or tensor, shape (slices, angles, columns)
        ``A(x)`` and ``y``.
    weights : array or tensor, same shape, optional
        Statistical weights; 0 where a pixel is unusable.
    """
    return heldout_error(predicted, measured, weights)


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
    y = as_numpy(measured).astype(np.float64)
    if y.shape[-1] < 4:
        raise FewviewError(f"{y.shape[-1]} detector columns are too few to tell noise from signal.")
    w = np.ones_like(y) if weights is None else np.broadcast_to(as_numpy(weights), y.shape).astype(np.float64)
    y = np.where(w > 0, y, 0)
    coefficients = np.array([1.0, -3.0, 3.0, -1.0])
    parts = [slice(k, y.shape[-1] - 3 + k) for k in range(4)]
    difference = sum(c * y[..., p] for c, p in zip(coefficients, parts, strict=True))
    usable = np.all([w[..., p] > 0 for p in parts], axis=0)
    with np.errstate(divide="ignore"):
        variance = sum(c**2 / w[..., p] for c, p in zip(coefficients, parts, strict=True))
    if not usable.any():
        raise FewviewError("No detector pixel is usable.", "Check the flats and the mask.")
    scaled = np.abs(difference[usable]) / np.sqrt(variance[usable])
    return float(np.median(scaled) / MAD)


def chi_squared(predicted: Any, measured: Any, weights: Any = None, sigma: float | None = None) -> float:
    """Residual over noise: mean of w (Ax - y)^2 / sigma^2 over the usable pixels. About 1 where only noise is left.

    Parameters
    ----------
    predicted, measured : array or tensor, shape (slices, angles, columns)
    weights : array or tensor, same shape, optional
        Inverse variances up to a factor.
    sigma : float, optional
        Standard deviation of a pixel of weight 1; estimated by :func:`noise_level` when not given.
    """
    p, y = as_numpy(predicted).astype(np.float64), as_numpy(measured).astype(np.float64)
    w = np.ones_like(y) if weights is None else np.broadcast_to(as_numpy(weights), y.shape).astype(np.float64)
    level = noise_level(y, w) if sigma is None else sigma
    if level <= 0:
        raise FewviewError("The measurement has no noise to compare the residual with.", "Give the noise level.")
    usable = w > 0
    return float(np.mean(w[usable] * (p[usable] - y[usable]) ** 2) / level**2)
