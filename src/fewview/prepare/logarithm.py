"""Transmission to line integrals with statistical weights; unusable pixels get weight 0 and a neighbour's value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .normalise import Transmission

# Attenuations beyond this are not -log of anything measured, but numbers on an arbitrary scale.
PLAUSIBLE = 20.0


def minus_log(result: Transmission) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """-log of a transmission, and weights.

    For Poisson counts the variance of -log I is 1/I: the weight is the counts themselves (Sauer and Bouman 1993,
    eq. 6). What is not positive has no logarithm and is masked.

    Returns
    -------
    values, weights : arrays, shape (angle, v, u), float32
        0 where masked.
    """
    result.drop(~(result.values > 0), "transmission not positive")
    values = np.zeros_like(result.values)
    np.log(result.values, out=values, where=~result.mask)
    np.negative(values, out=values)
    return values, result.weights


def attenuation_weights(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights of data that came as -log already: exp(-value), or 1 where the scale of the values is arbitrary."""
    usable = values[~mask]
    if usable.size and float(np.percentile(usable, 99)) > PLAUSIBLE:
        weights = np.ones_like(values)
    else:
        weights = np.exp(-np.maximum(np.where(mask, 0, values), 0)).astype(np.float32)
    weights[mask] = 0.0
    return weights


def fill_masked(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Values interpolated along the detector row where masked; a whole row from the views around; else 0.

    Only for methods that know no weights (FBP): a hole in a sinogram row would ring through its whole slice.

    Parameters
    ----------
    values, mask : array, shape (angle, v, u)
    """
    if not mask.any():
        return values
    filled = values.copy()
    columns = np.arange(values.shape[-1])
    empty = np.asarray(mask.all(axis=-1))
    for view, row in zip(*np.nonzero(mask.any(axis=-1) & ~empty), strict=True):
        bad, line = mask[view, row, :], filled[view, row, :]
        line[bad] = np.interp(columns[bad], columns[~bad], line[~bad])
    for row in np.flatnonzero(empty.any(axis=0)):
        views, good = np.flatnonzero(empty[:, row]), np.flatnonzero(~empty[:, row])
        filled[views, row] = 0.0 if good.size == 0 else _between(filled[good, row], good, views)
    return filled


def _between(lines: NDArray[np.float32], at: NDArray[np.intp], wanted: NDArray[np.intp]) -> NDArray[np.float32]:
    """Lines at the wanted views, linear between those that there are."""
    place = np.interp(wanted, at, np.arange(len(at)))
    before = np.floor(place).astype(int)
    part = (place - before).astype(np.float32)[:, None]
    result: NDArray[np.float32] = (1 - part) * lines[before] + part * lines[np.minimum(before + 1, len(at) - 1)]
    return result


def bin_masked(result: Transmission, factor: int) -> Transmission:
    """Mean over ``factor`` x ``factor`` usable pixels; unusable only where all of them are."""
    if factor == 1:
        return result
    n, v, u = result.values.shape
    high = min(factor, v)  # fewer rows than that become one
    shape = (n, v // high, high, u // factor, factor)

    def blocks(a: NDArray[Any]) -> NDArray[Any]:
        result: NDArray[Any] = (
            a[:, : shape[1] * high, : shape[3] * factor].reshape(shape).sum(axis=(2, 4), dtype=np.float64)
        )
        return result

    usable = blocks(~result.mask)
    total = blocks(np.where(result.mask, 0, result.values))
    values = np.divide(total, usable, out=np.zeros_like(total), where=usable > 0).astype(np.float32)
    return Transmission(values, usable == 0, blocks(result.weights).astype(np.float32), result.counts)


def mean_one(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scaled in place to mean 1 over the pixels that count."""
    used = np.count_nonzero(weights > 0)
    if used:
        weights /= np.float32(weights.sum(dtype=np.float64) / used)
    return weights
