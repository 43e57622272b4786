"""Several methods, and the mean of their volumes that predicts best what none of them was given."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from ...options import Auto, Options, option
from ..budget import BudgetOptions, Pacing, unsearched
from ..classical.fbp import preview
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.masking import measured, relative
from ..selection.coarse import carried_options, coarseness, coarser, enlarged
from ..selection.held_out import hold_out
from ..selection.picture import Picture
from ..size import Size
from ..slices import central
from ..stages import Stages
from ..subrun import solved_within, tuned_within
from .members import as_settings, member, members, options_of, shares_of
from .simplex import stacking_weights

SLICES = 4
"""Slices that the weights are chosen on: neighbours in the middle."""

OWN = 11.0
"""Volumes that the ensemble holds beside those of a member: sums, start, picture, what it told last; measured."""


class EnsembleOptions(BudgetOptions):
    """Options of the ensemble."""

    members: str = option(
        "unrolled,d3ip-generic,mbir,tv",
        "Members",
        "Names of the methods, with commas between; each runs with its defaults, and the unrolled network is "
        "fine-tuned to the scan. Those whose weights are missing are left out.",
    )
    shares: str | Auto = option(
        "auto",
        "Shares",
        "How much each member counts, for instance unrolled=0.7,mbir=0.3. Auto takes what predicts held-out views "
        "best.",
    )
    settings: str | Auto = option(
        "auto",
        "Settings of the members",
        'Options of members that are not to run with their defaults, for instance {"tv": {"iterations": 100}}. Auto, '
        "and whatever is left on auto in them, is settled as each member would by itself.",
        advanced=True,
    )


@torch.no_grad()
def tune(problem: Problem, options: EnsembleOptions) -> Tuning[EnsembleOptions]:
    """Settle the members, then reconstruct by all of them from a part of the views, and weigh them by the others."""
    yield Picture(preview(problem), of=problem).estimate(0, 1, "starting")
    grid, factor = problem.operator.grid, coarseness(problem.operator.grid)
    small = coarser(problem, factor)
    able = members(options.members) if options.shares == "auto" else [member(n) for n in shares_of(options.shares)]
    asked = {method.name: options_of(method, options.settings) for method in able}
    stages, picture = Stages({"settings": 1.0, "shares": 1.0}), Picture(preview(small), of=problem)
    settling = _settled(small, able, asked, picture)
    settled = yield from enlarged(stages.within("settings", settling, named=False), grid, factor)
    chosen: dict[str, Any] = {}
    if options.shares == "auto":
        weighing = _shares(small, able, settled, picture)
        chosen = yield from enlarged(stages.within("shares", weighing, named=False), grid, factor)
    counting = shares_of(chosen.get("shares", options.shares))
    own = {name: carried_options(asked[name], settled[name], factor) for name in counting}
    chosen["settings"] = as_settings(own)
    return Settled(options.taking(chosen), chosen)


@torch.no_grad()
def solve(problem: Problem, options: EnsembleOptions) -> Iterator[Estimate]:
    """Those members that count, on all views, with their settings; their weighted mean so far."""
    shares, done = shares_of(options.shares), 0.0
    stages, total = Stages(dict.fromkeys(shares, 1.0)), len(shares)
    mean = torch.zeros_like(preview(problem))
    square, own, knowing = torch.zeros_like(mean), torch.zeros_like(mean), 0.0
    outside: dict[str, None] = {}
    for step, (name, part) in enumerate(shares.items()):
        method = member(name)
        so_far = None if done == 0 else Picture(mean / done, f"mean of {step} of {total} members")
        run = solved_within(method, problem, options_of(method, options.settings), method.title, so_far)
        last = yield from stages.within(name, run)
        volume = torch.as_tensor(last.volume).to(mean)
        spread = last.extra.get("std")
        outside |= dict.fromkeys(last.chosen.get("outside_training", ()))
        mean, done = mean + part * volume, done + part
        square = square + part * volume.square()
        if spread is not None:
            own, knowing = own + part * torch.as_tensor(spread).square(), knowing + part
        now = mean / done
        y, weights = measured(problem)
        scalars = {"data_residual": relative(problem.operator(now) - y, y, weights)}
        # Where the members disagree, and where each is unsure of itself: the variance of the mixture. A member that
        # does not know its own is taken to be as unsure as the others; the disagreement alone covers next to nothing.
        apart = (square / done - now.square()).clamp(min=0)
        extra = {"std": (apart + own / knowing).sqrt()} if knowing else {}
        chosen = {"outside_training": list(outside)} if outside else {}
        told = Estimate(now, step + 1, total, f"with {method.title}", scalars, chosen=chosen, extra=extra)
        yield told if step + 1 == total else replace(told, shows=f"mean of {step + 1} of {total} members")


def _settled(
    problem: Problem, able: list[Method[Any]], asked: Mapping[str, Any], picture: Picture
) -> Generator[Estimate, None, dict[str, Any]]:
    """The options of each member, none of them left on auto."""
    stages, found = Stages({method.name: 1.0 for method in able}), {}
    for method in able:
        tuning = tuned_within(method, problem, asked[method.name], method.title, picture)
        found[method.name] = (yield from stages.within(method.name, tuning, named=False)).options
    return found


def _shares(
    problem: Problem, able: list[Method[Any]], settled: Mapping[str, Any], picture: Picture
) -> Generator[Estimate, None, dict[str, Any]]:
    """What is recorded of the choice: how much each member counts, and what each errs by."""
    given, held = hold_out(central(problem, SLICES, adjacent=True))
    stages = Stages({method.name: 1.0 for method in able})
    volumes = []
    for method in able:
        trial = solved_within(method, given, settled[method.name], method.title, picture)
        last = yield from stages.within(method.name, trial, named=False)
        volumes.append(torch.as_tensor(last.volume).clone())
    weights, errors = stacking_weights(held, volumes)
    shares = [f"{m.name}={round(float(w), 3)}" for m, w in zip(able, weights, strict=True) if w > 0]
    curve = [[m.name, float(error)] for m, error in zip(able, errors, strict=True)]
    return {"shares": ",".join(shares), "shares_curve": curve}


def _parts(options: EnsembleOptions) -> list[tuple[Method[Any], Any]]:
    """Members that count, with their options."""
    return [(m, options_of(m, options.settings)) for m in (member(name) for name in shares_of(options.shares))]


def _running(options: EnsembleOptions) -> list[tuple[Method[Any], Any]]:
    """Members that may run, with their options as far as these are settled."""
    if options.shares != "auto":
        return _parts(options)
    return [(method, options_of(method, options.settings)) for method in members(options.members)]


def _buffers(options: EnsembleOptions) -> tuple[float, float]:
    """Of the member that holds most, and sums, start and picture of the ensemble."""
    volumes, sinograms = zip(*(method.held(own) for method, own in _running(options)), strict=True)
    return max(volumes) + OWN, max(sinograms)


def _beside(options: EnsembleOptions, size: Size) -> int:
    return max(method.beside(own, size) for method, own in _running(options))


def _lighter(options: EnsembleOptions, part: float) -> EnsembleOptions:
    """Each member does less, as it does by itself."""
    return options.taking(
        {"settings": as_settings({m.name: m.pacing.lighter(own, part) for m, own in _parts(options)})}
    )


def _untuned(problem: Problem, options: EnsembleOptions) -> EnsembleOptions:
    """All members alike, each with what stands for its choices."""
    able = members(options.members) if options.shares == "auto" else [member(n) for n in shares_of(options.shares)]
    shares = ",".join(f"{method.name}=1" for method in able) if options.shares == "auto" else options.shares
    own: dict[str, Options] = {}
    for method in able:
        blind = unsearched(method, problem, options_of(method, options.settings))
        own[method.name] = method.settle(problem, blind).options  # what is left is quick
    return options.taking({"shares": shares, "settings": as_settings(own)})


METHOD = Method(
    name="ensemble",
    title="Ensemble",
    family="supervised",
    summary="Several methods, averaged as held-out views advise: the safest where no method is known to be the best.",
    source="Breiman, Machine Learning 24, 1996 (stacked regressions), on held-out views",
    options=EnsembleOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: Effort(tuning=1.0, solving=2.0),
    needs=frozenset({"weights"}),
    buffers=_buffers,
    beside=_beside,
    matrices=lambda options: max(method.stored(own) for method, own in _running(options)),
    halo=None,  # a member may adapt its network to all slices
    resumable=False,
    # The two that take seconds; what TV does not draw, the network may, and where it draws too much, TV counts.
    presets={"draft": {"members": "unrolled,tv", "settings": json.dumps({"unrolled": {}})}},
    pacing=Pacing(_lighter, untuned=_untuned, parts=_parts),
)
