"""Total variation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import positivity_option, weighted_option
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning, Views
from ..selection.coarse import FINER, coarseness
from ..selection.picture import Picture
from ..selection.weight_search import Trials, Warm, choose_weight, search_work
from ..stages import work
from .chambolle_pock import DUAL, TVProblem, iterate
from .fbp import preview
from .iterate import estimates

LADDER = tuple(float(w) for w in 10 ** np.arange(-1.0, -6.01, -0.5))  # weights tried by "auto"
HALO = 8  # slices, with smoothing between them
TRIAL = (60, 150)  # iterations per weight and fold while choosing, with many and with few views


class TVOptions(BudgetOptions):
    """Options of total variation."""

    weight: float | Auto = option(
        "auto",
        "Weight",
        "How strongly the volume is smoothed. A larger weight gives flatter regions and fewer streaks, a "
        "smaller one keeps more texture and noise. Auto chooses the weight that predicts held-out detector "
        "pixels best.",
        gt=0,
    )
    iterations: int = option(
        600,
        "Iterations",
        "The number of iterations. The volume settles within a few hundred; with few views it needs more.",
        ge=1,
    )
    along_z: float = option(
        0.0,
        "Along z",
        "Smoothing between slices, relative to that within a slice. A larger value makes neighbouring slices "
        "more alike; 0 reconstructs each slice by itself.",
        ge=0,
        le=10,
    )
    positivity: bool = positivity_option()
    weighted: bool = weighted_option()


def formulate(problem: Problem, options: TVOptions, weight: float) -> TVProblem:
    """The minimisation that these options ask for.

    Parameters
    ----------
    problem : Problem
    options : TVOptions
    weight : float
        Of total variation, in units of |A|^2 times the attenuation.

    Returns
    -------
    TVProblem
        In the unit of the problem.
    """
    return TVProblem(problem, weight, options.along_z, options.positivity, options.weighted)


def trial_iterations(views: Views) -> int:
    """Few views leave more to the prior, which takes more iterations to settle what they do not see."""
    return int(np.clip(1200 / views.operator.views, *TRIAL))


def short_iterations(views: Views) -> int:
    """Iterations for a volume that something else is made from or mixed with.

    Of large slices two thirds of those that its weight was chosen with: of a tooth of 320 pixels in 45 views, 40 gave
    0.1 dB more than 600, in a fifteenth of the time.
    """
    large = coarseness(views.operator.grid) > 1
    return trial_iterations(views) * 2 // 3 if large else int(TVOptions().iterations)


def called(weight: float, binned: int) -> str:
    """A weight of a trial, as it will be on the problem's own pixels."""
    return f"weight {weight * binned**FINER:.2g}"


def attempt(problem: TVProblem, warm: Warm | None) -> Iterator[tuple[Tensor, Warm]]:
    """Solve coarsely, from FBP or from what another attempt left: what choosing a weight needs."""
    for it in iterate(
        problem, trial_iterations(problem.views), {"volume": preview(problem.views)} if warm is None else warm
    ):
        yield it.x, {k: it.state[k] for k in DUAL}


@torch.no_grad()
def tune(problem: Problem, options: TVOptions) -> Tuning[TVOptions]:
    """Choose the weight by held-out pixels."""

    def attempted(part: Problem, weight: float, warm: Warm | None) -> Iterator[tuple[Tensor, Warm]]:
        yield from attempt(formulate(part, options, weight), warm)

    trials = trials_of(problem, options)
    choice, _ = yield from choose_weight(trials, attempted, LADDER, LADDER[2])
    choice = choice.times(trials.binned**FINER)
    return Settled(options.taking({"weight": choice.value}), choice.record())


def trials_of(problem: Problem, options: TVOptions) -> Trials:
    """What weights are tried on."""
    trials = Trials(problem, Picture(preview(problem), of=problem), options.along_z > 0, called)
    trials.steps = sum(trial_iterations(part) for part, _ in trials.parts)
    return trials


@torch.no_grad()
def solve(problem: Problem, options: TVOptions) -> Iterator[Estimate]:
    """Minimise ``1/2 |A x - y|^2_W + weight s |A|^2 TV(x)`` over ``x >= 0``, from FBP."""
    weight = float(options.weight)
    yield from minimised(problem, formulate(problem, options, weight), options.iterations, {"weight": weight})


def minimised(problem: Problem, form: TVProblem, iterations: int, settings: Mapping[str, float]) -> Iterator[Estimate]:
    """Estimates of a minimisation, from FBP or from where the problem's state is.

    Parameters
    ----------
    problem : Problem
    form : TVProblem
        What is minimised.
    iterations : int
    settings : mapping
        What is settled, by name: for the scalars.

    Yields
    ------
    Estimate
        One for each iteration, with objective and data residual.
    """
    state = {"volume": preview(problem)} if problem.state is None else problem.state
    yield from estimates(iterate(form, iterations, state), iterations, settings)


def effort(problem: Problem, options: TVOptions, searches: int = 1) -> Effort:
    """Of choosing the weight in so many searches, and of iterating.

    Parameters
    ----------
    problem : Problem
    options : TVOptions
    searches : int, optional
        How many weights are searched for.

    Returns
    -------
    Effort
        In the unit of :func:`fewview.methods.stages.work`.
    """
    searching = search_work(problem, trial_iterations(problem), searches, options.along_z > 0)
    return Effort(searching, work(problem, options.iterations))


METHOD = Method(
    name="tv",
    title="Total variation",
    family="classical",
    summary="Removes streaks and noise and keeps edges; best for objects made of few even materials.",
    source="Pock and Chambolle, Diagonal preconditioning for first order primal-dual algorithms, ICCV 2011",
    options=TVOptions,
    solve=solve,
    tune=tune,
    effort=effort,
    buffers=(12.0, 6.0),
    halo=lambda options: HALO if options.along_z > 0 else 0,
)
