"""A time budget, by a pretended clock: what it leaves out, that it is kept, and that it is told."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from fewview.methods import Estimate, get_method, method_names, registry
from fewview.methods import budget as budgets
from fewview.methods.budget import BudgetOptions, OnePassOptions, Pacing, said
from fewview.methods.diffusion.pacing import lighter
from fewview.methods.interface import Method, Settled
from fewview.options import Auto, option


class Clock:
    """Only work lets time go by."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class SlowOptions(BudgetOptions):
    """Options of a slow method."""

    iterations: int = option(100, "Iterations", "More take longer.", ge=1)
    weight: float | Auto = option("auto", "Weight", "Larger is smoother.")


class Slow:
    """Two seconds for the choice, one before the first step, and then so many for each slice and step."""

    def __init__(self, clock: Clock, each: float = 0.5, choice: float = 2.0) -> None:
        self.clock, self.each, self.choice = clock, each, choice
        self.done: list[int] = []
        self.method = Method(
            name="slow",
            title="Slow",
            family="classical",
            summary="",
            source="",
            options=SlowOptions,
            solve=self.solve,
            tune=self.tune,
        )

    def tune(self, problem, options):
        for step in range(20):
            self.clock.now += self.choice / 20
            yield Estimate(torch.zeros(len(problem.data), 4, 4), step, 20, "choosing")
        return Settled(options.taking({"weight": 5.0}), {"weight": 5.0})

    def solve(self, problem, options) -> Iterator[Estimate]:
        self.clock.now += 1.0
        self.done.append(options.iterations)
        for step in range(1, options.iterations + 1):
            self.clock.now += self.each * len(problem.data)
            yield Estimate(torch.ones(len(problem.data), 4, 4), step, options.iterations, "", state={"step": step})


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(budgets, "clock", clock)
    return clock


@pytest.fixture
def problem(make_problem):
    return make_problem(views=3, grid=4)


def run(slow, problem, **values):
    """Last estimate, and the seconds that went by."""
    begun = slow.clock.now
    *_, last = slow.method.run(problem, slow.method.options(**values))
    return last, slow.clock.now - begun


@pytest.mark.parametrize("budget", [10.0, 20.0, 40.0])
def test_a_budget_is_kept_and_what_it_left_out_is_said(budget, clock, problem):
    slow = Slow(clock)
    last, seconds = run(slow, problem, budget=budget)
    assert 0.8 * budget <= seconds <= 1.2 * budget
    allowed = slow.done[-1]
    assert last.step == last.total == allowed < 100
    assert last.chosen["within_budget"] == f"The budget of {budget:g} s allowed {allowed} of 100 iterations."
    assert last.chosen["weight"] == 5.0


class Slowing(Slow):
    """Steps that take 15 % longer than those that the pace is measured on."""

    def solve(self, problem, options) -> Iterator[Estimate]:
        for estimate in super().solve(problem, options):
            self.clock.now += 0.15 * self.each * len(problem.data) * (options.iterations > budgets.PROBED)
            yield estimate


@pytest.mark.parametrize("budget", [20.0, 60.0])
def test_a_run_slower_than_its_pace_is_hardly_over_the_budget(budget, clock, problem):
    _, seconds = run(Slowing(clock), problem, budget=budget)
    assert 0.9 * budget <= seconds <= 1.08 * budget


def test_all_that_was_asked_is_done_where_it_just_fits(clock, problem):
    last, seconds = run(Slow(clock, each=0.16), problem, budget=21.0)
    assert last.step == 100 and budgets.AIM * 21 < seconds <= 21


class Fitted(Slow):
    """A starting image with steps of its own before the steps, a second fit of a quarter as many, and a repair."""

    def __init__(self, clock: Clock, each: float = 0.5) -> None:
        super().__init__(clock, each)
        pacing = Pacing(cost=lambda problem, options: options.iterations + options.iterations // 4)
        self.method = replace(self.method, pacing=pacing)

    def solve(self, problem, options) -> Iterator[Estimate]:
        volume = torch.ones(len(problem.data), 4, 4)
        for step in range(1, 601):
            self.clock.now += 0.005
            yield Estimate(volume, step, 600, "starting image")
        yield from super().solve(problem, options)
        for step in range(1, options.iterations // 4 + 1):
            self.clock.now += self.each * len(problem.data)
            yield Estimate(volume, step, options.iterations // 4, "ending")
        self.clock.now += 3.0
        yield Estimate(volume, options.iterations // 4, options.iterations // 4, "ending")


@pytest.mark.parametrize("budget", [40.0, 60.0])
def test_only_the_steps_themselves_count_as_steps(budget, clock, problem):
    _, seconds = run(Fitted(clock), problem, budget=budget)
    assert 0.8 * budget <= seconds <= 1.2 * budget


class Begun(Slow):
    """Ten seconds for a start, which a run can go on from."""

    def __init__(self, clock: Clock, each: float = 0.5) -> None:
        super().__init__(clock, each)
        self.starts = 0
        self.method = replace(self.method, pacing=Pacing(keeps_start=True))

    def solve(self, problem, options) -> Iterator[Estimate]:
        if problem.state is None:
            self.starts += 1
            self.clock.now += 10.0
            volume = torch.ones(len(problem.data), 4, 4)
            yield Estimate(volume, 0, options.iterations, "starting image", state={"first": volume})
        yield from super().solve(problem, options)


def test_the_start_that_the_pace_was_measured_with_is_not_made_again(clock, problem):
    slow = Begun(clock)
    last, seconds = run(slow, problem, budget=30.0)
    assert slow.starts == 1 and 24 <= seconds <= 36
    assert last.step == slow.done[-1] > 20
    slab = replace(problem, stack=type("Stack", (), {"slices": 1})())
    assert slow.method.settle(slab, slow.method.options(budget=30.0)).state is None  # each slab begins anew


def test_a_cheap_method_ends_early_and_says_so(clock, problem):
    last, seconds = run(Slow(clock, each=0.01), problem, budget=60.0)
    assert last.step == 100 and seconds < 10
    assert "sufficed for all that was asked" in last.chosen["within_budget"]


def test_without_a_budget_nothing_is_measured(clock, problem):
    slow = Slow(clock)
    last, seconds = run(slow, problem)
    assert seconds == pytest.approx(53.0) and slow.done == [100]
    assert "within_budget" not in last.chosen


def test_too_small_a_budget_does_the_least_and_says_what_that_takes(clock, problem):
    last, _ = run(Slow(clock, each=5.0), problem, budget=3.0, weight=1.0)
    assert last.step == 1
    assert last.chosen["within_budget"].startswith("The budget of 3 s is too small: the least that can be done (1 of")


def test_choosing_ends_where_it_would_take_most_of_the_time(clock, problem):
    slow = Slow(clock, choice=1000.0)
    last, _ = run(slow, problem, budget=200.0)
    assert "weight" not in last.chosen
    settled = slow.method.settle(problem, slow.method.options(budget=200.0))
    assert settled.options.weight == budgets.MIDDLING["weight"]


def test_all_slabs_get_the_same_and_together_keep_the_budget(clock, problem):
    class Stack:
        slices = 4

    slow = Slow(clock, each=0.1)
    slab = replace(problem, stack=Stack())
    begun = clock.now
    settled = slow.method.settle(slab, slow.method.options(budget=20.0))
    assert settled.options.budget is None and settled.options.iterations < 100
    for _ in range(4):
        list(slow.method.run(slab, settled.options))
    assert 16 <= clock.now - begun <= 24


def test_what_is_resumed_is_not_measured_again(clock, problem):
    slow = Slow(clock)
    options = slow.method.options(budget=20.0)
    estimate = next(e for e in slow.method.run(problem, options) if e.state is not None)
    before = list(slow.done)
    resumed = next(slow.method.run(replace(problem, state=estimate.state), options))
    assert slow.done[len(before) :] == [before[-1]]
    assert resumed.chosen["within_budget"] == estimate.chosen["within_budget"]


def test_every_method_has_a_budget_and_can_do_less_or_says_that_it_changes_nothing():
    for name in method_names():
        method = get_method(name)
        options = method.options()
        assert isinstance(options, BudgetOptions), name
        if isinstance(options, OnePassOptions):
            assert (
                budgets.counted(options) == ""
                and "nothing to leave out" in method.options.model_fields["budget"].description
            )
            continue
        settled = options.taking(budgets.middling(options))
        if name == "ensemble":
            settled = options.taking({"shares": "sirt=1,cgls=1", "settings": '{"cgls": {"iterations": 9}}'})
        least = method.pacing.lighter(settled, 0.0)
        assert least != settled and type(options).parse(least.model_dump()) == least, name


@pytest.mark.parametrize("options", [{}, {"cutoff": 0.8}])
def test_one_pass_says_that_a_budget_changes_nothing(options, make_problem):
    problem, fbp = make_problem(views=5, grid=16), get_method("fbp")
    *_, plain = fbp.run(problem, fbp.options(**options))
    *_, last = fbp.run(problem, fbp.options(budget=0.001, **options))
    assert torch.equal(last.volume, plain.volume)
    assert last.chosen["within_budget"] == (
        "The budget of 0.001 s changes nothing: this method goes over the measurement once."
    )


@pytest.mark.parametrize("budget", [20.0, 60.0])
def test_an_ensemble_keeps_its_budget_and_each_member_does_less(budget, clock, problem, monkeypatch):
    slow = {name: Slow(clock, each) for name, each in (("one", 0.2), ("two", 0.6))}
    known = {name: replace(made.method, name=name, title=name) for name, made in slow.items()}
    monkeypatch.setattr(registry, "get_method", known.get)
    ensemble, begun = get_method("ensemble"), clock.now
    *_, last = ensemble.run(problem, ensemble.options(shares="one=1,two=3", budget=budget))
    assert 0.8 * budget <= clock.now - begun <= 1.2 * budget
    allowed = [made.done[-1] for made in slow.values()]
    assert all(1 < steps < 100 for steps in allowed) and abs(allowed[0] - allowed[1]) <= 1
    assert last.chosen["within_budget"] == f"The budget of {budget:g} s allowed settings that take less time."
    assert float(last.volume.mean()) == 1.0
    assert budgets.fewer_steps(get_method("cls-dm").options(), 0.0).steps == 2


def test_a_diffusion_gives_up_samples_and_steps_alike():
    options = get_method("d3ip").options(budget=30.0)
    works = []
    for part in (1.0, 0.5, 0.25, 0.05, 0.0):
        less = lighter(options, part)
        works.append(less.steps * less.samples)
        assert less.samples >= 2 and 1 <= less.steps <= 16
        assert abs(works[-1] - 128 * part) <= max(0.2 * 128 * part, 8)
    assert works == sorted(works, reverse=True) and works[0] == 128
    alone = lighter(get_method("dds").options(), 0.5)
    assert (alone.samples, alone.steps) == (1, 25)


@pytest.mark.parametrize("name", ["dps", "pigdm"])
def test_a_sampler_that_needs_its_steps_gives_up_samples_first(name):
    method = get_method(name)
    asked = method.options(budget=30.0)
    for part, samples, steps in ((0.5, 4, 1.0), (0.25, 2, 1.0), (0.1, 2, 0.4), (0.0, 2, 0.0)):
        less = method.pacing.lighter(asked, part)
        assert (less.samples, less.steps) == (samples, max(1, round(steps * asked.steps))), part


class SampledOptions(SlowOptions):
    """Options of a slow sampler."""

    samples: int = option(8, "Samples", "More take longer.", ge=1)


class Sampling(Slow):
    """Ten seconds before the first step, and steps that take so long for each sample."""

    def __init__(self, clock: Clock, each: float = 0.5) -> None:
        super().__init__(clock, each)
        pacing = Pacing(
            lambda options, part: options.taking({"iterations": max(1, round(part * options.iterations))}),
            lambda problem, options: options.iterations * options.samples,
            lambda options: options.taking({"iterations": 4, "samples": 2}),
            alike=True,
        )
        self.method = replace(self.method, options=SampledOptions, pacing=pacing)

    def solve(self, problem, options) -> Iterator[Estimate]:
        self.done.append(options.iterations)
        self.clock.now += 10.0
        for step in range(1, options.iterations + 1):
            self.clock.now += self.each * options.samples
            yield Estimate(torch.ones(len(problem.data), 4, 4), step, options.iterations)
        self.clock.now += 2.0


@pytest.mark.parametrize("budget", [60.0, 200.0])
def test_what_does_not_grow_with_the_steps_of_fewer_samples_counts_once(budget, clock, problem):
    _, seconds = run(Sampling(clock), problem, budget=budget)
    assert 0.8 * budget <= seconds <= 1.05 * budget


def test_it_is_said_in_full_sentences():
    asked = get_method("d3ip").options()
    assert said(30, 28, asked, asked.taking({"steps": 9})) == "The budget of 30 s allowed 9 of 16 steps."
    told = said(30, 28, asked, asked.taking({"steps": 9, "samples": 4}))
    assert told == "The budget of 30 s allowed 9 of 16 steps and 4 of 8 samples."
