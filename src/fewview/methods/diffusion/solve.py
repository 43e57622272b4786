"""A reconstruction with settled options: start, loop, and estimates in the unit of the problem."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...models.weights import load_prior
from ..classical.fbp import preview
from ..ensemble.partner import reconstructed
from ..ensemble.stacking import mixed
from ..interface import Estimate, Problem
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..selection.picture import Picture
from ..slices import SliceNoise
from ..stages import Stages, work
from .compose import beginning, loop_work, parts_of, summary
from .crossmodal import CrossModalOptions, GuideSource, by_edges, partner_of
from .denoiser import Denoiser
from .loop import diffuse, started
from .options import DiffusionOptions
from .start import STAGE as STARTING
from .start import first_volume, nothing_there
from .tune import PARTNER

DIFFUSING = "diffusing"
VARIANCE = 1  # stream of the noise that :mod:`.posterior_variance` draws


@torch.no_grad()
def solve(problem: Problem, options: DiffusionOptions) -> Iterator[Estimate]:
    """Reconstruct with a diffusion prior; one estimate per diffusion step and per adaptation step."""
    y, weights = measured(problem)
    if nothing_there(problem):
        yield Estimate(torch.zeros_like(preview(problem)), 1, 1, "nothing there", {"data_residual": 0.0})
        return
    stages = _expected(problem, options)
    generator = torch.Generator().manual_seed(problem.seed)
    source = GuideSource.of(problem, options)
    if problem.state is None:
        begin = yield from stages.within(STARTING, first_volume(problem, options.start, options))
    else:
        begin = preview(problem)
    denoiser = Denoiser.of(load_prior(options.prior, problem.operator.device), len(problem.data))
    data = scaled(problem, float(options.scale))
    guide = None if source is None else source.heard(problem, options)
    other = yield from stages.within(PARTNER, _partner(problem, options))
    guided = options if source is None or guide is None else source.settled(options)
    begin = begin / data.top
    parts = parts_of(guided, denoiser, generator, guide=guide, first=begin, seed=problem.seed)
    if source is not None and guide is not None and problem.state is None:
        begin = source.begin(guide, begin, data)
    process = started(parts, begin, SliceNoise.of(problem), **beginning(guided))
    if problem.state is not None:
        parts.restore(problem.state)
        process.restore(problem.state)
    compare = bool(getattr(options, "compare", False))
    last: Estimate | None = None
    for event in diffuse(parts, data, process):
        ends = parts.levels[-1] if event.done and process.step == len(parts.levels) else None
        volume, extra = summary(process.x, data, guided, ends, SliceNoise.of(problem, VARIANCE))
        kept: dict[str, Any] = {}
        if other is not None:
            alone = volume
            volume, extra = mixed(volume, extra, other, float(options.share))
            kept["beside"] = other
            if ends is not None and compare and by_edges(options):
                extra["guide_change"] = volume - alone
        state = {**process.state(), **parts.state(), **kept} if event.done else None
        scalars = {**event.scalars, "scale": data.top}
        if event.done:
            scalars["data_residual"] = relative(problem.operator(volume) - y, y, weights)
        if isinstance(options, CrossModalOptions):
            edges = float(options.share) if by_edges(options) else 0.0
            scalars["guide_weight"] = edges if guide is None else guide.share
            extra |= {} if guide is None else guide.extra(data.top)
        last = Estimate(volume, process.step, len(parts.levels), event.stage, scalars, state, extra=extra)
        yield stages.told(DIFFUSING, last)
    if guide is not None and last is not None and compare:
        yield from _compared(problem, options, data, last, other)


def _expected(problem: Problem, options: DiffusionOptions) -> Stages:
    """The stages, with the work that each is expected to take."""
    expected = {STARTING: work(problem, 60)}
    if options.share != 0:
        expected[PARTNER] = work(problem, 600)
    return Stages(expected | {DIFFUSING: loop_work(options, problem)})


def _partner(problem: Problem, options: DiffusionOptions) -> Generator[Estimate, None, Tensor | None]:
    """What of the same measurement the result takes a share of; None where it takes none."""
    if options.share == 0:
        return None
    if problem.state is not None:
        return torch.as_tensor(problem.state["beside"]).to(problem.operator.device).clone()
    return (yield from reconstructed(problem, partner_of(options), options))


def _compared(
    problem: Problem, options: DiffusionOptions, data: Scaled, last: Estimate, other: Tensor | None
) -> Iterator[Estimate]:
    """Go the same way once more without the guide, from the same seed; the last volume stays what it was."""
    denoiser = Denoiser.of(load_prior(options.prior, problem.operator.device), len(problem.data))
    generator = torch.Generator().manual_seed(problem.seed)
    first = yield from first_volume(
        problem, options.start, options, Picture(torch.as_tensor(last.volume), "the result")
    )
    parts = parts_of(options, denoiser, generator)
    process = started(parts, first / data.top, SliceNoise.of(problem), **beginning(options))
    stage, total = "what the guide changed", last.total + len(parts.levels)
    for _ in diffuse(parts, data, process):
        yield replace(last, step=last.step + process.step, total=total, stage=stage)
    alone, _ = summary(process.x, data, options, parts.levels[-1])
    if other is not None:
        alone, _ = mixed(alone, {}, other, float(options.share))
    changed = {**last.extra, "guide_change": last.volume - alone}
    yield replace(last, step=total, total=total, stage=stage, extra=changed)
