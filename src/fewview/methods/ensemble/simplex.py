"""Weights of a mean of several volumes, by the measurements that none of them was given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..interface import Views
from .stacking import LEAST, TAKEN, Residuals

TINY = 1e-12  # of the mean squared error: who errs by nothing has a solution, too
FAR = 1.5  # times the least squared error: who errs by more gets no equal part


def stacking_weights(held: Views, volumes: Sequence[Tensor]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of a mean that predicts held-out measurements well: none negative, their sum 1.

    Half way between the weights that predict them best and equal ones: a few views overestimate a member that fits
    them, and equal weights are hard to beat (the "forecast combination puzzle"; benchmarks/stacking.py,
    docs/constants.md).

    Stacked generalisation (Breiman, Machine Learning 24, 1996). The squared error of a mean is a quadratic form of the
    inner products of the residuals, in which the noise of the held-out data is the same for all and cancels.

    Parameters
    ----------
    held : Views
    volumes : sequence of Tensor, shape (slices, y, x)
        Each from the views that are not held out.

    Returns
    -------
    weights : ndarray, shape (volumes,)
        0 for a volume that errs by much more than the best, unless it makes up for the errors of another.
    errors : ndarray, shape (volumes,)
        Squared error of each volume alone, in the same measure.
    """
    misfit = Residuals(held)
    residuals = [misfit.of(volume) for volume in volumes]
    gram = np.array([[misfit.inner(a, b) for b in residuals] for a in residuals])
    errors = np.diag(gram).copy()
    near = errors <= FAR * errors.min()
    return TAKEN * simplex_minimum((gram + gram.T) / 2) + (1 - TAKEN) * near / near.sum(), errors


def simplex_minimum(gram: NDArray[np.float64], least: float = LEAST) -> NDArray[np.float64]:
    """Minimise ``w' gram w`` over weights that are not negative and sum to 1.

    Every set of volumes is tried, which is exact and quick for the handful that there is: the minimum of a set is where
    ``gram w`` is the same for all of it. Sets in which a volume would count less than ``least`` are passed over.
    """
    count = len(gram)
    gram = gram / (np.trace(gram) / count or 1.0)  # all 0 where nothing was measured: then any weights will do
    best, lowest = np.full(count, 1 / count), np.inf
    for chosen in chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1)):
        part = gram[np.ix_(chosen, chosen)]
        ridge = (1e-9 * np.trace(part) / len(chosen) + TINY) * np.eye(len(chosen))  # two volumes may be the same
        solved = np.linalg.solve(part + ridge, np.ones(len(chosen)))
        solved = solved / solved.sum()
        if len(chosen) > 1 and solved.min() < least:
            continue
        weights = np.zeros(count)
        weights[list(chosen)] = solved
        error = float(weights @ gram @ weights)
        if error < lowest * (1 - 1e-9):
            best, lowest = weights, error
    return best
