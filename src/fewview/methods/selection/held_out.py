"""Holding measurements of a problem out, so that a method's prediction of them can be checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import FewviewError
from ...quality.heldout import FEW_VIEWS, heldout_pixels, split_views
from ..interface import Problem, Views
from ..inverse.masking import measured, weigh

PART, AT_LEAST, AT_MOST = 0.15, 3, 0.25
"""Part held out to choose settings by; of views so many at least, and never more than the last part of them."""
PIXELS = 0.08
"""Part of the detector pixels held out to choose a weight by."""
APART = 104_729
"""Added to the seed wherever pixels are held out: by the seed itself a run may have held out some already, to be
measured by them, and a method within a method holds out its own. The same choice once more would find nothing left."""


def held_fraction(views: int) -> float:
    """Part of so many views that is held out wherever a method chooses its settings: the one rule for how much.

    Of 5 views and fewer it is the part of the detector pixels.
    """
    return PART if views <= FEW_VIEWS else min(max(PART, AT_LEAST / views), AT_MOST)


def hold_out(problem: Problem, fraction: float | None = None) -> tuple[Problem, Views]:
    """Part a problem into what a method is given and what is held out.

    Views, spread equally over the directions; with 5 views or fewer, random detector pixels, which stay in both
    parts with weight 0 in one and their own weight in the other.

    Parameters
    ----------
    problem : Problem
    fraction : float, optional
        Of the views (or pixels) to hold out; :func:`held_fraction` when not given.

    Returns
    -------
    given : Problem
        Without state and stack: an earlier run saw what is held out now, and the rest of the run has it.
    held : Views
    """
    seed = problem.seed
    fraction = held_fraction(problem.operator.views) if fraction is None else fraction
    if problem.operator.views <= FEW_VIEWS:
        return _without_pixels(problem, heldout_pixels(tuple(problem.data.shape), fraction, seed + APART))
    _, held = split_views(problem.operator.angles, fraction, seed, problem.operator.geometry.period)
    return _without_views(problem, held)


def pixel_folds(problem: Problem, count: int) -> list[tuple[Problem, Views]]:
    """``count`` partitions, each with other random detector pixels held out, of every view alike."""
    shape = tuple(problem.data.shape)
    seed = problem.seed + (APART if problem.operator.views <= FEW_VIEWS else 0)
    return [_without_pixels(problem, heldout_pixels(shape, PIXELS, seed + 7919 * k)) for k in range(count)]


def stacked(parts: Sequence[tuple[Problem, Views]]) -> tuple[Problem, Views]:
    """Partitions of the same views as one: its slices are those of all of them, one after the other.

    For methods that treat slices apart; one run then does for all, in less time than one after the other.
    """
    given, held = zip(*parts, strict=True)

    def joined(tensors: Iterable[torch.Tensor | None]) -> torch.Tensor | None:
        found = [t for t in tensors if t is not None]
        return torch.cat(found) if found else None

    together = replace(
        given[0],
        data=torch.cat([p.data for p in given]),
        weights=joined(p.weights for p in given),
        auxiliary=joined(p.auxiliary for p in given),
    )
    return together, Views(held[0].operator, together.data, joined(v.weights for v in held))


def prediction_errors(held: Views, volume: torch.Tensor) -> list[float]:
    """Weighted mean squared error of the held-out line integrals that ``volume`` predicts, per view that has any."""
    y, weights = measured(held)
    residual = held.operator(volume) - y
    squares = weigh(residual * residual, weights).sum(dim=(0, 2), dtype=torch.float64)
    total = (torch.ones_like(y) if weights is None else weights).sum(dim=(0, 2), dtype=torch.float64)
    seen = total > 0
    if not bool(seen.any()):
        raise FewviewError(
            "All held-out pixels are unusable.", "Mask fewer pixels, or set yourself what is left on auto."
        )
    return (squares[seen] / total[seen]).tolist()


def own_error(held: Views, squared: float) -> float:
    """A weighted mean squared error of what is held out, as a part of the values: what estimates tell as "own_error".

    It is of what a method withholds from itself; "heldout_error" is of views that the whole run has not seen.
    """
    y, weights = measured(held)
    mean = float(weigh(y * y, weights).sum(dtype=torch.float64))
    mean /= y.numel() if weights is None else max(float(weights.sum(dtype=torch.float64)), 1e-12)
    return float((squared / mean) ** 0.5) if mean > 0 else 0.0


def errors_by_slice(held: Views, volume: torch.Tensor) -> NDArray[np.float64]:
    """The same for each slice: shape (slices, views that have any held-out pixel)."""
    y, weights = measured(held)
    residual = held.operator(volume) - y
    squares = weigh(residual * residual, weights).sum(dim=2, dtype=torch.float64)
    total = (torch.ones_like(y) if weights is None else weights).sum(dim=2, dtype=torch.float64)
    seen = total.sum(dim=0) > 0
    return (squares / total.clamp(min=1e-12))[:, seen].cpu().numpy()


def _without_views(problem: Problem, held: NDArray[np.intp]) -> tuple[Problem, Views]:
    kept = np.setdiff1d(np.arange(problem.operator.views), held)

    def views(chosen: NDArray[np.intp]) -> Views:
        index = torch.as_tensor(chosen, device=problem.data.device)
        weights = None if problem.weights is None else problem.weights.expand_as(problem.data)[:, index]
        operator = problem.operator.subset(chosen)
        operator.once = True  # its matrix goes with it: the run that follows is on all views
        return Views(operator, problem.data[:, index], weights)

    given = views(kept)
    part = replace(problem, operator=given.operator, data=given.data, weights=given.weights, state=None, stack=None)
    return part, views(held)


def _without_pixels(problem: Problem, held: NDArray[np.bool_]) -> tuple[Problem, Views]:
    mask = torch.as_tensor(held, device=problem.data.device)
    weights = torch.ones_like(problem.data) if problem.weights is None else problem.weights.expand_as(problem.data)
    nothing = torch.zeros_like(weights)
    given = replace(
        problem, weights=torch.where(mask, nothing, weights), seed=problem.seed + APART, state=None, stack=None
    )
    return given, Views(problem.operator, problem.data, torch.where(mask, weights, nothing))
