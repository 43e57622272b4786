"""Held-out measurements: views (or detector pixels) that a method does not see, and how well it predicts them.

This is the only thing in fewview that chooses step counts and weights; a ground truth never does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import FewviewError
from ..geometry import HALF_TURN
from .arrays import as_numpy

FEW_VIEWS = 5  # with this many or fewer no view can be spared: detector pixels are held out instead


def split_views(
    angles: ArrayLike, fraction: float, seed: int = 0, period: float = HALF_TURN
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of views to use and of views to hold out, the latter spread equally over the directions.

    Parameters
    ----------
    angles : array of float
        Radians.
    fraction : float
        Of the views to hold out, over 0 and under 1; at least one view is held out and one is left.
    seed : int
        Chooses where the spread starts.
    period : float
        Arc in radians after which views see the same lines again: half a turn in a parallel beam.

    Returns
    -------
    tuple of ndarray of int
        Rising, shapes (used,) and (held out,).

    Raises
    ------
    FewviewError
        With a fraction out of bounds, or 5 views or fewer: hold out detector pixels then.
    """
    values = np.asarray(angles, dtype=np.float64)
    if not 0 < fraction < 1:
        raise FewviewError(f"A fraction of {fraction} of the views cannot be held out.", "Choose one between 0 and 1.")
    if len(values) <= FEW_VIEWS:
        raise FewviewError(
            f"With {len(values)} views none can be held out.", "Hold out detector pixels (heldout_pixels) instead."
        )
    count = min(max(1, round(fraction * len(values))), len(values) - 1)
    order = np.argsort(np.mod(values, period), kind="stable")
    spacing = len(values) / count
    start = np.random.default_rng(seed).random() * spacing
    places = (start + spacing * np.arange(count)).astype(np.intp) % len(values)
    held = np.sort(order[places])
    return np.setdiff1d(np.arange(len(values)), held), held


def heldout_pixels(shape: tuple[int, ...], fraction: float = 0.07, seed: int = 0) -> NDArray[np.bool_]:
    """True for detector pixels to hold out, chosen at random and deterministic by seed.

    Parameters
    ----------
    shape : tuple of int
        Of the sinograms (slices, angles, columns).
    fraction : float
        Of the pixels, over 0 and under 1; at least one is held out.
    seed : int
        Another one holds out other pixels.

    Returns
    -------
    ndarray of bool
        Of the given shape.
    """
    if not 0 < fraction < 1:
        raise FewviewError(f"A fraction of {fraction} of the pixels cannot be held out.", "Choose 0.05 to 0.1.")
    drawn = np.random.default_rng(seed).random(shape)
    held: NDArray[np.bool_] = (drawn < fraction) | (drawn == drawn.min(initial=1.0))
    return held


def heldout_error(predicted: Any, measured: Any, weights: Any = None) -> float:
    """Weighted relative error of predicted projections: sqrt(sum w (p - m)^2 / sum w m^2).

    Parameters
    ----------
    predicted, measured : array or tensor, same shape
        Line integrals that were not used.
    weights : array or tensor, same shape, optional
        Statistical weights; 0 where a pixel is unusable (whatever it holds).

    Returns
    -------
    float
        0 for a perfect prediction, 1 for that of an empty volume.

    Raises
    ------
    FewviewError
        All measured values are 0 or unusable.
    """
    p, m, w = _checked(predicted, measured, weights)
    scale = float(np.sum(w * m * m))
    if scale == 0.0:
        raise FewviewError("The held-out projections are empty.", "Hold out views that show the object.")
    return float(np.sqrt(np.sum(w * (p - m) ** 2) / scale))


def _checked(predicted: Any, measured: Any, weights: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    p, m = (as_numpy(a).astype(np.float64) for a in (predicted, measured))
    if p.shape != m.shape:
        raise FewviewError(f"Predicted projections {p.shape} do not fit measured ones {m.shape}.")
    w = np.ones_like(m) if weights is None else np.broadcast_to(as_numpy(weights), m.shape).astype(np.float64)
    unusable = w == 0
    return np.where(unusable, 0, p), np.where(unusable, 0, m), w
