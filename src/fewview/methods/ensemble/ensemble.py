"""Several methods, and the mean of their volumes that predicts best what none of them was given."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...errors import OptionError
from ...options import Auto, Options, option
from ..classical.fbp import preview
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.masking import measured, relative
from ..selection.held_out import hold_out
from ..selection.picture import Picture
from ..slices import central
from ..stages import Stages
from ..subrun import run_within
from .simplex import stacking_weights

FINE_TUNED: dict[str, dict[str, Any]] = {"unrolled": {"finetune": 24}}
"""Members that learn on the scan first: of foams and grains, unlike all that the network had seen, it gained 0.3 to 1.0
dB by that, and nothing is lost where held-out pixels do not agree."""
SLICES = 4
"""Slices that the weights are chosen on: neighbours in the middle."""


class EnsembleOptions(Options):
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
        "How much each member counts, for instance unrolled=0.7,mbir=0.3; auto predicts held-out views.",
    )


@torch.no_grad()
def tune(problem: Problem, options: EnsembleOptions) -> Tuning[EnsembleOptions]:
    """Reconstruct by all members from a part of the views, and weigh them by the others."""
    yield Picture(preview(problem), first=problem.first_slice).estimate(0, 1, "starting")
    chosen = yield from _shares(problem, _members(options.members))
    return Settled(options.taking(chosen), chosen)


@torch.no_grad()
def solve(problem: Problem, options: EnsembleOptions) -> Iterator[Estimate]:
    """Those members that count, on all views, each with its defaults; their weighted mean so far."""
    yield from _mean(problem, _parsed(options.shares), preview(problem))


def _mean(problem: Problem, shares: Mapping[str, float], shown: Tensor) -> Iterator[Estimate]:
    """The weighted mean of the members that are done."""
    members = Stages(dict.fromkeys(shares, 1.0))
    total = len(shares)
    mean, square, done = torch.zeros_like(shown), torch.zeros_like(shown), 0.0
    for step, (name, part) in enumerate(shares.items()):
        method = _method(name)
        so_far = None if done == 0 else Picture(mean / done, f"mean of {step} of {total} members")
        last = yield from members.within(name, run_within(method, problem, _options(method), method.title, so_far))
        volume = torch.as_tensor(last.volume).to(mean)
        spread = last.extra.get("std")
        mean, done = mean + part * volume, done + part
        square = square + part * (volume.square() + (0.0 if spread is None else torch.as_tensor(spread).square()))
        now = mean / done
        y, weights = measured(problem)
        scalars = {"data_residual": relative(problem.operator(now) - y, y, weights)}
        # Where the members disagree, and where each is unsure of itself: the variance of the mixture.
        extra = {"std": (square / done - now.square()).clamp(min=0).sqrt()} if total > 1 or spread is not None else {}
        told = Estimate(now, step + 1, total, f"with {method.title}", scalars, extra=extra)
        yield told if step + 1 == total else replace(told, shows=f"mean of {step + 1} of {total} members")


def _shares(problem: Problem, members: Sequence[Method[Any]]) -> Generator[Estimate, None, dict[str, Any]]:
    """What is recorded of the choice: how much each member counts, and what each errs by."""
    given, held = hold_out(central(problem, SLICES, adjacent=True))
    stages, picture = (
        Stages({method.name: 1.0 for method in members}),
        Picture(preview(problem), first=problem.first_slice),
    )
    volumes = []
    for method in members:
        trial = run_within(method, given, _options(method), method.title, picture)
        last = yield from stages.within(method.name, trial, named=False)
        volumes.append(torch.as_tensor(last.volume).clone())
    weights, errors = stacking_weights(held, volumes)
    shares = [f"{m.name}={round(float(w), 3)}" for m, w in zip(members, weights, strict=True) if w > 0]
    curve = [[m.name, float(error)] for m, error in zip(members, errors, strict=True)]
    return {"shares": ",".join(shares), "shares_curve": curve}


def _method(name: str) -> Method[Any]:
    from ..registry import get_method

    if name == METHOD.name:
        raise OptionError("The ensemble cannot be a member of itself.", "Name other methods.")
    return get_method(name)


def _options(method: Method[Any]) -> Any:
    """Of a member."""
    return method.options(**FINE_TUNED.get(method.name, {}))


def _members(names: str) -> list[Method[Any]]:
    """Those that can run here."""
    found = [_method(name.strip()) for name in names.split(",") if name.strip()]
    able = [method for method in found if method.missing() is None]
    if not able:
        raise OptionError(f"None of the members {names} can run here.", "Name others; see `fewview methods`.")
    return able


def _parsed(text: str) -> dict[str, float]:
    shares = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError:
            shares = {}
            break
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise OptionError(f"shares={text} is not understood.", "Write, for instance, shares=unrolled=0.7,mbir=0.3.")
    return {name: part for name, part in shares.items() if part > 0}


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
    buffers=(64.0, 16.0),
    matrices=2.2,
    halo=None,  # a member may adapt its network to all slices
    resumable=False,
)
