"""MBIR: model-based iterative reconstruction with the qGGMRF prior."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import positivity_option, weighted_option
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.masking import attenuation_scale, mean_significant, measured, relative, weigh
from ..selection.picture import Picture
from ..selection.weight_search import Trials, Warm, choose_weight, search_work
from ..slices import common
from ..stages import work
from .fbp import preview
from .iterate import Iterate, estimates
from .qggmrf import QGGMRF

LADDER = tuple(float(f) for f in 2.0 ** np.arange(-4.0, 6.1, 1.25))  # 2^sharpness tried by "auto"
# Iterations per sharpness and fold while choosing, each begun at the result nearest to it: 5/8 of the views, within.
TRIAL = (50, 80)
HALO = 8  # slices, with smoothing between them


class MBIROptions(BudgetOptions):
    """Options of MBIR, named as in svmbir."""

    sharpness: float | Auto = option(
        "auto",
        "Sharpness",
        "A larger value gives a sharper and noisier volume, a smaller one a smoother volume; 0 is neutral. "
        "Auto chooses the value that predicts held-out detector pixels best.",
    )
    snr_db: float = option(
        30.0,
        "Signal to noise",
        "The signal-to-noise ratio that the data are taken to have. A larger value fits the data more closely.",
        unit="dB",
    )
    p: float = option(
        1.2,
        "p",
        "The power by which large differences between neighbours are penalised. Values near 1 keep edges "
        "sharp, values near 2 smooth them.",
        ge=1,
        le=2,
        advanced=True,
    )
    q: float = option(
        2.0,
        "q",
        "The power by which small differences between neighbours are penalised; it must not be smaller than p.",
        ge=1,
        le=2,
        advanced=True,
    )
    T: float = option(
        1.0,
        "T",
        "The size of a difference between neighbours from which on it counts as an edge. A larger value "
        "smooths weaker edges away.",
        gt=0,
        advanced=True,
    )
    interslice: float = option(
        1.0,
        "Between slices",
        "How much the neighbours in the slices above and below count, relative to those within the slice. A "
        "larger value makes slices more alike; 0 reconstructs each slice by itself.",
        ge=0,
    )
    iterations: int = option(
        100,
        "Iterations",
        "The largest number of iterations. More bring the volume closer to its final state, and take longer.",
        ge=1,
    )
    positivity: bool = positivity_option()
    weighted: bool = weighted_option()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p > self.q:
            raise ValueError(f"p = {self.p:g} is larger than q = {self.q:g}")
        return self


@torch.no_grad()
def tune(problem: Problem, options: MBIROptions) -> Tuning[MBIROptions]:
    """Choose the sharpness by held-out pixels."""

    def attempt(part: Problem, factor: float, warm: Warm | None) -> Iterator[tuple[Tensor, Warm]]:
        begin = {"volume": preview(part)} if warm is None else warm
        for it in iterate(part, options, math.log2(factor), _trial_iterations(part), begin):
            yield it.x, {"volume": it.x}

    trials = Trials(problem, Picture(preview(problem), of=problem), options.interslice > 0, _called)
    trials.steps = sum(_trial_iterations(part) for part, _ in trials.parts)
    choice, _ = yield from choose_weight(trials, attempt, LADDER, LADDER[3])
    sharpness = math.log2(choice.value)
    curve = [[math.log2(factor), error] for factor, error in choice.curve]
    return Settled(options.taking({"sharpness": sharpness}), {"sharpness": sharpness, "sharpness_curve": curve})


@torch.no_grad()
def solve(problem: Problem, options: MBIROptions) -> Iterator[Estimate]:
    """Minimise ``|A x - y|^2_W / (2 sigma_y^2) + qGGMRF(x)`` over ``x >= 0``, from FBP."""
    state = {"volume": preview(problem)} if problem.state is None else problem.state
    sharpness = float(options.sharpness)
    solution = iterate(problem, options, sharpness, options.iterations, state)
    yield from estimates(solution, options.iterations, {"sharpness": sharpness})


def _effort(problem: Problem, options: MBIROptions) -> Effort:
    return Effort(
        search_work(problem, _trial_iterations(problem), coupled=options.interslice > 0),
        work(problem, options.iterations),
    )


def _trial_iterations(part: Problem) -> int:
    return int(np.clip(part.operator.views * 5 / 8, *TRIAL))


def _called(factor: float, binned: int) -> str:
    return f"sharpness {math.log2(factor):.2g}"


@torch.no_grad()
def iterate(
    problem: Problem, options: MBIROptions, sharpness: float, iterations: int, state: Mapping[str, Any]
) -> Iterator[Iterate]:
    """Separable parabolas above data term and prior, with Nesterov's momentum, restarted where it points uphill.

    Parameters
    ----------
    problem : Problem
    options : MBIROptions
    sharpness : float
        Takes the place of the option.
    iterations : int
        In all, those before ``state`` included.
    state : mapping
        Of an earlier :class:`Iterate`; or only its "volume", to start from.

    Yields
    ------
    Iterate
        Volume (slices, y, x) in the unit of the problem, its objective and data residual, and what a later call starts
        from.

    Notes
    -----
    Parabolas: Erdogan and Fessler, Phys. Med. Biol. 44 (1999) 2835. Momentum: Kim, Ramani and Fessler, IEEE Trans.
    Med. Imaging 34 (2015) 167. Restart: O'Donoghue and Candes, Found. Comput. Math. 15 (2015) 715.
    """
    A = problem.operator
    y, weights = measured(problem, options.weighted)
    coupled = options.interslice > 0
    axes = (0, 1, 2) if coupled else (1, 2)
    rays, of = measured(common(problem), options.weighted) if coupled else (y, weights)
    noise = 10 ** (-options.snr_db / 10) * mean_significant(weigh(rays * rays, of), rays, axes)  # sigma_y^2
    scale = 0.2 * 2**sharpness * attenuation_scale(problem, coupled)
    prior = QGGMRF(scale, options.p, options.q, options.T, options.interslice)
    steepness = A.T(weigh(A.row_sums().expand_as(y), weights)) / noise

    x, before = (torch.as_tensor(state.get(k, state["volume"])).to(y).clone() for k in ("volume", "before"))
    momentum = torch.as_tensor(state["momentum"]).to(y) if "momentum" in state else torch.ones_like(y[:, :1, :1])
    image, image_before = A(x), A(before)
    for step in range(int(state.get("step", 0)) + 1, iterations + 1):
        following = (1 + torch.sqrt(1 + 4 * momentum**2)) / 2
        push = (momentum - 1) / following
        ahead = x + push * (x - before)
        slope = A.T(weigh(image + push * (image - image_before) - y, weights)) / noise
        prior_slope, prior_steepness = prior.gradient(ahead)
        slope += prior_slope
        new = ahead - slope / (steepness + prior_steepness)
        if options.positivity:
            new.clamp_(min=0)
        uphill = (slope * (new - x)).sum(dim=axes, keepdim=True) > 0
        momentum = torch.where(uphill, torch.ones_like(momentum), following)
        before, image_before = x, image
        x, image = new, A(new)
        kept = {"volume": x, "step": step, "before": before, "momentum": momentum}
        yield Iterate(step, x, partial(_figures, x, image, y, weights, noise, prior), kept)


def _figures(
    x: Tensor, image: Tensor, y: Tensor, weights: Tensor | None, noise: Tensor, prior: QGGMRF
) -> tuple[float, float]:
    """Objective and relative data residual."""
    residual = image - y
    misfit = 0.5 * float((weigh(residual * residual, weights) / noise).sum(dtype=torch.float64))
    return misfit + prior.value(x), relative(residual, y, weights)


METHOD = Method(
    name="mbir",
    title="MBIR (qGGMRF)",
    family="classical",
    summary="Statistical reconstruction that smooths noise and keeps edges softer than TV; for textured objects.",
    source="Thibault et al., Med. Phys. 34 (2007) 4526; parameters as in svmbir",
    options=MBIROptions,
    solve=solve,
    tune=tune,
    effort=_effort,
    buffers=(17.5, 5.0),
    halo=lambda options: HALO if options.interslice > 0 else 0,
)
