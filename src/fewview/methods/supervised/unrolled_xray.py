"""The unrolled network with an X-ray volume of the same sample as one more image, where the measurement agrees."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

import torch

from ...errors import OptionError
from ...options import Auto, option
from ..diffusion.denoiser import WEIGHTS
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..missing import missing_weights
from ..selection.comparison import ENOUGH, better, gain
from .network_choice import predicted
from .unrolled import METHOD as UNROLLED
from .unrolled import UnrolledOptions
from .unrolled import solve as solve_unrolled
from .unrolled import tune as tune_unrolled


class UnrolledXrayOptions(UnrolledOptions):
    """Options of the unrolled network that sees an X-ray volume."""

    weights: str = option(
        "unrolled-x",
        "Network",
        "The network, by what it has learnt: unrolled-x (concrete-like samples and plain shapes with their X-ray "
        "volumes), or the path of weights that `fewview train unrolled --xray` wrote.",
        offers=("unrolled-x",),
    )
    xray: bool | Auto = option(
        "auto",
        "Use the X-ray volume",
        "Whether the network sees the X-ray volume. Auto shows it where held-out views are predicted better with it.",
    )
    compare: bool = option(
        False,
        "What the X-ray volume changed",
        "Reconstruct once more without the X-ray volume, which takes twice the time and gives one more volume: the "
        "difference.",
    )


@torch.no_grad()
def tune(problem: Problem, options: UnrolledXrayOptions) -> Tuning[UnrolledXrayOptions]:
    """Settle the scale, whether the X-ray volume is used and, where it is not, which network answers without it."""
    if problem.auxiliary is None:
        raise OptionError("This method needs an X-ray volume of the sample.", "Give it with --aux VOLUME.")
    alone = replace(problem, auxiliary=None)
    plain = yield from tune_unrolled(alone, options if options.xray is True else _plain(options))
    settled = options.taking({"scale": plain.options.scale})
    chosen = {**plain.chosen, "xray": options.xray}
    if options.xray == "auto":
        chosen |= yield from _judged(problem, settled, plain.options.weights)
        settled = settled.taking({"xray": chosen["xray"]})
    if not settled.xray:
        return Settled(settled.taking({"weights": plain.options.weights}), chosen)
    return Settled(settled, {**chosen, "weights": options.weights})


def _plain(options: UnrolledXrayOptions) -> UnrolledXrayOptions:
    """Without an X-ray volume a network that never had one is better by a little; own weights stay."""
    shipped = options.weights == UnrolledXrayOptions().weights
    return options.taking({"weights": "auto"}) if shipped else options


def _judged(problem: Problem, options: UnrolledXrayOptions, plain: str) -> Generator[Estimate, None, dict[str, Any]]:
    """Whether held-out views are predicted better with the X-ray volume: "xray", and "guided" in words.

    It has to help the network that sees it, and that one has to be better than the one that would answer without it.
    """
    quick = {"samples": 0, "symmetries": False, "finetune": 0}
    asked, other = options.taking(quick), options.taking({**quick, "weights": plain})
    runs: dict[str, Callable[[Problem], Iterator[Estimate]]] = {
        "without": lambda given: solve_unrolled(replace(given, auxiliary=None), asked),
        "with": lambda given: solve_unrolled(given, asked),
    }
    if plain != options.weights:
        runs[plain] = lambda given: solve_unrolled(replace(given, auxiliary=None), other)
    errors = yield from predicted(problem, runs, "asking whether the X-ray volume helps")
    with_it = errors.pop("with")
    good = all(better(with_it, error, enough=ENOUGH) for error in errors.values())
    gained = min(gain(with_it, error) for error in errors.values())
    evidence = f"held-out views are predicted {abs(gained):.1%} {'better' if gained > 0 else 'worse'} with it"
    said = (
        f"The X-ray volume was used: {evidence}."
        if good
        else f"The X-ray volume was not used: {evidence}, which is no certain gain. This volume is made of the "
        "measured views alone. Check that the X-ray volume is of this sample and registered to it."
    )
    curve = [[name, float(error.mean())] for name, error in {**errors, "with": with_it}.items()]
    return {"xray": good, "guided": said, "guide_curve": curve}


def solve(problem: Problem, options: UnrolledXrayOptions) -> Iterator[Estimate]:
    """As :func:`fewview.methods.supervised.unrolled.solve`; then what the X-ray volume changed, where that is asked."""
    alone = replace(problem, auxiliary=None)
    more = int(options.compare and options.xray is True)
    last: Estimate | None = None
    for last in solve_unrolled(problem if options.xray else alone, options):
        yield replace(last, total=last.total + more)
    if more:
        assert last is not None
        *_, other = solve_unrolled(alone, options.taking({"samples": 0}))
        changed = torch.as_tensor(last.volume) - torch.as_tensor(other.volume)
        extra = {**last.extra, "guide_change": changed}
        step = last.total + 1
        yield replace(last, step=step, total=step, stage="what the X-ray volume changed", extra=extra)


METHOD = Method(
    name="unrolled-x",
    title="Unrolled network with X-rays",
    family="supervised",
    summary="The unrolled network, shown an X-ray volume of the same sample where held-out views agree: seconds.",
    source=UNROLLED.source,
    options=UnrolledXrayOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: Effort(tuning=0.3),
    needs=frozenset({"aux", "weights"}),
    missing=missing_weights(UnrolledXrayOptions().weights, "`fewview train unrolled --xray`"),
    buffers=(56.0, 8.0),
    beside=lambda options, size: UNROLLED.beside(options, size) + WEIGHTS,  # of the guide
    halo=UNROLLED.halo,
    resumable=False,
    presets=UNROLLED.presets,
    pacing=UNROLLED.pacing,
)
