"""A time budget: how much of what was asked a run can afford, by the time that a small part of it takes.

It is settled before the run, like everything else that is left open: all slabs of a volume get the same, and the
settled options, without the budget, give the same volume on any machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..options import Options, option

if TYPE_CHECKING:
    from .interface import Estimate, Method, Problem

clock: Callable[[], float] = time.monotonic
STEPS = ("iterations", "steps", "epochs", "inner_iterations")
"""The names under which methods count their steps."""
MIDDLING: dict[str, Any] = {
    "weight": 1e-3,
    "gamma": 0.9,
    "eta": 0.3,
    "sharpness": 0.0,
    "iterations": 15,
    "prior": "generic",
    "weights": "unrolled-general",
    "start_iterations": 10,
    "beside_share": 0.0,
    "guide_weight": 1.0,
    "trust": 1.0,
    "smoothness": 1e-3,
}
"""What stands for "auto" where there is no time to choose. Weights are normalised, so that they carry over."""
CHOOSING = 0.5
"""Part of the budget after which no more time is spent on choosing settings."""
AIM = 0.92
"""Part of the budget that a run with less than all that was asked is planned for: longer runs are slower than the small
part whose time was taken, by up to 15 % (d3ip, 4 slices of 128 pixels), and over the budget is worse than under it."""
PROBED = 4
"""Steps that the pace is measured on, the first of which is not counted: it prepares what the others use."""
PARTS = [0.97**k for k in range(240)]
"""Parts of the work that are looked at, from all of it down."""
NOTHING_LEFT = "The budget of {budget:g} s changes nothing: a run with these settings has nothing to leave out."
ONE_PASS = "The budget of {budget:g} s changes nothing: this method goes over the measurement once."
STAGE, SHOWS = "measuring the pace", "while its pace was being measured"


class BudgetOptions(Options):
    """Options of a method that can do less where there is little time."""

    budget: float | None = option(
        None,
        "Time budget",
        "About how long the run may take, on this machine. With little time it takes fewer steps, or fewer samples, "
        "and says so; with more than it needs it ends early. Empty sets no limit.",
        unit="s",
        gt=0,
    )


class OnePassOptions(BudgetOptions):
    """Options of a method that goes over the measurement once."""

    budget: float | None = option(
        None,
        "Time budget",
        "This method goes over the measurement once and has nothing to leave out: it takes the time that it takes.",
        unit="s",
        gt=0,
        advanced=True,
    )


def counted(options: Options) -> str:
    """Name of the option that counts the steps of an iterative method; empty where there is none."""
    return next((name for name in STEPS if name in type(options).model_fields), "")


def fewer_steps(options: Any, part: float) -> Any:
    """The options with so large a part of the steps, at least one or as many as the method needs."""
    name = counted(options)
    if not name:
        return options
    bounds = (getattr(item, "ge", 1) for item in type(options).model_fields[name].metadata)
    return options.taking({name: max(1, *bounds, round(part * getattr(options, name)))})


def middling(options: Any) -> dict[str, Any]:
    """Those of :data:`MIDDLING`, by path, that stand for what is "auto"."""
    short = {path: name for name, path in options.short_names.items()}
    named = {path: short.get(path, path) for path in options.undecided()}
    return {path: MIDDLING[name] for path, name in named.items() if name in MIDDLING}


@dataclass(frozen=True)
class Pacing:
    """How a method does less; as it stands, that of a method whose steps are all alike.

    Parameters
    ----------
    lighter : callable
        ``lighter(options, part)``: settled options that take so large a part of the work, about.
    cost : callable, optional
        ``cost(problem, options)``: their work, in any unit; the steps when not given.
    probe : callable, optional
        ``probe(options)``: the least run that the pace of that work can be measured on; a few steps when not given.
    alike : bool
        Whether all steps of that least run are alike, so that the first one, which prepares the others, need not count.
    untuned : callable, optional
        ``untuned(problem, options)``: the options with what is "auto" settled without a search; those of
        :data:`MIDDLING` when not given. Where they do not cover everything, choosing takes its time.
    parts : callable, optional
        ``parts(options)``: the methods that a run consists of, with their settled options, each with a pace of its own;
        the method alone when not given.
    keeps_start : bool
        Whether the first state of a run is that at the end of its start, whatever the number of its steps: a run then
        goes on from the start that its pace was measured with, and does not make it again.
    """

    lighter: Callable[[Any, float], Any] = fewer_steps
    cost: Callable[[Problem, Any], float] | None = None
    probe: Callable[[Any], Any] | None = None
    untuned: Callable[[Problem, Any], Any] | None = None
    parts: Callable[[Any], list[tuple[Method[Any], Any]]] | None = None
    keeps_start: bool = False
    alike: bool = False


class Pace(NamedTuple):
    """Seconds that go by before and after the steps, and for a unit of their work."""

    fixed: float
    each: float

    def seconds(self, work: float) -> float:
        """Of a run with so much work."""
        return self.fixed + self.each * work


def afforded(
    method: Method[Any], problem: Problem, options: Any, part: float
) -> Generator[Estimate, None, tuple[Any, dict[str, Any], Mapping[str, Any] | None]]:
    """Settle what is "auto", then how many steps and samples the budget allows.

    Parameters
    ----------
    method : Method
    problem : Problem
        Without state.
    options : BudgetOptions
        With a budget.
    part : float
        Of the run's slices, that the problem holds.

    Yields
    ------
    Estimate
        What the method shows while it settles its options and is timed.

    Returns
    -------
    options : BudgetOptions
        Settled, without a budget.
    chosen : dict
        For :attr:`fewview.methods.Estimate.chosen`: what was settled, and in a sentence what the budget came to.
    state : mapping or None
        From which the run goes on, where it has begun.
    """
    begun, budget = clock(), float(options.budget)
    unlimited = options.taking({"budget": None})
    if isinstance(options, OnePassOptions):
        asked, chosen = yield from _settled(method, problem, unlimited, math.inf)
        return asked, {**chosen, "within_budget": ONE_PASS.format(budget=budget)}, None
    asked, chosen = yield from _settled(method, problem, unlimited, begun + CHOOSING * budget)
    if method.pacing.lighter(asked, 0.0) == asked:
        return asked, {**chosen, "within_budget": NOTHING_LEFT.format(budget=budget)}, None
    paces, state = [], None
    whole = method.pacing.parts is None and problem.stack is None
    for part_of, own in _parts(method, asked):
        pace, state = yield from _measured(part_of, problem, own, whole and method.pacing.keeps_start)
        paces.append(pace)
    spent = clock() - begun
    taken = asked
    for share in PARTS:
        taken = asked if share == 1 else method.pacing.lighter(asked, share)
        works = [_work(part_of, problem, own) for part_of, own in _parts(method, taken)]
        needs = spent + sum(pace.seconds(work) for pace, work in zip(paces, works, strict=True)) / part
        if needs <= (budget if share == 1 else AIM * budget):
            break
    return taken, {**chosen, "within_budget": said(budget, needs, asked, taken)}, state


def _parts(method: Method[Any], options: Any) -> list[tuple[Method[Any], Any]]:
    parts = method.pacing.parts
    return [(method, options)] if parts is None else parts(options)


def said(budget: float, needs: float, asked: Options, taken: Options) -> str:
    """What a budget came to, in a sentence.

    Parameters
    ----------
    budget, needs : float
        Seconds given, and expected to be taken.
    asked, taken : Options

    Returns
    -------
    str
        With both numbers of seconds, and what was lessened.
    """
    before, after = asked.values(), taken.values()
    less = [_less(name, before[name], after[name]) for name in after if after[name] != before[name]]
    if needs > budget:
        least = f" ({' and '.join(less)})" if less else ""
        return f"The budget of {budget:g} s is too small: the least that can be done{least} takes about {needs:.0f} s."
    if less:
        return f"The budget of {budget:g} s allowed {' and '.join(less)}."
    return f"The budget of {budget:g} s sufficed for all that was asked, which takes about {needs:.0f} s."


def _less(name: str, before: Any, after: Any) -> str:
    if isinstance(before, str):
        return f"{name} that take less time"
    return f"no {name}" if isinstance(before, bool) else f"{after} of {before} {name}"


def _settled(
    method: Method[Any], problem: Problem, options: Any, end: float
) -> Generator[Estimate, None, tuple[Any, dict[str, Any]]]:
    """Settle what is open; where that takes too long, the method's own values stand for it."""
    tuning = method.tuned(problem, options)
    while True:
        try:
            estimate = next(tuning)
        except StopIteration as stop:
            return stop.value.options, dict(stop.value.chosen)
        yield estimate
        if clock() > end:
            blind = unsearched(method, problem, options)
            if not blind.undecided():
                tuning.close()
                return blind, {}


def unsearched(method: Method[Any], problem: Problem, options: Any) -> Any:
    """The options with what is "auto" settled without a search, as far as a method can.

    Parameters
    ----------
    method : Method
    problem : Problem
    options : Options
        Of the method.

    Returns
    -------
    Options
        Complete, with nothing left on "auto" that a search would settle.
    """
    untuned = method.pacing.untuned
    return options.taking(middling(options)) if untuned is None else untuned(problem, options)


def _work(method: Method[Any], problem: Problem, options: Any) -> float:
    cost = method.pacing.cost
    return float(getattr(options, counted(options), 1)) if cost is None else cost(problem, options)


def _measured(
    method: Method[Any], problem: Problem, options: Any, keep: bool
) -> Generator[Estimate, None, tuple[Pace, Mapping[str, Any] | None]]:
    """Run a small part of what was asked, and look at the clock; what leads to a state that is kept has no price."""
    probe, name = method.pacing.probe, counted(options)
    if probe is not None:
        small = probe(options)
    else:
        small = options.taking({name: min(PROBED, getattr(options, name))}) if name else options
    counts = (getattr(small, name), _work(method, problem, small)) if name else ()
    begun, last = clock(), 0.0
    passed: dict[int, float] = {}  # steps done, and when
    state: Mapping[str, Any] | None = None
    for estimate in method.solve(problem, small):
        last = clock() - begun
        if name and estimate.total in counts:  # not the steps of a starting image
            passed.setdefault(estimate.step, last)
        if keep and state is None and estimate.state is not None:
            state, begun = estimate.state, clock()
        yield replace(estimate, stage=STAGE, state=None, chosen={}, kept="intermediate", shows=SHOWS)
    steps = sorted(step for step in passed if step > 0)
    if (probe is not None and not method.pacing.alike) or len(steps) < 2:
        return Pace(0.0, last / max(_work(method, problem, small), 1e-12)), state
    # The first step has prepared the others. What comes before them and after them does not grow with their number, but
    # for the work that the method itself counts beside its steps.
    work = _work(method, problem, small)
    one = 1.0 if probe is None else work / getattr(small, name)
    each = (passed[steps[-1]] - passed[steps[0]]) / (steps[-1] - steps[0]) / one
    before = max(passed[steps[0]] - each * one * steps[0], 0.0)
    after = max(last - passed[steps[-1]] - each * (work - one * steps[-1]), 0.0)
    return Pace(before + after, each), state
