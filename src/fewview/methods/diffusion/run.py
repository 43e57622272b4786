"""The run: start, choices, the loop, and estimates in the unit of the problem."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
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
from ..inverse.normalised import Scaled, robust_maximum, scaled
from ..selection.picture import Picture
from ..stages import Stages, work
from .compose import parts_of, started, summary, walk_work
from .crossmodal import GuideSource, by_edges
from .denoiser import Denoiser
from .loop import diffuse
from .open_settings import OpenSettings
from .options import DiffusionOptions
from .settings_search import choose
from .start import first_volume, least_squares

STARTING = "starting image"
CHOOSING = "choosing settings"
BESIDE = "classical method beside the network"
DIFFUSING = "diffusing"


@torch.no_grad()
def run(problem: Problem, options: DiffusionOptions) -> Iterator[Estimate]:
    """Reconstruct with a diffusion prior; one estimate per diffusion step and per adaptation step."""
    picture = Picture(preview(problem))
    yield picture.estimate(0, options.steps, STARTING)
    generator = torch.Generator().manual_seed(problem.seed)
    aid = GuideSource.of(problem, options)
    stages = _expected(problem, options, aid)
    if problem.state is None:
        scale = robust_maximum(least_squares(problem)) if options.scale == "auto" else options.scale
        if not scale > 0:  # no object: nothing to scale the network by
            yield Estimate(torch.zeros_like(picture.volume), 1, 1, "nothing there", {"data_residual": 0.0})
            return
        first, chosen = yield from stages.within(STARTING, first_volume(problem, options.start))
        picture = Picture(first, _made(options.start, chosen))
        chosen |= {"scale": scale} | (yield from stages.within(CHOOSING, choose(problem, options, scale, picture, aid)))
    else:
        first, chosen = picture.volume, dict(problem.state["chosen"])
    settled = options.model_copy(update={k: v for k, v in chosen.items() if k in type(options).model_fields})
    denoiser = Denoiser.of(load_prior(settled.prior, problem.operator.device), len(problem.data))
    data = scaled(problem, chosen["scale"])
    y, weights = measured(problem)
    guide = None if aid is None else aid.heard(problem, settled)
    other, settings = yield from stages.within(BESIDE, _beside(problem, settled))
    chosen |= settings
    unguided = settled
    if aid is not None and guide is not None:
        settled = aid.settled(settled)
    parts = parts_of(settled, denoiser, generator, guide=guide, first=first / data.top, seed=problem.seed)
    begin = first / data.top
    if aid is not None and guide is not None and problem.state is None:
        begin = aid.begin(guide, begin, data)
    walk = started(settled, parts, begin, generator)
    if problem.state is not None:
        parts.restore(problem.state)
        walk.restore(problem.state)
    compare = bool(getattr(options, "compare", False))
    last: Estimate | None = None
    for moment in diffuse(parts, data, walk):
        ends = parts.levels[-1] if moment.done and walk.step == len(parts.levels) else None
        volume, extra = summary(walk.x, data, settled, ends, problem.seed)
        kept: dict[str, Any] = {"chosen": chosen}
        if other is not None:
            alone = volume
            volume, extra = mixed(volume, extra, other, float(settled.beside_share))
            kept["beside"] = other
            if ends is not None and compare and by_edges(settled):
                extra["guide_change"] = volume - alone
        state = {**walk.state(), **parts.state(), **kept} if moment.done else None
        scalars = {**moment.scalars, "scale": data.top}
        if moment.done:
            scalars["data_residual"] = relative(problem.operator(volume) - y, y, weights)
        if aid is not None:
            edges = float(settled.beside_share) if by_edges(settled) else 0.0
            scalars["guide_weight"] = edges if guide is None else guide.share
            extra |= {} if guide is None else guide.extra(data.top)
        last = Estimate(volume, walk.step, len(parts.levels), moment.stage, scalars, state, chosen, extra)
        yield stages.told(DIFFUSING, last)
    if guide is not None and last is not None and compare:
        yield from _compared(problem, unguided, data, last, other)


def _expected(problem: Problem, options: DiffusionOptions, aid: GuideSource | None) -> Stages:
    """The stages of a run, with the work that each is expected to take."""
    asked = problem.state is None and OpenSettings.of(options, aid).any
    few = options.model_copy(update={"samples": 2, "adaptation": "none"})
    part = replace(problem, data=problem.data[:2])
    expected = {STARTING: work(problem, 60)}
    if asked:
        expected[CHOOSING] = 2 * walk_work(few, part) + work(part, 4000)
    if options.beside_share != 0:
        expected[BESIDE] = work(problem, 600)
    return Stages(expected | {DIFFUSING: walk_work(options, problem)})


def _made(start: str, chosen: Mapping[str, Any]) -> str:
    """How the starting image was made, in words."""
    if start in ("noise", "fbp"):
        return "FBP"
    steps = chosen.get("start_iterations")
    return start.upper() + (f", {steps} steps" if steps is not None else "")


def _beside(
    problem: Problem, settled: DiffusionOptions
) -> Generator[Estimate, None, tuple[Tensor | None, dict[str, Any]]]:
    """What of the same measurement the result takes a share of, with settings it chose; None where it takes none."""
    if settled.beside_share == 0:
        return None, {}
    if problem.state is not None:
        return torch.as_tensor(problem.state["beside"]).to(problem.operator.device).clone(), {}
    name = "dtv" if by_edges(settled) else settled.beside
    volume, settings = yield from reconstructed(problem, name, settled)
    return volume, {k: v for k, v in settings.items() if getattr(settled, k, None) == "auto"}


def _compared(
    problem: Problem, settled: DiffusionOptions, data: Scaled, last: Estimate, other: Tensor | None
) -> Iterator[Estimate]:
    """Go the same way once more without the guide, from the same seed; the last volume stays what it was."""
    denoiser = Denoiser.of(load_prior(settled.prior, problem.operator.device), len(problem.data))
    generator = torch.Generator().manual_seed(problem.seed)
    first, _ = yield from first_volume(problem, settled.start, Picture(last.volume, "the result"))
    parts = parts_of(settled, denoiser, generator)
    walk = started(settled, parts, first / data.top, generator)
    stage, total = "what the guide changed", last.total + len(parts.levels)
    for _ in diffuse(parts, data, walk):
        yield replace(last, step=last.step + walk.step, total=total, stage=stage)
    alone, _ = summary(walk.x, data, settled, parts.levels[-1])
    if other is not None:
        alone, _ = mixed(alone, {}, other, float(settled.beside_share))
    changed = {**last.extra, "guide_change": last.volume - alone}
    yield replace(last, step=total, total=total, stage=stage, extra=changed)
