"""Directional total variation: edges may run where the X-ray volume of the same sample has them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import OptionError
from ...options import Auto, option
from ..interface import Estimate, Method, Problem, Settled, Tuning
from ..selection.coarse import FINER
from ..selection.comparison import ON_AVERAGE, ONE_STANDARD_ERROR, better
from ..selection.weight_search import USUAL, Choice, Solve, Trials, Warm, WeightTrial, choose_weight
from .chambolle_pock import TVProblem
from .directions import directions
from .tv import HALO, LADDER, TVOptions, attempt, effort, formulate, minimised, trials_of

# Tried by "auto". Weights relative to the best one of plain TV: what runs along the X-ray's edges is not paid for, so
# that the rest can be smoothed more. Settled on simulated microstructures, seeds of validation.
ETAS = (0.3, 0.1, 1.0)
GAMMAS = (1.0, 0.8)  # tried by "auto"
RELATIVE = (8.0, 4.0, 2.0, 1.0)  # weights tried by "auto", as factors of the best one of plain TV


class DTVOptions(TVOptions):
    """Options of directional total variation."""

    gamma: float | Auto = option(
        "auto",
        "Guidance",
        "How far edges are taken from the X-ray volume: 1 follows its edges fully, 0 is total variation "
        "without it. Auto chooses the value that predicts held-out detector pixels best.",
        ge=0,
        le=1,
    )
    eta: float | Auto = option(
        "auto",
        "Edge level",
        "Edges of the X-ray volume that are well below this part of its root mean square gradient count as "
        "noise. A larger value ignores more edges. Auto chooses the value that predicts held-out detector "
        "pixels best.",
        gt=0,
        advanced=True,
    )


class Setting(NamedTuple):
    """The weight with its curve, and the two parameters of the directions."""

    weight: Choice
    gamma: float
    eta: float


@torch.no_grad()
def tune(problem: Problem, options: DTVOptions) -> Tuning[DTVOptions]:
    """Choose weight and directions by held-out pixels.

    Raises
    ------
    OptionError
        No X-ray volume.
    """
    _require_xray(problem)
    setting = yield from _choose(options, trials_of(problem, options))
    values = {"weight": setting.weight.value, "gamma": setting.gamma, "eta": setting.eta}
    chosen = {name: value for name, value in values.items() if getattr(options, name) == "auto"}
    told = {**chosen, **(setting.weight.record() if "weight" in chosen else {})}
    return Settled(options.model_copy(update=chosen), told)


@torch.no_grad()
def solve(problem: Problem, options: DTVOptions) -> Iterator[Estimate]:
    """Minimise ``1/2 |A x - y|^2_W + weight s |A|^2 sum |(I - gamma^2 xi xi^T) grad x|`` over ``x >= 0``, from FBP.

    ``xi`` are the :func:`~fewview.methods.classical.directions.directions` of the X-ray volume.

    Raises
    ------
    OptionError
        No X-ray volume.
    """
    _require_xray(problem)
    values = {"weight": float(options.weight), "gamma": float(options.gamma), "eta": float(options.eta)}
    yield from minimised(problem, _formulate(problem, options, *values.values()), options.iterations, values)


def _require_xray(problem: Problem) -> None:
    if problem.auxiliary is None:
        raise OptionError(
            "The method 'dtv' needs an X-ray volume of the same sample.", "Give one with --aux, or use 'tv'."
        )


def _formulate(problem: Problem, options: DTVOptions, weight: float, gamma: float, eta: float) -> TVProblem:
    plain = formulate(problem, options, weight)
    if gamma == 0 or problem.auxiliary is None:
        return plain
    guide = problem.auxiliary.to(problem.operator.device, problem.operator.dtype)
    return replace(plain, directions=gamma * directions(guide, eta, options.along_z))


def _choose(options: DTVOptions, trials: Trials) -> Generator[Estimate, None, Setting]:
    """Plain TV first, then directions of several kinds from there; these only if they predict clearly better."""
    finer = trials.binned**FINER
    etas = ETAS if options.eta == "auto" else (options.eta,)
    gammas = GAMMAS if options.gamma == "auto" else (options.gamma,)

    def solve_with(gamma: float, eta: float) -> Solve:
        def solve(part: Problem, weight: float, warm: Warm | None) -> Iterator[tuple[Tensor, Warm]]:
            yield from attempt(_formulate(part, options, weight, gamma, eta), warm)

        return solve

    def once(
        weight: float, gamma: float, eta: float, near: WeightTrial | None
    ) -> Generator[Estimate, None, tuple[Choice, WeightTrial]]:
        solve = solve_with(gamma, eta)
        tried = yield from trials.attempt(lambda part, warm: solve(part, weight, warm), near, {"weight": weight})
        return Choice(weight, []), tried

    def weigh(
        ladder: Sequence[float], gamma: float, eta: float, near: WeightTrial | None
    ) -> Generator[Estimate, None, tuple[Choice, WeightTrial]]:
        if options.weight == "auto":
            return (yield from choose_weight(trials, solve_with(gamma, eta), ladder, ladder[2], near))
        return (yield from once(options.weight / finer, gamma, eta, near))

    trials.total = 3 * USUAL
    plain, of_plain = yield from weigh(LADDER, 0.0, etas[0], None)
    if gammas == (0.0,):
        return Setting(plain.times(finer), 0.0, etas[0])
    ladder = [plain.value * factor for factor in RELATIVE]
    best, eta = of_plain, etas[0]
    for k, other in enumerate(etas if len(etas) > 1 else ()):
        _, tried = yield from once(ladder[2], gammas[0], other, of_plain)
        if k == 0 or better(tried.errors, best.errors, confidence=ON_AVERAGE):
            best, eta = tried, other
    gamma = gammas[0]
    guided, of_guided = yield from weigh(ladder, gamma, eta, best)
    for other in gammas[1:]:
        _, tried = yield from once(guided.value, other, eta, of_guided)
        if better(tried.errors, of_guided.errors, confidence=ON_AVERAGE):
            gamma, of_guided = other, tried
    clearly = better(of_guided.errors, of_plain.errors, confidence=ONE_STANDARD_ERROR)
    if options.gamma == "auto" and not clearly:
        return Setting(plain.times(finer), 0.0, eta)
    return Setting(guided.times(finer), gamma, eta)


METHOD = Method(
    name="dtv",
    title="Directional total variation",
    family="classical",
    summary="TV that expects edges where the X-ray volume has them; falls back to TV where that does not help.",
    source="Ehrhardt and Betcke, SIAM J. Imaging Sci. 9 (2016) 1084",
    options=DTVOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: effort(problem, options, searches=3),  # plain, etas and gammas, guided
    needs=frozenset({"aux"}),
    buffers=(18.0, 6.0),
    halo=lambda options: HALO if options.along_z > 0 else 0,
)
