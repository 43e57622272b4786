"""A classical method beside the network: how much of it is taken, and the run takes it over."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.classical import tv
from fewview.methods.ensemble import partner
from fewview.methods.ensemble.stacking import cautious, share
from fewview.methods.selection.held_out import hold_out, prediction_errors
from fewview.methods.selection.picture import Picture
from fewview.quality import psnr


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=8, grid=32, slices=2, noise=0.01, pixel=0.05), seed=3)


@pytest.fixture
def split(problem):
    return hold_out(problem, 0.25)


def end_of(generator):
    """What a generator returns."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def test_the_weight_of_tv_is_the_one_that_predicts_best_alone(split, monkeypatch):
    given, held = split
    begun, attempt = [], tv.attempt

    def counted(problem, warm):
        begun.append(warm is not None)
        yield from attempt(problem, warm)

    monkeypatch.setattr(tv, "attempt", counted)
    options = get_method("d3ip").options(samples=1)
    poor = torch.zeros(1, 2, 32, 32)
    knows = replace(given, operator=held.operator, data=held.data, weights=held.weights)
    good = torch.as_tensor(reconstruct(knows, "cgls")[-1].volume)[None]
    found = end_of(partner.candidates(given, options, Picture(poor[0]), [0, 1]))
    assert begun == [False, *[True] * (len(partner.WEIGHTS) - 1)]
    assert partner.shared(held, good, found, options) == {"beside_share": 0.0}  # this knew the held-out views
    chosen = partner.shared(held, poor, found, options)
    errors = [sum(prediction_errors(held, candidate.volume)) for candidate in found]
    best = found[int(np.argmin(errors))]
    assert best is not found[0] and best is not found[-1]
    assert chosen == {"beside_share": cautious(share(held, poor, best.volume, 1)), **best.settings}


VALUES = {"steps": 3, "samples": 2, "adaptation": "none", "trust": 1.0}


def reconstruct(problem, name, **values):
    method = get_method(name)
    return list(method.run(problem, method.options(**values)))


def test_a_network_that_has_learnt_nothing_leaves_it_to_tv(problem, weights):
    values = {"prior": weights, **VALUES}
    alone = reconstruct(problem, "d3ip", **values, beside_share=0.0)[-1].volume
    estimates = reconstruct(problem, "d3ip", **values)
    last = estimates[-1]
    part, other = last.chosen["beside_share"], reconstruct(problem, "tv", weight=last.chosen["tv_weight"])[-1].volume
    other = torch.as_tensor(other)
    assert part > 0.4 and last.chosen["beside"] == "tv"
    assert psnr(last.volume, other) > psnr(alone, other) + 3
    torch.testing.assert_close(last.volume, (1 - part) * alone + part * other)
    state = next(e.state for e in estimates if e.step == 2 and e.state is not None)
    resumed = reconstruct(replace(problem, state=state), "d3ip", **values)[-1]
    assert torch.equal(resumed.volume, last.volume)


@pytest.mark.parametrize(("name", "setting"), [("tv", "tv_weight"), ("mbir", "mbir_sharpness")])
def test_the_user_may_say_which_and_slabs_take_it_over(problem, weights, name, setting):
    values = {"prior": weights, **VALUES, "beside": name}
    last = reconstruct(problem, "d3ip", **values)[-1]
    assert last.chosen["beside"] == name and last.chosen["beside_share"] > 0
    # Slabs after the first take over what was chosen: nothing is tried again.
    settled = {key: last.chosen[key] for key in ("beside_share", setting, "scale", "start_iterations")}
    again = reconstruct(problem, "d3ip", **values | settled)
    assert torch.equal(again[-1].volume, last.volume)
    assert not any("choosing settings" in e.stage or "choosing the weight" in e.stage for e in again)


def test_values_below_zero_are_kept_where_positivity_is_off(problem, weights):
    signed = replace(problem, data=-problem.data)
    values = {"prior": weights, **VALUES, "beside": "tv", "beside_share": 1.0, "positivity": False}
    last = reconstruct(signed, "d3ip", **values)[-1]
    assert float(last.volume.min()) < -0.5 and last.chosen["tv_weight"] > 0
