"""Every method of the registry holds what it must; methods that break a promise are told so."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import Estimate, Method
from fewview.methods.interface import Settled
from fewview.methods.registry import get_method, method_names
from fewview.options import Auto, Options, option
from fewview.testing import check_method

# What keeps runs short, and leaves out searches, which have tests of their own. What adapts joins all slices.
SHORT = {"samples": 2, "steps": 3, "iterations": 10, "weight": 1e-3, "sharpness": 0.0, "subset": 6, "t_start": 200}
SHORT |= {"guided_start": 200, "adaptation": "none", "beside_share": 0.0, "trust": 1.0, "start": "fbp"}
SHORT |= {"prior": "generic", "gamma": 0.5, "eta": 0.05, "guide_weight": 1.0, "smoothness": 1e-3, "tv_weight": 1e-3}
SHORT |= {"symmetries": False, "xray": True, "scale": 1.0, "start_iterations": 5}
FIELD = {"steps": 2, "inner": 1, "count": 200, "width": 16, "layers": 1, "residual": True}
OF_FAMILY = {"diffusion": {"steps": 2, "eta": 0.85, "gamma": 0.0}, "supervised": {"steps": 2}, "fields": FIELD}
# The three fixers' parts: one on the way and one at the end, one without held-out pixels, one as published.
OWN = {
    "inr": {"inner": 4},  # as many as bring so small a network near the first volume
    "diffnr-gaussian": {"fixer": "fixer", "repairs": 1},
    "diffnr-inr": {"fixer": "fixer", "stop": False},
    "diffnr-paper": {"enlarge": 1},
    "dinr-paper": {"layers": 2, "prefit": 3, "field_steps": 2, "field_inner": 1},
    "dps": {"samples": 1},
    "dpnp": {"samples": 1, "chain": 2},
    "ensemble": {"members": "sirt,cgls", "shares": "sirt=0.5,cgls=0.5"},
}


@pytest.mark.parametrize("name", sorted(method_names()))
def test_every_method_of_the_registry_holds_what_it_must(name):
    method = get_method(name)
    if method.family == "external" and method.missing():
        pytest.skip(str(method.missing()))
    assert method.missing() is None, "a method that cannot run is not tried"
    values = SHORT | OF_FAMILY.get(method.family, {}) | OWN.get(name, {})
    check_method(method, **{key: value for key, value in values.items() if method.options.knows(key)})


def test_settings_of_a_method_are_of_one_that_there_is():
    assert set(OWN) <= set(method_names())
    for name, settings in OWN.items():
        assert all(get_method(name).options.knows(key) for key in settings), name


class Knobs(Options):
    steps: int = option(4, "Steps", "How many steps are taken.", ge=1)


def landweber(problem, options, noise=0.0, slow=0.0):
    A, y = problem.operator, problem.data
    step = 1 / A.norm**2
    x = A.zeros(len(y)) if problem.state is None else problem.state["x"].clone()
    start = 0 if problem.state is None else int(problem.state["step"])
    weights = torch.ones_like(y) if problem.weights is None else problem.weights
    for k in range(start, options.steps):
        x = x + step * A.T(weights * (y - A(x))) + noise * torch.randn(x.shape, generator=torch.Generator())
        end = time.process_time() + slow
        while time.process_time() < end:
            pass
        yield Estimate(x, k + 1, options.steps, "iterating", state={"x": x, "step": k + 1})


GOOD = Method("landweber", "Landweber", "classical", "For tests.", "none", Knobs, landweber)


def test_a_method_of_another_package_need_not_be_registered():
    check_method(GOOD, steps=30)


class Open(Knobs):
    step: float | Auto = option("auto", "Step", "Of the descent, relative.", gt=0)


def forgetting(problem, options):
    yield Estimate(problem.operator.zeros(len(problem.data)), 0, 1)
    return Settled(options)


SETTLED_ON: list[float] = []


def fickle(problem, options):
    """Settles on something else each time."""
    SETTLED_ON.append(1 - 0.01 * len(SETTLED_ON))
    yield Estimate(problem.operator.zeros(len(problem.data)), 0, 1)
    return Settled(options.model_copy(update={"step": SETTLED_ON[-1]}))


def stepping(problem, options):
    for estimate in landweber(problem, options):
        yield replace(estimate, volume=estimate.volume * (1.0 if options.step == "auto" else options.step))


@pytest.mark.parametrize(
    ("tune", "told"), [(forgetting, "leaves step on auto"), (fickle, "ends elsewhere with what it was tuned to")]
)
def test_a_tuning_that_leaves_something_open_is_told(tune, told):
    open_ended = replace(GOOD, options=Open, solve=stepping, tune=tune)
    with pytest.raises(AssertionError, match=told):
        check_method(open_ended, steps=30)


def late(problem, options):
    *estimates, _last = landweber(problem, options)
    yield from estimates


def forgetful(problem, options):
    """Goes on from the start, whatever its state says."""
    for estimate in landweber(replace(problem, state=None), options):
        yield replace(estimate, volume=estimate.volume * (1.0 if problem.state is None else 1.001))


def neighbourly(problem, options):
    for estimate in landweber(problem, options):
        yield replace(estimate, volume=(estimate.volume + estimate.volume.mean(dim=0)) / 2)


def unlikely(problem, options):
    for estimate in landweber(problem, options):
        yield replace(estimate, volume=estimate.volume * np.nan)


def idle(problem, options):
    yield from landweber(problem, options, slow=0.6)


@pytest.mark.parametrize("buffers", [(0.5, 0.0), (12.0, 12.0)])
def test_a_forecast_that_is_too_low_or_too_high_is_told(buffers):
    with pytest.raises(AssertionError, match="were forecast"):
        check_method(replace(GOOD, buffers=buffers), steps=20)


@pytest.mark.parametrize(
    ("solve", "told"),
    [
        (late, "ends at step 29 of 30"),
        (forgetful, "ends elsewhere"),
        (neighbourly, "by slabs differs"),
        (unlikely, "not numbers"),
        (idle, "without looking at the stop flag"),
    ],
)
def test_what_is_broken_is_told(solve, told):
    steps = 3 if solve is idle else 30
    with pytest.raises(AssertionError, match=told):
        check_method(replace(GOOD, solve=solve), steps=steps)
