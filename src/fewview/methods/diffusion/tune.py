"""What a diffusion method leaves to the measurement, settled: start, scale, and what the settings search chooses."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import torch

from ..classical.fbp import preview
from ..empty import nothing_there
from ..ensemble.partner import iterations, tuned_partner
from ..interface import Effort, Estimate, Problem, Settled, Tuning
from ..selection.coarse import carried, coarseness, coarser, enlarged, settled_coarsely
from ..selection.picture import Picture
from ..stages import Stages, work
from .compose import ending_work
from .crossmodal import GuideSource, OnceOptions, by_edges, partner_of
from .multiresolution import FIRST, loop_work, start_work
from .open_settings import OpenSettings
from .options import DiffusionOptions, closed
from .settings_search import CLASSICAL, SHORT, choose
from .settings_trial import STEPS
from .start import STAGE as STARTING
from .start import settled_scale, tuned_start

CHOOSING = "choosing settings"
PARTNER = "classical method beside the network"


@torch.no_grad()
def tune(problem: Problem, options: DiffusionOptions) -> Tuning[DiffusionOptions]:
    """Settle what is "auto" by held-out views, on few slices, in few steps and, of a large grid, on a coarser one."""
    factor, grid = coarseness(problem.operator.grid), problem.operator.grid
    small = coarser(problem, factor)
    picture = Picture(preview(small), of=small)
    yield from enlarged(_first_look(picture, options), grid, factor)
    source = GuideSource.of(problem, options)
    scale = settled_scale(small, options.scale)
    if nothing_there(problem):  # nothing to choose by
        return Settled(closed(options.taking({"scale": scale})))
    steps = STEPS if factor == 1 else min(STEPS, options.steps)  # no more than the run itself takes
    chosen = yield from enlarged(_choose(small, options, scale, picture, source, steps), grid, factor)
    chosen = carried(chosen, factor)
    return Settled(closed(options.taking(chosen)), chosen)


def _first_look(picture: Picture, options: DiffusionOptions) -> Generator[Estimate, None, None]:
    yield picture.estimate(0, options.steps, STARTING)


def _choose(
    problem: Problem,
    options: DiffusionOptions,
    scale: float,
    picture: Picture,
    source: GuideSource | None,
    steps: int,
) -> Generator[Estimate, None, dict[str, Any]]:
    """What was left open, and the curves that decided."""
    stages = Stages({STARTING: work(problem, FIRST), CHOOSING: _search_work(problem, options), PARTNER: 1.0})
    chosen: dict[str, Any] = yield from stages.within(STARTING, tuned_start(problem, options.start, options))
    chosen["scale"] = scale
    settled = options.taking(chosen)
    chosen |= yield from stages.within(CHOOSING, choose(problem, settled, scale, picture, source, steps))
    settled = options.taking(chosen)
    if by_edges(settled):  # directional TV has the weight of the TV partner
        chosen["beside"] = "tv"
        settled = options.taking(chosen)
    if settled.share != 0:
        found = tuned_partner(problem, partner_of(settled), settled, picture)
        chosen |= yield from stages.within(PARTNER, found)
    return chosen


@settled_coarsely
@torch.no_grad()
def tune_once(problem: Problem, options: OnceOptions) -> Tuning[OnceOptions]:
    """Settle start and scale of the guide applied once."""
    picture = Picture(preview(problem), of=problem)
    yield picture.estimate(0, 2, STARTING)
    chosen: dict[str, Any] = {"scale": settled_scale(problem, options.scale)}
    chosen |= yield from tuned_start(problem, "cgls", options)
    if options.guide_weight == "auto":
        chosen |= {"guide_weight": 1.0, "guide_weight_rule": "without a comparison"}
    return Settled(options.taking(chosen), chosen)


def effort(problem: Problem, options: DiffusionOptions) -> Effort:
    """Of the settings search, and of start, partner and loop."""
    partner = work(problem, iterations(problem, options)) if options.share != 0 else 0.0
    start = start_work(options, problem)
    solving = start + partner + loop_work(options, problem) + ending_work(options, problem)
    return Effort(start + _search_work(problem, options), solving, 3 if options.share == 0 else 4)


def _search_work(problem: Problem, options: DiffusionOptions) -> float:
    if not OpenSettings.of(options, None).any:
        return 1.0
    few = options.taking(SHORT)
    part = replace(problem, data=problem.data[:2])
    return (4 * loop_work(few, part) + work(part, CLASSICAL)) / coarseness(problem.operator.grid) ** 2
