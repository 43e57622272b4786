"""A field fitted: start, the loop under watch, the end with all pixels, and estimates in the problem's unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from ..budget import Pacing
from ..classical import tv
from ..classical.fbp import preview
from ..diffusion.start import STAGE as STARTING
from ..empty import empty_without_object
from ..interface import Effort, Estimate, Problem, Settled, Tuning, Views
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..selection.coarse import coarseness, settled_coarsely
from ..selection.held_out import own_error, pixel_folds
from ..selection.picture import Picture
from ..selection.weight_search import search_work
from ..stages import Stages, work
from .cost import step_work
from .fit import Fit, ticking
from .loop import Pace, Repaired, Splitting, advance
from .objective import Objective
from .options import FieldOptions
from .start import Make, begin, start_iterations, strength, tuned_begin
from .watch import Watch

FINISH = 6  # of the steps, one: with the held-out pixels given back
FASTEST = 0.3  # of the learning rate, then
FITTING, ENDING = "fitting the field", "fitting with all pixels"
ENDED = "The fit ended after {fitted} of {steps} steps, because held-out pixels were no longer predicted better."
BEHIND = (
    "The `{start}` volume that the field began at predicts held-out pixels with an error that is {part:.0%} smaller: "
    "take `{start}` for this scan, or more steps."
)
WARMING, FAR = 20, 1e-3  # fits to the first volume, of a field that begins so far from it


class Repair(Repaired, Protocol):
    """Proposals for the field, made anew from time to time: :class:`fewview.methods.repair.repair.Repair`."""

    def due(self, part: float, watch: Watch | None) -> bool:
        """Whether it is time for a new proposal."""
        ...

    def make(self, x: Tensor, part: float) -> Iterator[Tensor]:
        """Make it, from the field's values; yields what to show meanwhile."""
        ...

    def judge(self, x: Tensor) -> Iterator[Tensor]:
        """Judge a repair of the best field by what is held out, before that is given back; what it comes to is last."""
        ...

    def finish(self, x: Tensor, whole: Problem, data: Scaled) -> Iterator[Tensor]:
        """See :meth:`fewview.methods.repair.repair.Repair.finish`; what comes last, if anything, is the result."""
        ...

    def told(self) -> dict[str, Any]:
        """For :attr:`Estimate.chosen`."""
        ...

    def shown(self, top: float) -> dict[str, Tensor]:
        """For :attr:`Estimate.extra`."""
        ...

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


@settled_coarsely
@torch.no_grad()
def tune(problem: Problem, options: FieldOptions) -> Tuning[Any]:
    """Settle what is "auto" by held-out pixels."""
    yield Picture(preview(problem)).estimate(0, options.steps, STARTING)
    chosen = yield from tuned_begin(_given(problem, options)[0], options)
    unused = {"start_iterations"} if options.start != "cgls" else set()
    return Settled(options.taking(chosen), {name: value for name, value in chosen.items() if name not in unused})


def effort(problem: Problem, options: FieldOptions, repairs: float = 0.0) -> Effort:
    """Of choosing the smoothness, and of start, fits and repairs.

    Parameters
    ----------
    problem : Problem
    options : FieldOptions
    repairs : float, optional
        Work of the repairs of the field.

    Returns
    -------
    Effort
        In the unit of :func:`fewview.methods.stages.work`.
    """
    asked = options.smoothness == "auto"
    tuning = search_work(problem, tv.trial_iterations(problem)) if asked else work(problem, 10)
    tuning /= coarseness(problem.operator.grid) ** 2
    solving = _start_work(problem, options) + _counted(problem, options) * step_work(problem, options) + repairs
    return Effort(tuning, solving, 3 if options.stop else 2)


def _counted(problem: Problem, options: FieldOptions) -> float:
    """Steps of both fits: what a budget can leave out of."""
    return options.steps + (finishing(options) if options.stop else 0)


PACING = Pacing(cost=_counted, keeps_start=True)


def _begun(first: Tensor, options: FieldOptions) -> Estimate:
    """The end of the start: what the field begins at is all there is to go on from."""
    shown = Picture(first, "what the field begins at").estimate(0, options.steps, "first volume")
    return replace(shown, state={"first": first}, done=1.0)


def _start_work(problem: Problem, options: FieldOptions) -> float:
    return work(problem, start_iterations(problem, options) if options.start == "tv" else 10)


def _given(problem: Problem, options: FieldOptions) -> tuple[Problem, Views | None]:
    """What the field is fitted to, and what is held out to stop it by: the first volume must not know that either."""
    return pixel_folds(problem, 1)[0] if options.stop else (problem, None)


@empty_without_object
@torch.no_grad()
def solve(
    problem: Problem,
    options: FieldOptions,
    make: Make,
    repair: Callable[..., Repair] | None = None,
    repairing: Callable[[Problem, Any], float] = lambda problem, options: 0.0,
) -> Iterator[Estimate]:
    """Fit a field to the measurement; an estimate after each gradient step.

    Denormal numbers count as 0 while it runs: the tails of Gaussians, and Adam's moments, are full of them.

    Parameters
    ----------
    problem : Problem
    options : FieldOptions
    make : callable
        The field, see :data:`Make`.
    repair : callable, optional
        ``repair(options, given, held, data)``: what repairs the field on its way.
    repairing : callable
        ``repairing(problem, options)``: the work that this is expected to take.

    Yields
    ------
    Estimate
        Volume in the unit of the problem; from the first fit on, a run can be resumed from it.
    """
    state = problem.state
    given, held = _given(problem, options)
    stages = _expected(problem, options, repairing(problem, options))
    if state is None:
        first = yield from stages.within(STARTING, begin(given, options))
        yield stages.told(STARTING, _begun(first, options))
    else:
        first = torch.as_tensor(state["first"]).to(problem.operator.device).clone()
    flushed = torch.set_flush_denormal(True)
    try:
        course = _Course(problem, given, held, options, first, make, repair)
        if state is not None and "step" in state:
            course.restore(state)
        for stage, estimate in course:
            yield stages.told(stage, estimate)
    finally:
        if flushed:
            torch.set_flush_denormal(False)


class _Course:
    """The steps under watch, and those that end the run."""

    def __init__(
        self,
        problem: Problem,
        given: Problem,
        held: Views | None,
        options: FieldOptions,
        first: Tensor,
        make: Make,
        repair: Callable[..., Repair] | None = None,
    ) -> None:
        self.options, self.first, self.top = options, first, float(options.scale)
        self.problem, self.operator, self.measured = problem, problem.operator, measured(problem)
        generator = torch.Generator().manual_seed(problem.seed)
        field = make(first / self.top, options, generator)
        field.tick = ticking(problem.operator)
        self.splitting = Splitting(Fit(field, options.rate, generator), field.values())
        self.watch = None if held is None else Watch(held, self.top, options.positivity, first)
        self.ending = False
        smooth = strength(problem, float(options.smoothness), self.top)
        self.given, self.whole = (Objective(scaled(part, self.top), smooth) for part in (given, problem))
        self.repair = None if repair is None else repair(options, given, held, self.given.data)

    def __iter__(self) -> Iterator[tuple[str, Estimate]]:
        if not self.ending:
            yield from self._watched()
        if self.watch is not None:
            if not self.ending:
                self.watch.give_back(self.splitting.fit.field)
                self.splitting.begin_anew()
                self.watch.judge(self.splitting.x)
                if self.repair is not None:
                    yield from self._judged(self.repair, self.watch)
                self.ending = True
            pace = Pace(finishing(self.options), self.options.inner, self.options.data_steps, FASTEST)
            for progress in advance(self.splitting, self.whole, pace, self.repair):
                yield ENDING, self._estimate(progress.scalars, progress.done)
        if self.repair is not None:
            for so_far in self._finished(self.repair):
                yield ENDING if self.watch is not None else FITTING, so_far

    def _watched(self) -> Iterator[tuple[str, Estimate]]:
        splitting = self.splitting
        first = self.first / self.top
        picture = Picture(self.first, "what the field begins at")
        if splitting.step == 0 and float((splitting.x - first).square().mean()) ** 0.5 > FAR:
            for distance in splitting.fit.follow(first, WARMING):
                yield FITTING, picture.estimate(0, self.options.steps, "first volume", {"distance": distance**0.5})
            splitting.x = splitting.fit.field.values()
        pace = Pace(self.options.steps, self.options.inner, self.options.data_steps)
        if self.watch is not None and splitting.step == 0:
            self.watch.look(splitting)
        for progress in advance(splitting, self.given, pace, self.repair):
            if progress.done and self.watch is not None:
                self.watch.look(splitting)
            if progress.done and self.repair is not None and self.repair.due(splitting.step / pace.steps, self.watch):
                yield from self._repaired(self.repair, splitting.step / pace.steps)
            yield FITTING, self._estimate(progress.scalars, progress.done)
            if self.watch is not None and self.watch.over:
                return

    def _repaired(self, repair: Repair, part: float) -> Iterator[tuple[str, Estimate]]:
        """A new pseudo-reference."""
        yield from map(self._shown, repair.make(self.splitting.x, part))
        if self.watch is not None:
            self.watch.begin_anew()

    def _judged(self, repair: Repair, watch: Watch) -> Iterator[tuple[str, Estimate]]:
        """What held-out pixels say of a repair of the best field, and of what it comes to."""
        for so_far in repair.judge(self.splitting.x):
            yield self._shown(so_far)
            watch.judge(so_far)

    def _shown(self, so_far: Tensor) -> tuple[str, Estimate]:
        """What is repaired so far."""
        picture = Picture(so_far * self.top, "slices repaired by the network")
        return FITTING, picture.estimate(self.splitting.step, self.options.steps, "repairing slices")

    def _finished(self, repair: Repair) -> Iterator[Estimate]:
        """The last repair, which is no step of the loop: a state before it leads to it again."""
        state, volume = self._state(), None
        for volume in repair.finish(self.splitting.x, self.problem, self.whole.data):
            picture = Picture(volume * self.top, "slices repaired by the network")
            yield picture.estimate(self.splitting.step, self.splitting.step, "repairing slices")
        if volume is not None:
            self.splitting.x = volume
            yield replace(self._estimate({}, True), state=state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state again."""
        self.splitting.restore(state)
        self.ending = bool(state["ending"])
        if self.watch is not None:
            self.watch.restore(state)
        if self.repair is not None:
            self.repair.restore(state)

    def _estimate(self, scalars: Mapping[str, float], done: bool) -> Estimate:
        x, watch = self.splitting.x, self.watch
        volume = (x.clamp(min=0) if self.options.positivity else x) * self.top
        told, chosen, state = dict(scalars), dict[str, Any](), None
        if watch is not None and watch.curve:
            told["own_error"] = own_error(watch.held, watch.curve[-1][1])
            chosen["steps_curve"] = watch.curve
            fitted = int(watch.curve[-1][0])
            if self.ending and watch.over and fitted < self.options.steps:
                chosen["ended_early"] = ENDED.format(fitted=fitted, steps=self.options.steps)
            if self.ending and watch.behind:
                chosen["behind_start"] = BEHIND.format(start=self.options.start, part=watch.behind)
        if done:
            y, weights = self.measured
            told["data_residual"] = relative(self.operator(volume) - y, y, weights)
            state = self._state()
        total = finishing(self.options) if self.ending else self.options.steps
        extra = {} if self.repair is None else self.repair.shown(self.top)
        if done and self.options.finer > 1 and self._over(total):
            fine = self.splitting.fit.field.values(self.options.finer)
            extra["finer"] = (fine.clamp(min=0) if self.options.positivity else fine) * self.top
        chosen |= {} if self.repair is None else self.repair.told()
        return Estimate(volume, self.splitting.step, total, "", told, state, chosen, extra)

    def _state(self) -> dict[str, Any]:
        watched = {} if self.watch is None else self.watch.state()
        state = {**self.splitting.state(), "first": self.first, "ending": self.ending, **watched}
        return state | ({} if self.repair is None else self.repair.state())

    def _over(self, total: int) -> bool:
        """Whether this is the last step of the run."""
        return self.splitting.step == total and (self.ending or self.watch is None)


def _expected(problem: Problem, options: FieldOptions, repairs: float) -> Stages:
    """The stages of a run, with the work that each is expected to take."""
    step = step_work(problem, options)
    expected = {STARTING: _start_work(problem, options), FITTING: options.steps * step + repairs}
    return Stages(expected | ({ENDING: finishing(options) * step} if options.stop else {}))


def finishing(options: FieldOptions) -> int:
    """Steps of the second fit."""
    return max(1, options.steps // FINISH)
