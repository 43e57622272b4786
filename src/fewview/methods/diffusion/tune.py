"""What a diffusion method leaves to the measurement, settled: start, scale, and what the settings search chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ..classical.fbp import preview
from ..ensemble.partner import tuned_partner
from ..interface import Effort, Problem, Settled, Tuning
from ..selection.picture import Picture
from ..stages import Stages, work
from .compose import loop_work
from .crossmodal import GuideSource, OnceOptions, by_edges, partner_of
from .open_settings import OpenSettings
from .options import DiffusionOptions, closed
from .settings_search import CLASSICAL, SHORT, choose
from .start import STAGE as STARTING
from .start import nothing_there, settled_scale, tuned_start

CHOOSING = "choosing settings"
PARTNER = "classical method beside the network"


@torch.no_grad()
def tune(problem: Problem, options: DiffusionOptions) -> Tuning[DiffusionOptions]:
    """Settle what is "auto" by held-out views, on few slices and in few steps."""
    picture = Picture(preview(problem))
    yield picture.estimate(0, options.steps, STARTING)
    source = GuideSource.of(problem, options)
    scale = settled_scale(problem, options.scale)
    if nothing_there(problem):  # nothing to choose by
        return Settled(closed(options.taking({"scale": scale})))
    stages = Stages({STARTING: work(problem, 60), CHOOSING: _search_work(problem, options), PARTNER: 1.0})
    chosen: dict[str, Any] = yield from stages.within(STARTING, tuned_start(problem, options.start, options))
    chosen["scale"] = scale
    settled = options.taking(chosen)
    chosen |= yield from stages.within(CHOOSING, choose(problem, settled, scale, picture, source))
    settled = options.taking(chosen)
    if by_edges(settled):  # directional TV has the weight of the TV partner
        chosen["beside"] = "tv"
        settled = options.taking(chosen)
    if settled.share != 0:
        found = tuned_partner(problem, partner_of(settled), settled, picture)
        chosen |= yield from stages.within(PARTNER, found)
    return Settled(closed(options.taking(chosen)), chosen)


@torch.no_grad()
def tune_once(problem: Problem, options: OnceOptions) -> Tuning[OnceOptions]:
    """Settle start and scale of the guide applied once."""
    picture = Picture(preview(problem))
    yield picture.estimate(0, 2, STARTING)
    chosen: dict[str, Any] = {"scale": settled_scale(problem, options.scale)}
    chosen |= yield from tuned_start(problem, "cgls", options)
    if options.guide_weight == "auto":
        chosen["guide_weight"] = 1.0
    return Settled(options.taking(chosen), chosen)


def effort(problem: Problem, options: DiffusionOptions) -> Effort:
    """Of the settings search, and of start, partner and loop."""
    partner = work(problem, 600) if options.share != 0 else 0.0
    solving = work(problem, 60) + partner + loop_work(options, problem)
    return Effort(work(problem, 60) + _search_work(problem, options), solving, 2 if options.share == 0 else 3)


def _search_work(problem: Problem, options: DiffusionOptions) -> float:
    if not OpenSettings.of(options, None).any:
        return 1.0
    few = options.taking(SHORT)
    part = replace(problem, data=problem.data[:2])
    return 4 * loop_work(few, part) + work(part, CLASSICAL)
