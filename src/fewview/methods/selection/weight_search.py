"""Choosing a weight by what the method predicts of measurements that it was not given. A ground truth is never used."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import FewviewError
from ..interface import Estimate, Problem
from ..slices import central, central_slices
from ..stages import at_once, work
from .coarse import coarser
from .comparison import ONE_STANDARD_ERROR, PerView, better
from .held_out import own_error, pixel_folds, prediction_errors, stacked
from .picture import Picture

SLICES = 2  # of the stack on which the choice is made
LARGE = 300  # pixels on a side, above which one slice is enough
COARSE = 360  # pixels on a side, above which the choice is made at a lower resolution
FOLDS = 4  # times that measurements are held out, others each time
REFINEMENTS = 2  # weights that are tried at last, between the best ones of the ladder
CLEARLY = 1.02  # how far the error must have risen before the search down the ladder ends
STAGE = "choosing the weight"
USUAL = 8  # settings that a search down the ladder tries, of the 13 that it may: for the forecast

# solve(problem, weight, warm) yields, after each iteration, the volume and what to start from at the next weight;
# warm is what it left at the weight before, None at first.
Warm = Mapping[str, Tensor]
Solve = Callable[[Problem, float, Warm | None], Iterator[tuple[Tensor, Warm]]]


class Choice(NamedTuple):
    """The weight, and the held-out error at every weight tried."""

    value: float
    curve: list[tuple[float, float]]

    def times(self, factor: float) -> Choice:
        """All weights times ``factor``."""
        return Choice(self.value * factor, [(weight * factor, error) for weight, error in self.curve])

    def record(self) -> dict[str, Any]:
        """For :attr:`Estimate.chosen`: the weight and its curve."""
        return {"weight": self.value, "weight_curve": [list(point) for point in self.curve]}


class WeightTrial(NamedTuple):
    """Errors of the held-out pixels per view, and where to start at a setting nearby."""

    errors: PerView
    left: list[Warm]


def search_work(problem: Problem, iterations: int, searches: int = 1, coupled: bool = False) -> float:
    """Work that so many searches are expected to take, of so many iterations for each setting.

    Parameters
    ----------
    problem : Problem
    iterations : int
        Of each setting.
    searches : int, optional
        One after the other.
    coupled : bool, optional
        As for :class:`Trials`: parts of the measurements that do not run at once.

    Returns
    -------
    float
        In the unit of :func:`fewview.methods.stages.work`.
    """
    binned = -(-problem.operator.grid // COARSE)
    slices = min(len(problem.data), SLICES if problem.operator.grid // binned <= LARGE else 1)
    parts = FOLDS * at_once(problem, slices) if coupled else at_once(problem, FOLDS * slices)
    one_by_one = searches * USUAL * work(problem, iterations) / binned**2
    return one_by_one * parts / at_once(problem, len(problem.data))


class Trials:
    """A few central slices, parts of whose detector pixels are held out: random ones, in every view.

    Not whole views: with few of them, leaving one out changes the problem, and the few left out tell too little.
    On simulated samples of three kinds, with few and many counts, with and without blur and rings, held-out pixels led
    nearer to the weight that the truth would choose, the more so the fewer the views.

    Parameters
    ----------
    problem : Problem
    picture : Picture
        What is shown meanwhile.
    coupled : bool
        Whether the method couples slices: then neighbours are taken, and the parts run one after the other.
        Otherwise all run at once, as slices of one stack.
    words : callable
        What a weight of the trial is called, by the weight and by :attr:`binned`.

    Attributes
    ----------
    binned : int
        How many times coarser than the problem's the pixels of the trial are.
    done, total : int
        Settings tried, and planned: for the progress.
    steps : int
        Iterations of a trial, once that is known: for the progress, too.
    """

    def __init__(
        self,
        problem: Problem,
        picture: Picture,
        coupled: bool = False,
        words: Callable[[float, int], str] = lambda weight, binned: f"weight {weight:.2g}",
    ) -> None:
        grid = problem.operator.grid
        self.binned = -(-grid // COARSE)
        slices = SLICES if coupled or grid // self.binned <= LARGE else 1
        parts = pixel_folds(coarser(central(problem, slices, coupled), self.binned), FOLDS)
        self.parts = parts if coupled else [stacked(parts)]
        self.slices = central_slices(problem, slices, coupled)
        self.picture = picture
        self.words = words
        self.done = self.total = self.steps = 0
        self._within = 0  # iterations in the trial under way
        self._part = 0.0  # of the search that is done

    def attempt(
        self,
        solve: Callable[[Problem, Warm | None], Iterator[tuple[Tensor, Warm]]],
        start: WeightTrial | None = None,
        scalars: Mapping[str, float] | None = None,
    ) -> Generator[Estimate, None, WeightTrial]:
        """Try one setting from where another one ended.

        Parameters
        ----------
        solve : callable
            Yields volume and warm start after each iteration.
        start : WeightTrial, optional
            Trial to begin at; None from scratch.
        scalars : mapping, optional
            What is tried, by name: for the estimates.

        Yields
        ------
        Estimate
            One for each iteration, and one with "own_error" at the end.

        Returns
        -------
        WeightTrial
            Squared errors of held-out pixels per view, and where each solution ended.

        Raises
        ------
        FewviewError
            The reconstruction holds values that are not numbers.
        """
        scalars = scalars or {}
        per_view: list[float] = []
        left: list[Warm] = []
        volumes: list[Tensor] = []
        self._within = 0
        for k, (given, held) in enumerate(self.parts):
            last: tuple[Tensor, Warm] | None = None
            for last in solve(given, None if start is None else start.left[k]):
                self._within += 1
                if self.picture.due:
                    trial, words = self._mean([*volumes, last[0]]), self._words(scalars)
                    self.picture.try_on(trial, self.slices, words, self.binned)
                yield self._estimate(scalars)
            assert last is not None, "a solver yields at least once"
            per_view += prediction_errors(held, last[0])
            volumes.append(last[0])
            left.append(last[1])
        self.done += 1
        self.steps, self._within = self._within, 0
        tried = WeightTrial(np.array(per_view), left)
        error = float(tried.errors.mean())
        if not math.isfinite(error):
            raise FewviewError(
                "A trial reconstruction holds values that are not numbers, so that no weight can be chosen.",
                "Give the weight yourself, and report this scan: it should not happen.",
            )
        self.picture.take(error, self._mean(volumes), self.slices, self._words(scalars), self.binned)
        yield self._estimate({**scalars, "own_error": own_error(self.parts[0][1], error)})
        return tried

    def _mean(self, volumes: Sequence[Tensor]) -> Tensor:
        """The mean of the parts."""
        return torch.cat([v.unflatten(0, (-1, len(self.slices))) for v in volumes]).mean(dim=0)

    def _words(self, scalars: Mapping[str, float]) -> str:
        said = f": {self.words(scalars['weight'], self.binned)}" if "weight" in scalars else ""
        return f"while its weight was being chosen{said}"

    def _estimate(self, scalars: Mapping[str, float]) -> Estimate:
        total = max(self.total, self.done + 1)
        within = min(self._within / self.steps, 1.0) if self.steps else 0.0
        self._part = max(self._part, (self.done + within) / total)  # a search that goes on for longer waits at its end
        return replace(self.picture.estimate(self.done, total, STAGE, scalars), done=self._part)


def choose_weight(
    trials: Trials, solve: Solve, ladder: Sequence[float], start: float, near: WeightTrial | None = None
) -> Generator[Estimate, None, tuple[Choice, WeightTrial]]:
    """The weight at which held-out measurements are predicted best, within what so few of them can tell.

    From ``start`` the weights are tried both ways until the error has clearly risen, then twice between; each begins
    at the result of the nearest weight, so that a coarse budget will do.

    Where the curve is flat, its minimum is chance. So the choice is the middle (in the logarithm) between the minimum
    and the strongest weight that is not worse by more than one standard error of the difference, view by view: half
    of the usual one-standard-error rule.

    Parameters
    ----------
    trials : Trials
    solve : callable
        The method at a coarse budget.
    ladder : sequence of float
        Weights to try, from the strongest regularisation to the weakest, in equal ratios.
    start : float
        The one of them to begin with.
    near : WeightTrial, optional
        Where to begin at the first.

    Yields
    ------
    Estimate
        Stage "choosing the weight", the held-out error of the last weight tried among the scalars.

    Returns
    -------
    Choice, WeightTrial
        The second: of the weight with the least error.
    """
    trials.total = max(trials.total, trials.done + min(len(ladder) + REFINEMENTS, USUAL))
    errors: dict[float, PerView] = {}
    kept: dict[float, WeightTrial] = {}

    def mean(weight: float) -> float:
        return float(errors[weight].mean())

    def attempt(weight: float) -> Generator[Estimate, None, None]:
        nearest = min(kept, key=lambda w: abs(math.log(w / weight)), default=None)
        begin = near if nearest is None else kept[nearest]
        kept[weight] = yield from trials.attempt(
            lambda part, warm: solve(part, weight, warm), begin, {"weight": weight}
        )
        errors[weight] = kept[weight].errors
        # The ends and the best are all that later trials can begin at.
        for old in set(kept) - {min(errors), max(errors), min(errors, key=mean)}:
            del kept[old]

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
    return choice(errors, stronger=ladder[0] > ladder[-1]), kept[min(errors, key=mean)]


def choice(errors: Mapping[float, PerView], stronger: bool = True) -> Choice:
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
    testable = len(errors[best]) > 1
    for weight in sorted(errors, reverse=not stronger) if testable else ():
        beyond = weight > best if stronger else weight < best
        if beyond and not better(errors[best], errors[weight], confidence=ONE_STANDARD_ERROR):
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
