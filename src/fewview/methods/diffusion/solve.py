"""A reconstruction with settled options: start, loop, and estimates in the unit of the problem."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...models.foreign import load_any_prior
from ..empty import empty_without_object
from ..ensemble.partner import iterations, reconstructed
from ..ensemble.stacking import mixed
from ..interface import Estimate, Problem
from ..inverse.masking import measured, relative
from ..inverse.normalised import scaled
from ..mapped import mapped
from ..paced import paced
from ..slices import SliceNoise
from ..stages import Stages, work
from ..trained_range import told_of_training
from .compose import ending_work, summary
from .crossmodal import CrossModalOptions, GuideSource, by_edges, partner_of
from .denoiser import Denoiser
from .multiresolution import CoarseToFine, loop_work, start_work
from .options import DiffusionOptions
from .start import STAGE as STARTING
from .tune import PARTNER

DIFFUSING = "diffusing"
ENDING = "finishing"
COMPARING = "what the guide changed"
VARIANCE = 1  # stream of the noise that :mod:`.posterior_variance` draws


@empty_without_object
@torch.no_grad()
def solve(problem: Problem, options: DiffusionOptions) -> Iterator[Estimate]:
    """Reconstruct with a diffusion prior; one estimate per diffusion step and per adaptation step."""
    y, weights = measured(problem)
    source = GuideSource.of(problem, options)
    compare = bool(getattr(options, "compare", False))
    stages = _expected(problem, options, compare and source is not None)
    denoiser = Denoiser.of(load_any_prior(options.prior, problem.operator.device), len(problem.data))
    told = told_of_training(scaled(problem, float(options.scale)), *_networks(options, source))
    course = CoarseToFine(problem, options, denoiser, source)
    begin = yield from stages.within(STARTING, course.start())
    other = yield from stages.within(PARTNER, _partner(problem, options))
    last: Estimate | None = None
    for event in course.climb(begin):
        ends = course.last if event.done else None
        looks = summary(course.process.x, course.data, course.options, ends, SliceNoise.of(problem, VARIANCE))
        for (volume, extra), whole in paced(looks):
            done = event.done and whole
            volume, extra = course.enlarged(volume), {name: course.enlarged(one) for name, one in extra.items()}
            kept: dict[str, Any] = {}
            if other is not None:
                alone = volume
                volume, extra = mixed(volume, extra, other, float(options.share))
                kept["beside"] = other
                if done and ends is not None and compare and by_edges(options):
                    extra["guide_change"] = volume - alone
            scalars = {**event.scalars, "scale": course.data.top}
            if done:
                scalars["data_residual"] = relative(problem.operator(volume) - y, y, weights)
            if isinstance(options, CrossModalOptions):
                edges = float(options.share) if by_edges(options) else 0.0
                guide = course.guide
                scalars["guide_weight"] = edges if guide is None else guide.share
                shown = {} if guide is None else guide.extra(course.data.top)
                extra |= {name: course.enlarged(one) for name, one in shown.items()}
            state = {**course.state(), **kept} if done else None
            name, stage, part = DIFFUSING, course.named(event.stage), course.done
            if ends is not None:
                name, stage, part = ENDING, "", float(whole)
            last = Estimate(volume, course.step, course.total, stage, scalars, state, told, extra, done=part)
            yield stages.told(name, last)
    if course.guide is not None and last is not None and compare:
        yield from stages.within(COMPARING, _compared(problem, options, last, other))


def _networks(options: DiffusionOptions, source: GuideSource | None) -> tuple[str, ...]:
    """Those at work, by name or path."""
    listened = source is not None and source.listens(options)
    return (options.prior, source.options.guide) if source is not None and listened else (options.prior,)


def _expected(problem: Problem, options: DiffusionOptions, twice: bool) -> Stages:
    """The stages, with the work that each is expected to take."""
    expected = {STARTING: start_work(options, problem)}
    if options.share != 0:
        expected[PARTNER] = work(problem, iterations(problem, options))
    loop = loop_work(options, problem)
    expected |= {DIFFUSING: loop, ENDING: ending_work(options, problem)}
    return Stages(expected | ({COMPARING: loop} if twice else {}))


def _partner(problem: Problem, options: DiffusionOptions) -> Generator[Estimate, None, Tensor | None]:
    """What of the same measurement the result takes a share of; None where it takes none."""
    if options.share == 0:
        return None
    if problem.state is not None:
        return torch.as_tensor(problem.state["beside"]).to(problem.operator.device).clone()
    return (yield from reconstructed(problem, partner_of(options), options))


def _compared(
    problem: Problem, options: DiffusionOptions, last: Estimate, other: Tensor | None
) -> Generator[Estimate, None, None]:
    """Go the same way once more without the guide, from the same seed; the last volume stays what it was."""
    denoiser = Denoiser.of(load_any_prior(options.prior, problem.operator.device), len(problem.data))
    course = CoarseToFine(replace(problem, state=None), options, denoiser)
    total = last.total + course.total
    first = yield from mapped(lambda _: replace(last, stage=COMPARING, total=total, done=0.0), course.start())
    for _ in course.climb(first):
        yield replace(last, step=last.step + course.step, total=total, stage=COMPARING, done=course.done)
    *_, (alone, _) = summary(course.process.x, course.data, options, course.last)
    if other is not None:
        alone, _ = mixed(alone, {}, other, float(options.share))
    changed = {**last.extra, "guide_change": last.volume - alone}
    yield replace(last, step=total, total=total, stage=COMPARING, extra=changed, done=1.0)
