"""The unrolled network with an X-ray volume of the same sample as one more image, where the measurement agrees."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ...errors import OptionError
from ...options import Auto, option
from ..diffusion.denoiser import WEIGHTS
from ..empty import nothing_there
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.normalised import scaled
from ..missing import missing_weights
from ..selection.comparison import ENOUGH, best_setting, better, gain
from .guide_again import guided_again
from .network_choice import predicted
from .unrolled import METHOD as UNROLLED
from .unrolled import UnrolledOptions, estimate
from .unrolled import solve as solve_unrolled
from .unrolled import tune as tune_unrolled

LEAST_GAIN = 0.13
"""Over the root of the number of views: part by which held-out views must be predicted better with the X-ray volume.
Of 76 validation measurements (64 pixels; 8, 16 and 32 views; right and wrong X-ray volumes) the 22 that were predicted
better by more gained 0 to 4.3 dB; the others lost 0.13 in the mean, and 2.5 at worst."""

WITH, AGAIN = "with", "with, the guide asked again"
Runs = dict[str, Callable[[Problem], Iterator[Estimate]]]


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
    again: bool | Auto = option(
        "auto",
        "Ask the guide again",
        "Whether the guide network of `d3ip-x`, which has learnt concrete-like samples, is asked once more where the "
        "X-ray volume is used: the result is the mean of both answers. Auto asks it unless held-out views are "
        "predicted worse by that.",
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
    if options.xray is not False and "auto" in (options.xray, options.again):
        chosen |= yield from _judged(problem, settled, plain.options.weights)
    xray = bool(chosen["xray"])
    settled = settled.taking({"xray": xray, "again": xray and bool(chosen.get("again", options.again))})
    if not xray:
        return Settled(settled.taking({"weights": plain.options.weights}), chosen)
    return Settled(settled, {**chosen, "weights": options.weights})


def _plain(options: UnrolledXrayOptions) -> UnrolledXrayOptions:
    """Without an X-ray volume a network that never had one is better by a little; own weights stay."""
    shipped = options.weights == UnrolledXrayOptions().weights
    return options.taking({"weights": "auto"}) if shipped else options


def _judged(problem: Problem, options: UnrolledXrayOptions, plain: str) -> Generator[Estimate, None, dict[str, Any]]:
    """Whether held-out views are predicted better with the X-ray volume: "xray", "again", and "guided" in words.

    It has to help the network that sees it, and that one has to be better than the one that would answer without it.
    """
    asked = options.taking({"samples": 0, "symmetries": False, "finetune": 0, "xray": True, "compare": False})
    # The mean comes first: it gains with samples that the guide knows; what it loses with others, held-out views see.
    ways = {AGAIN: asked.taking({"again": True}), WITH: asked.taking({"again": False})}
    if options.again != "auto":
        ways.pop(WITH if options.again else AGAIN)
    seeing: Runs = {name: partial(solve, options=own) for name, own in ways.items()}
    others = {"without": asked.weights, **({plain: plain} if plain != asked.weights else {})}
    blind: Runs = {name: partial(_unseeing, options=asked.taking({"weights": own})) for name, own in others.items()}
    if options.xray != "auto":
        blind = {}
    errors = yield from predicted(problem, blind | seeing, "asking whether the X-ray volume helps")
    curve = [[name, float(error.mean())] for name, error in errors.items()]
    way = best_setting({name: errors[name] for name in seeing}, ENOUGH)
    found = {"xray": True, "again": way == AGAIN, "guide_curve": curve}
    if not blind:
        return found
    least = LEAST_GAIN / math.sqrt(problem.operator.views)
    good = all(better(errors[way], errors[name], least=least, enough=least) for name in blind)
    gained = min(gain(errors[way], errors[name]) for name in blind)
    evidence = f"held-out views are predicted {abs(gained):.1%} {'better' if gained > 0 else 'worse'} with it"
    if good:
        by = ", half of it by the guide network's answer" if way == AGAIN else ""
        return found | {"guided": f"The X-ray volume was used{by}: {evidence}."}
    said = (
        f"The X-ray volume was not used: {evidence}, and a gain counts from {least:.1%} on. This volume is made of the "
        "measured views alone. Check that the X-ray volume is of this sample and registered to it."
    )
    return found | {"xray": False, "again": False, "guided": said}


def _unseeing(problem: Problem, options: UnrolledXrayOptions) -> Iterator[Estimate]:
    return solve_unrolled(replace(problem, auxiliary=None), options)


def solve(problem: Problem, options: UnrolledXrayOptions) -> Iterator[Estimate]:
    """As :func:`fewview.methods.supervised.unrolled.solve`; then the guide, and what the X-ray volume changed."""
    again, compared = (wanted is True and options.xray is True for wanted in (options.again, options.compare))
    more = again + compared
    last: Estimate | None = None
    for last in solve_unrolled(problem, options) if options.xray else _unseeing(problem, options):
        yield replace(last, total=last.total + more)
    assert last is not None
    step = last.total
    if again:
        step += 1
        last = _guided(problem, options, replace(last, step=step, total=step + compared))
        yield last
    if compared:
        *_, other = _unseeing(problem, options.taking({"samples": 0}))
        changed = torch.as_tensor(last.volume) - torch.as_tensor(other.volume)
        extra = {**last.extra, "guide_change": changed}
        step += 1
        yield replace(last, step=step, total=step, stage="what the X-ray volume changed", extra=extra)


@torch.no_grad()
def _guided(problem: Problem, options: UnrolledXrayOptions, last: Estimate) -> Estimate:
    """The mean of the last estimate and of the guide's answer."""
    data = scaled(problem, float(options.scale))
    if nothing_there(problem):
        return last
    image = guided_again(torch.as_tensor(last.volume) / data.top, problem, data, options.positivity)
    made = estimate(image, last.step, last.total, "the guide, asked again", problem, data, dict(last.chosen))
    return replace(made, extra=last.extra)


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
    buffers=(42.0, 8.0),
    beside=lambda options, size: UNROLLED.beside(options, size) + WEIGHTS,  # of the guide
    halo=UNROLLED.halo,
    resumable=False,
    presets=UNROLLED.presets,
    pacing=UNROLLED.pacing,
)
