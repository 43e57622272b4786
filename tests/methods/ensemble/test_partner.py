"""A classical method beside the network: the better one is taken, and the run takes it over."""

from dataclasses import replace

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.classical import tv
from fewview.methods.ensemble import partner as beside
from fewview.methods.ensemble.coarse_look import WEIGHTS, Look
from fewview.methods.selection.held_out import hold_out
from fewview.methods.selection.picture import Picture
from fewview.quality import psnr


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=8, grid=32, slices=2, noise=0.01, pixel=0.05), seed=3)


@pytest.fixture
def split(problem):
    return hold_out(problem, 0.25)


@pytest.mark.parametrize("better", ["tv", "mbir"])
@pytest.mark.parametrize("wanted", ["auto", 0.05])
def test_auto_takes_the_one_that_predicts_better(split, monkeypatch, better, wanted):
    given, held = split
    exact, generator = torch.zeros(2, 32, 32), torch.Generator().manual_seed(6)

    def off(by):
        return exact + by * torch.randn(2, 32, 32, generator=generator)

    def tuned_and_reconstructed(given, name, options, picture):
        yield from ()
        return off(0.05 if name == better else 0.2), {f"of_{name}": 1.0}

    options = get_method("d3ip").options(
        beside_share=wanted
    )  # loads what takes the function by name: before it is replaced
    monkeypatch.setattr(beside, "tuned_and_reconstructed", tuned_and_reconstructed)
    found = beside.tuned(given, held, off(0.2)[None].repeat(2, 1, 1, 1), options, Picture(exact))
    with pytest.raises(StopIteration) as end:
        next(found)
    chosen = end.value.value
    assert chosen["beside"] == better and chosen[f"of_{better}"] == 1.0
    assert chosen["beside_share"] == wanted if wanted != "auto" else chosen["beside_share"] > 0.5


def test_a_coarse_look_says_whether_any_weight_helps_and_solves_none_twice(split, monkeypatch):
    given, held = split
    solved, attempt = [], tv.attempt

    def counted(problem, warm):
        solved.append(warm is not None)
        yield from attempt(problem, warm)

    monkeypatch.setattr(tv, "attempt", counted)
    options = get_method("d3ip").options(samples=1)
    poor = torch.zeros(1, 2, 32, 32)
    good = reconstruct(replace(given, operator=held.operator, data=held.data, weights=held.weights), "cgls")[-1].volume

    def ask(look, samples):
        asked = look.may_help(torch.as_tensor(samples).reshape(1, 2, 32, 32))
        while True:
            try:
                assert next(asked).volume is picture.volume
            except StopIteration as end:
                return end.value

    picture = Picture(poor[0])
    look = Look(given, held, options, picture)
    assert ask(look, poor) and solved == [False]  # the strongest TV helps: nothing further is asked
    assert not ask(look, good) and solved == [False, *[True] * (len(WEIGHTS) - 1)]  # this knew the held-out views
    assert ask(look, poor) and not ask(look, good) and len(solved) == len(WEIGHTS)
    settled = options.taking({"tv_weight": 0.01})
    assert ask(Look(given, held, settled, picture), good)  # the user's word: nothing to look at


VALUES = {"steps": 3, "samples": 2, "adaptation": "none", "trust": 1.0}


def reconstruct(problem, name, **values):
    method = get_method(name)
    return list(method.run(problem, method.options(**values)))


def test_a_network_that_has_learnt_nothing_leaves_it_to_tv_or_mbir(problem, weights):
    values = {"prior": weights, **VALUES}
    alone = reconstruct(problem, "d3ip", **values, beside_share=0.0)[-1].volume
    estimates = reconstruct(problem, "d3ip", **values)
    last, tv, mbir = estimates[-1], *(reconstruct(problem, name)[-1].volume for name in ("tv", "mbir"))
    part, name = last.chosen["beside_share"], last.chosen["beside"]
    assert part > 0.5
    taken = tv if name == "tv" else mbir
    assert psnr(last.volume, taken) > psnr(alone, taken) + 3
    setting = {"weight": last.chosen["tv_weight"]} if name == "tv" else {"sharpness": last.chosen["mbir_sharpness"]}
    other = torch.as_tensor(reconstruct(problem, name, **setting)[-1].volume)
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
    settled = {key: last.chosen[key] for key in ("beside_share", setting, "trust", "scale", "start_iterations")}
    again = reconstruct(problem, "d3ip", **values | settled)
    assert torch.equal(again[-1].volume, last.volume)
    assert not any("choosing settings" in e.stage or "choosing the weight" in e.stage for e in again)


def test_values_below_zero_are_kept_where_positivity_is_off(problem, weights):
    signed = replace(problem, data=-problem.data)
    values = {"prior": weights, **VALUES, "beside": "tv", "beside_share": 1.0, "positivity": False}
    last = reconstruct(signed, "d3ip", **values)[-1]
    assert float(last.volume.min()) < -0.5 and last.chosen["tv_weight"] > 0
