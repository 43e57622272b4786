"""Transmission to line integrals with statistical weights; unusable pixels get weight 0 and a neighbour's value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .normalise import Transmission

# Attenuations beyond this are not -log of anything measured, but numbers on an arbitrary scale.
PLAUSIBLE = 20.0


def minus_log(result: Transmission) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """-log of a transmission, and weights.

    For Poisson counts the variance of -log I is 1/I: the weight is the counts themselves (Sauer and Bouman 1993,
    eq. 6), scaled to mean 1 over the usable pixels.

    Returns
    -------
    values, weights : arrays, shape (angle, v, u), float32
    """
    result.drop(~(result.values > 0), "transmission not positive")
    values = np.zeros_like(result.values)
    np.log(result.values, out=values, where=~result.mask)
    np.negative(values, out=values)
    return fill_masked(values, result.mask), _mean_one(result.weights)


def attenuation_weights(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights of data that came as -log already: exp(-value), or 1 where the scale of the values is arbitrary."""
    usable = values[~mask]
    if usable.size and float(np.percentile(usable, 99)) > PLAUSIBLE:
        weights = np.ones_like(values)
    else:
        weights = np.exp(-np.maximum(np.where(mask, 0, values), 0)).astype(np.float32)
    weights[mask] = 0.0
    return _mean_one(weights)


def fill_masked(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Values interpolated along the detector row where masked; 0 in rows without any usable pixel.

    Only for methods that know no weights (FBP): a hole in a sinogram row would ring through its whole slice.
    """
    if not mask.any():
        return values
    filled = values.copy()
    columns = np.arange(values.shape[-1])
    for view, row in zip(*np.nonzero(mask.any(axis=-1)), strict=True):
        bad = mask[view, row]
        line = filled[view, row]
        line[bad] = 0.0 if bad.all() else np.interp(columns[bad], columns[~bad], line[~bad])
    return filled


def bin_masked(result: Transmission, factor: int) -> Transmission:
    """Mean over ``factor`` x ``factor`` usable pixels; unusable only where all of them are."""
    if factor == 1:
        return result
    n, v, u = result.values.shape
    shape = (n, v // factor, factor, u // factor, factor)

    def blocks(a: NDArray) -> NDArray:
        return a[:, : shape[1] * factor, : shape[3] * factor].reshape(shape).sum(axis=(2, 4), dtype=np.float64)

    usable = blocks(~result.mask)
    total = blocks(np.where(result.mask, 0, result.values))
    values = np.divide(total, usable, out=np.zeros_like(total), where=usable > 0).astype(np.float32)
    return Transmission(values, usable == 0, blocks(result.weights).astype(np.float32), result.counts)


def _mean_one(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    used = weights[weights > 0]
    return weights / np.float32(used.mean()) if used.size else weights
