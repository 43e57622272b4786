"""Choosing a weight by what the method predicts of measurements that it was not given. A ground truth is never used."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..quality.heldout import FEW_VIEWS
from .holdout import central, folds, prediction_errors
from .interface import Estimate, Problem

SLICES = 2  # of the stack on which the choice is made
LARGE = 1024  # pixels on a side, above which one slice is enough
FOLDS = 4
LEAVE_ONE_OUT = 8  # with this many views or fewer, withholding two at once would change the problem too much
REFINEMENTS = 2
CLEARLY = 1.02  # how far the error must have risen before the search down the ladder ends
STAGE = "choosing the weight"

# solve(problem, weight, warm) yields, after each iteration, the volume and what to start from at the next weight;
# warm is what it left at the weight before, None at first.
Warm = Mapping[str, Tensor]
Solve = Callable[[Problem, float, Warm | None], Iterator[tuple[Tensor, Warm]]]


class Choice(NamedTuple):
    """The weight, and the held-out error at every weight tried."""

    value: float
    curve: list[tuple[float, float]]

    def record(self, option: str) -> dict[str, Any]:
        """For :attr:`Estimate.chosen`: the option's value and its curve."""
        return {option: self.value, f"{option}_curve": [list(point) for point in self.curve]}


def choose_weight(
    problem: Problem, solve: Solve, ladder: Sequence[float], start: float, preview: Tensor, coupled: bool = False
) -> Generator[Estimate, None, Choice]:
    """The weight at which withheld measurements are predicted best, within what so few of them can tell.

    Cross-validation on a few central slices: the views fall into interleaved sets, each withheld once (5 views or
    fewer: random detector pixels instead). From ``start`` the weights are tried both ways until the error has
    clearly risen, then twice between; each begins at the result of the nearest weight, so that a coarse budget will do.

    The curve is often flat on the side of strong weights, and its minimum then is chance. So the choice is the
    middle (in the logarithm) between the minimum and the strongest weight that is not worse by more than one
    standard error of the difference, view by view: half of the usual one-standard-error rule.

    Parameters
    ----------
    problem : Problem
    solve : callable
        The method at a coarse budget.
    ladder : sequence of float
        Weights to try, from the strongest regularisation to the weakest, in equal ratios.
    start : float
        The one of them to begin with.
    preview : Tensor
        What to show meanwhile.
    coupled : bool
        Whether the method couples slices: then neighbours are taken for the trial.

    Yields
    ------
    Estimate
        Stage "choosing the weight", the held-out error of the last weight tried among the scalars.
    """
    views = problem.operator.views
    slices = SLICES if problem.operator.grid <= LARGE else 1
    trials = folds(central(problem, slices, coupled), views if FEW_VIEWS < views <= LEAVE_ONE_OUT else FOLDS)
    total = len(ladder) + REFINEMENTS
    errors: dict[float, NDArray[np.float64]] = {}
    states: dict[float, list[Warm]] = {}

    def mean(weight: float) -> float:
        return float(errors[weight].mean())

    def attempt(weight: float) -> Generator[Estimate, None, None]:
        near = min(states, key=lambda w: abs(math.log(w / weight)), default=None)
        per_view: list[float] = []
        left: list[Warm] = []
        for k, (given, held) in enumerate(trials):
            last: tuple[Tensor, Warm] | None = None
            for last in solve(given, weight, None if near is None else states[near][k]):  # noqa: B007
                yield Estimate(preview, len(errors), total, STAGE, {"weight": weight})
            assert last is not None, "a solver yields at least once"
            per_view += prediction_errors(held, last[0])
            left.append(last[1])
        errors[weight], states[weight] = np.array(per_view), left
        # The ends and the best are all that later trials can begin at.
        for old in set(states) - {min(errors), max(errors), min(errors, key=mean)}:
            del states[old]
        yield Estimate(preview, len(errors), total, STAGE, {"weight": weight, "heldout_error": mean(weight)})

    middle = list(ladder).index(start)
    yield from attempt(start)
    for side in (ladder[middle + 1 :], ladder[:middle][::-1]):
        tried = [start]
        for weight in side:
            yield from attempt(weight)
            tried.append(weight)
            best = min(mean(w) for w in errors)
            if len(tried) > 2 and min(mean(w) for w in tried[-2:]) > CLEARLY * best:
                break
    for _ in range(REFINEMENTS):
        yield from attempt(_between({w: mean(w) for w in errors}))
    return choice(errors, stronger=ladder[0] > ladder[-1])


def choice(errors: Mapping[float, NDArray[np.float64]], stronger: bool = True) -> Choice:
    """Apply the rule of :func:`choose_weight` to the errors per view at each weight.

    Parameters
    ----------
    errors : mapping of weight to array of float
        The same views in the same order at every weight.
    stronger : bool
        Whether a larger weight regularises more.
    """
    best = min(errors, key=lambda weight: float(errors[weight].mean()))
    limit = best
    for weight in sorted(errors, reverse=not stronger):
        difference = errors[weight] - errors[best]
        spread = float(difference.std(ddof=1)) / math.sqrt(len(difference)) if len(difference) > 1 else 0.0
        beyond = weight > best if stronger else weight < best
        if beyond and float(difference.mean()) <= spread:
            limit = weight
    curve = sorted((weight, float(e.mean())) for weight, e in errors.items())
    return Choice(math.sqrt(best * limit), curve)


def _between(curve: Mapping[float, float]) -> float:
    """A weight not tried yet, near the minimum of the parabola through the best and its neighbours."""
    weights = sorted(curve)
    best = weights.index(min(curve, key=lambda weight: curve[weight]))
    if best in (0, len(weights) - 1):
        inner = weights[1] if best == 0 else weights[-2]
        return math.sqrt(weights[best] * inner)
    place = np.log(weights[best - 1 : best + 2])
    place, low, high = place[1], place[0] - place[1], place[2] - place[1]
    a, b, _ = np.polyfit([low, 0.0, high], [curve[w] for w in weights[best - 1 : best + 2]], 2)
    shift = float(np.clip(-b / (2 * a) if a > 0 else 0.0, 0.75 * low, 0.75 * high))
    if abs(shift) < 0.05 * (high - low):  # nothing new there: look into the wider gap
        shift = low * 2 / 3 if -low > high else high * 2 / 3
    return math.exp(place + shift)
