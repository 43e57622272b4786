"""CLS-DM: samples of a volume from 2 to 8 views, made consistent with them, their mean and their scatter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..budget import Pacing, fewer_steps
from ..classical import tv
from ..classical.fbp import preview
from ..diffusion.loop import ReverseProcess, diffuse
from ..diffusion.parts import Parts
from ..diffusion.schedule import Level
from ..empty import empty_without_object, nothing_there
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.gaussian import GaussianStep
from ..inverse.masking import measured, relative
from ..inverse.proposals import nonnegative
from ..mapped import mapped
from ..missing import missing_weights
from ..selection.picture import Picture
from ..size import Size
from ..slices import SliceNoise
from ..subrun import solved_within, tuned_within
from .aligned import Aligned
from .data_step import ToTheNoise
from .graininess import open_deviation
from .options import ClsDmOptions, ClsDmPaperOptions
from .space import ConditionedDenoiser, renewing, rounds_of

SHOWN = 3
"""Samples that are given beside the mean."""
WEIGHTS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4)
"""Of the data in the search for a volume without negative values; of larger ones it is not found in the iterations that
there are."""
ITERATIONS = 100
SLACK = 1.05
"""Times the noise that may be left: the noise is known to a few per cent, and the last of them cost a large weight. Of
ten validation torsos with 2 to 8 views none lost 0.01 dB by this search, and those with three and more gained 0.07 to
0.23; without the slack two with 8 views lost 0.1 and 0.4."""
LAST = Level(0, 1, 0.5, 1.0)
BESIDE = "total variation"


@torch.no_grad()
def tune(problem: Problem, options: ClsDmOptions) -> Tuning[ClsDmOptions]:
    """Settle whose volume is the answer."""
    picture = Picture(preview(problem), of=problem)
    yield picture.estimate(0, options.steps, "showing the views to the network")
    chosen: dict[str, Any] = {}
    if nothing_there(problem):
        return Settled(options.taking({"answer": "network", "tv_weight": 1e-3}))
    if options.answer == "auto":
        aligned = Aligned.of(problem, options)
        chosen = {"answer": "tv" if aligned.unlike else "network", "unexplained": aligned.unexplained}
    settled = options.taking(chosen)
    if settled.tv_weight == "auto":  # nothing hangs on it where the network answers
        chosen["tv_weight"] = 1e-3
        if settled.answer == "tv":
            found = yield from tuned_within(tv.METHOD, problem, tv.TVOptions(), BESIDE, picture)
            chosen["tv_weight"] = found.options.weight
    return Settled(options.taking(chosen), chosen)


@empty_without_object
@torch.no_grad()
def solve(problem: Problem, options: ClsDmOptions) -> Iterator[Estimate]:
    """The volume that the aligned latent suggests, then the mean of the samples at every level."""
    aligned = Aligned.of(problem, options)
    if options.answer == "tv":
        yield from _without_network(problem, options, aligned)
        return
    run = _Run(problem, options, aligned, GaussianStep.of(aligned.data))
    space, volume = aligned.space(options.consistent), aligned.volume
    if options.answer == "regression":
        (met,) = ToTheNoise(run.step).solve(volume, aligned.data, LAST)
        yield run.estimate((met if options.consistent else volume)[None], 1, 1, "aligned", None, last=True)
        return
    levels = rounds_of(options.steps, options.rounds)
    denoiser = ConditionedDenoiser(space, aligned.seen)
    parts = Parts(levels, denoiser, ToTheNoise(run.step), renewing, space=space)
    config, A = aligned.model.config, problem.operator
    z = torch.zeros(options.samples * space.planes, config.latent, config.latent, device=A.device)
    process = ReverseProcess(z, volume.repeat(options.samples, 1, 1), SliceNoise(problem.seed, space.planes, stream=3))
    if problem.state is None:
        process.x_t = process.white()
        yield run.estimate(volume[None], 0, len(levels), "aligned", None)
    else:
        process.restore(problem.state)
    for event in diffuse(parts, aligned.data, process):
        last = process.step == len(levels)
        state = process.state() if event.done else None
        yield run.estimate(process.x.reshape(-1, *volume.shape), process.step, len(levels), event.stage, state, last)


def _without_network(problem: Problem, options: ClsDmOptions, aligned: Aligned) -> Iterator[Estimate]:
    """Total variation, and how little it is worth."""
    told = {"outside_training": aligned.said(by_network=False), "made_of": aligned.made_of(options, 0)}
    y, weights = measured(problem)
    settled = tv.TVOptions(weight=options.tv_weight, positivity=options.positivity)

    def whole(estimate: Estimate) -> Estimate:
        volume = torch.as_tensor(estimate.volume)
        scalars = {"data_residual": relative(problem.operator(volume) - y, y, weights), "scale": aligned.data.top}
        std = open_deviation(problem, volume)
        return replace(estimate, scalars=scalars, extra={"std": std}, chosen=told, kept="intermediate", shows="")

    last = yield from mapped(whole, solved_within(tv.METHOD, problem, settled, BESIDE, kept="intermediate"))
    yield whole(replace(last, stage=BESIDE, state=None))


@dataclass(frozen=True, eq=False)
class _Run:
    """What all estimates of a run share."""

    problem: Problem
    options: ClsDmOptions
    aligned: Aligned
    step: GaussianStep

    def nonnegative(self, mean: Tensor) -> Tensor:
        """The volume nearest to ``mean`` that has no negative values and leaves of the views what their noise explains.

        Clipped alone, the mean fits the views worse than each sample does.
        """
        for weight in WEIGHTS:
            x = nonnegative(mean, self.aligned.data, weight, ITERATIONS)
            if self.step.explains(x, SLACK):
                break
        return x

    def estimate(
        self, samples: Tensor, step: int, total: int, stage: str, state: Mapping[str, Any] | None, last: bool = False
    ) -> Estimate:
        """Mean of the samples, their scatter as validation has found it to be worth, and at the end some of them."""
        data = self.aligned.data
        mean = samples.mean(dim=0)
        if self.options.positivity and last and self.options.consistent:
            mean = self.nonnegative(mean)
        elif self.options.positivity:
            mean = mean.clamp(min=0)
        volume = mean * data.top
        spread = self.aligned.figure("spread") or 1.0
        extra = {"std": samples.std(dim=0) * spread * data.top} if len(samples) > 1 else {}
        if last and extra:
            extra |= {f"sample_{k + 1}": one * data.top for k, one in enumerate(samples[:SHOWN])}
        y, weights = measured(self.problem)
        residual = relative(self.problem.operator(volume) - y, y, weights)
        made_of = self.aligned.made_of(self.options, len(samples))
        chosen = {"outside_training": self.aligned.said(by_network=True), "made_of": made_of}
        return Estimate(
            volume, step, total, stage, {"data_residual": residual, "scale": data.top}, state, chosen, extra
        )


NETWORKS = 64 * 2**20
"""Bytes of the networks and of what is on its way through them, measured."""


def _beside(options: ClsDmOptions, size: Size) -> int:
    held, finding = GaussianStep.held(size)
    return held + max(NETWORKS, finding)


def _lighter(options: ClsDmOptions, part: float) -> ClsDmOptions:
    """Fewer network calls; one pass, and total variation, have nothing to leave out."""
    lighter: ClsDmOptions = options if options.answer in ("regression", "tv") else fewer_steps(options, part)
    return lighter


def _calls(problem: Problem, options: ClsDmOptions) -> float:
    """Network calls of a sample, all rounds counted."""
    return float(len(rounds_of(options.steps, options.rounds)))


def _method(name: str, title: str, summary: str, options: type[ClsDmOptions]) -> Method[Any]:
    return Method(
        name=name,
        title=title,
        family="diffusion",
        summary=summary,
        source="After the Consistent Latent Space Diffusion Model, with lifting along the rays and a data step",
        options=options,
        solve=solve,
        tune=tune,
        effort=lambda problem, options: Effort(tuning=0.1),
        needs=frozenset({"weights"}),
        missing=missing_weights(options().weights, "`fewview train latent`, one --stage after the other"),
        buffers=lambda options: (10.0 + 6 * options.samples, 4.0 + 4 * options.samples),
        beside=_beside,
        halo=None,
        pacing=Pacing(_lighter, _calls),
        for_comparison=options is ClsDmPaperOptions,
    )


CLS_DM = _method(
    "cls-dm",
    "Latent diffusion from two views",
    "A volume from 2 to 8 views by a network that knows such volumes: samples, their mean and their scatter.",
    ClsDmOptions,
)
CLS_DM_PAPER = _method(
    "cls-dm-paper",
    "CLS-DM as published",
    "One sample of latent diffusion without a data step, as published: for comparisons; it does not fit the views.",
    ClsDmPaperOptions,
)
