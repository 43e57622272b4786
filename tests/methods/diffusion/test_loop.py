"""The loop: closed forms, resuming, promises of an estimate, and one real reconstruction with the shipped weights."""

import itertools
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods import Problem, get_method
from fewview.methods.diffusion.loop import ReverseProcess, diffuse
from fewview.methods.diffusion.parts import Parts
from fewview.methods.diffusion.renoise import slerp
from fewview.methods.diffusion.schedule import levels
from fewview.methods.inverse.consistency import PlainCG
from fewview.methods.inverse.normalised import scaled
from fewview.methods.selection import picture
from fewview.methods.slices import SliceNoise
from fewview.operators import parallel_beam
from fewview.quality import psnr, ssim

OURS = ("d3ip", "d3ip-generic")
PUBLISHED = ("dds", "scd", "ddip", "d3ip-paper")
CHEAP = {"beside": "tv", "tv_weight": 0.003}  # nothing to tune
FIXED = {"adaptation": "none", "trust": 1.0, "t_start": 300, "beside_share": 0.0}


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=12, grid=48, slices=3, noise=0.01, pixel=0.05), seed=3)


class Identity:
    """Believes that what it is given is clean."""

    slices = 3

    def all(self, x_t, abar, data):
        return x_t / abar**0.5, torch.zeros_like(x_t)


def run(name, problem, **values):
    method = get_method(name)
    return method.run(problem, method.options(**values))


def copied(state):
    """As a checkpoint does: the method goes on in the same memory."""
    return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in state.items()}


def test_without_noise_and_prior_it_is_cg(problem):
    data = scaled(problem, 1.0)
    parts = Parts(levels(10, 980), Identity(), PlainCG(5), slerp(0.0))
    nothing = torch.zeros(3, 48, 48)
    process = ReverseProcess(nothing, nothing, SliceNoise(0, 3))
    events = list(diffuse(parts, data, process))
    assert len(events) == process.step == 10 and all(event.done for event in events)
    *_, expected = PlainCG(5).solve(nothing, data, parts.levels[0])
    for level in parts.levels[1:]:
        *_, expected = PlainCG(5).solve(expected, data, level)
    torch.testing.assert_close(process.x, expected, atol=1e-3, rtol=0)
    assert float(data.mean_square(process.x)) < 1e-3 * float(data.mean_square(nothing))


class Louder:
    """A guide that adds 1 to everything, at every second level."""

    def __init__(self):
        self.heard = []

    def due(self, level):
        return level.index % 2 == 0

    proposal = None

    def consider(self, x, data, level):
        self.heard.append(level.index)
        return x + 1.0

    def state(self):
        return {}

    def restore(self, state):
        pass


def test_a_guide_is_heard_and_then_checked_by_the_data(problem):
    data, guide = scaled(problem, 1.0), Louder()
    parts = Parts(levels(5, 980), Identity(), PlainCG(20), slerp(0.0), proposers=[guide])
    nothing = torch.zeros(3, 48, 48)
    process = ReverseProcess(nothing, nothing, SliceNoise(0, 3))
    list(diffuse(parts, data, process))
    assert guide.heard == [0, 2]  # due at 4, too: the last level belongs to the data
    assert float(data.mean_square(process.x)) < 0.01 * float(data.mean_square(nothing))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("d3ip", {"samples": 2, "inner": 3, "adaptation": "lora+biases", "trust": 1.0}),
        ("d3ip", {"samples": 2, "adaptation": "none", "consistency": "tv-z", "t_start": 300}),
        ("d3ip", {"samples": 1, "adaptation": "none", "calls": 3}),
        ("scd", {"inner": 2, "every": 1}),
    ],
)
def test_resumed_runs_end_bit_equal(name, values, problem, weights):
    values = {**values, "prior": weights, "steps": 6, **CHEAP}
    *_, expected = run(name, problem, **values)
    state = None
    for stop in (2, 5, 6):
        for estimate in run(name, replace(problem, state=state), **values):
            if estimate.step == stop and estimate.state is not None:
                break
        state = copied(estimate.state)
    assert torch.equal(estimate.volume, expected.volume)
    assert estimate.chosen == expected.chosen


def test_a_slow_step_shows_what_there_is_so_far_and_ends_alike(problem, weights, monkeypatch):
    values = {"prior": weights, "steps": 2, "samples": 3, **FIXED, **CHEAP}
    quick = list(run("d3ip", problem, **values))
    now = itertools.count(step=2.0)  # whenever one looks at the clock, two seconds have gone by
    monkeypatch.setattr(picture, "clock", lambda: float(next(now)))
    slow = list(run("d3ip", problem, **values))
    on_the_way = [estimate for estimate in slow if estimate.stage.endswith(("denoising", "data step"))]
    assert len({estimate.stage for estimate in on_the_way}) == 2
    assert all(estimate.state is None for estimate in on_the_way)
    assert all(float((a.volume - b.volume).abs().max()) > 0 for a, b in pairwise(on_the_way))
    ending = [estimate for estimate in slow if estimate.step == 2]
    assert len(ending) > 3 and [estimate.state is not None for estimate in ending][-2:] == [False, True]
    assert torch.equal(slow[-1].volume, quick[-1].volume) and slow[-1].chosen == quick[-1].chosen
    assert len(quick) < len(slow)


@pytest.mark.parametrize("name", [*OURS, *PUBLISHED])
def test_every_composition_runs_and_fits_the_data(name, problem, weights):
    method = get_method(name)
    short = {"prior": weights, "steps": 5, "inner": 2, "every": 2, **CHEAP}
    if name != "dds":
        short["adaptation"] = "lora" if name == "scd" else "lora+biases"
    estimates, seen = [], 0
    for estimate in method.run(problem, method.options(**short)):
        assert estimate.step <= estimate.total
        assert estimate.volume.shape == (3, 48, 48)
        estimates.append(estimate.stage)
        seen += estimate.state is not None
    assert estimates[0].startswith("starting image") and seen == 5
    assert any("adapting" in stage for stage in estimates) == (name != "dds")
    assert estimate.step == estimate.total == 5
    assert torch.isfinite(estimate.volume).all() and float(estimate.volume.min()) >= 0
    assert estimate.chosen["scale"] == pytest.approx(1.4 * 1.1, rel=0.25)
    residual = problem.operator(estimate.volume) - problem.data
    assert estimate.scalars["data_residual"] == pytest.approx(float(residual.norm() / problem.data.norm()), rel=1e-3)
    # ours weighs in a network that has learnt nothing; the published ones go by the data alone
    assert estimate.scalars["data_residual"] < (0.4 if name in OURS else 0.15)


def test_the_same_seed_gives_the_same_volume_and_another_one_another(problem, weights):
    values = {"prior": weights, "steps": 3, "samples": 2, **FIXED}
    one, again, other = (list(run("d3ip", replace(problem, seed=s), **values))[-1].volume for s in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_samples_bring_their_standard_deviation(problem, weights):
    values = {"prior": weights, "steps": 3, **FIXED}
    *_, four = run("d3ip", problem, samples=4, **values)
    *_, one = run("d3ip", problem, samples=1, **values)
    assert four.extra["std"].shape == four.volume.shape and float(four.extra["std"].max()) > 0
    assert not one.extra


def test_what_is_settled_leads_to_the_same_volume_when_given(problem, weights):
    values = {"prior": weights, "steps": 2, "samples": 1, "beside_share": "auto"}
    *_, last = run("d3ip", problem, **values)
    given = {
        key: last.chosen[key] for key in ("beside_share", "beside", "tv_weight", "scale", "trust") if key in last.chosen
    }
    *_, again = run("d3ip", problem, **values | given)
    assert torch.equal(again.volume, last.volume)


def test_recipes_of_when_more_was_asked_still_run():
    options = get_method("d3ip").options
    old = options.parse({"trust": "auto", "beside": "auto", "beside_share": 0.3, "adaptation": "auto"})
    assert (old.trust, old.partner.kind, old.share, old.adaptation.kind) == ("auto", "tv", 0.3, "none")
    assert options.parse({"partner": {"kind": "auto", "share": 0.3}}) == options.parse({"beside_share": 0.3})
    with pytest.raises(OptionError, match="Choose one of tv, none, mbir"):
        options.parse({"beside": "sart"})


@pytest.mark.parametrize(
    "values",
    [
        {"adaptation": "lora", "withhold": False},
        {"adaptation": {"kind": "lora", "withhold": False}},
        {"adaptation": "lora", "adaptation.withhold": "false"},
    ],
)
def test_held_out_views_of_the_adaptation_answer_to_their_old_name(values):
    options = get_method("d3ip").options.parse(values)
    assert options.changes() == {"adaptation.kind": "lora", "adaptation.held_out": False}


OLD, ADAPTED = {"adaptation": "auto"}, {"adaptation": "lora+biases", "inner": 2, "every": 1}


def test_nothing_is_adapted_unless_one_asks_for_it(problem, weights):
    """Recipes of when held-out views were asked said "auto"."""
    values = {"prior": weights, "steps": 2, "samples": 1, "trust": 1.0, "beside_share": 0.0}
    plain, old, adapted = (list(run("d3ip", problem, **values, **more))[-1] for more in ({}, OLD, ADAPTED))
    assert torch.equal(plain.volume, old.volume) and not torch.equal(plain.volume, adapted.volume)
    assert get_method("d3ip").options(adaptation={"kind": "auto"}).adaptation.kind == "none"


def test_held_out_views_choose_the_prior(problem, weights, monkeypatch):
    names = (weights, "materials")  # the first has learnt nothing
    monkeypatch.setattr("fewview.methods.diffusion.open_settings.PRIORS", names)
    *_, last = run("d3ip", problem, steps=2, samples=2, adaptation="none", beside_share=0.0)
    assert last.chosen["prior"] == "materials"
    errors = dict(last.chosen["prior_curve"])
    assert errors["materials"] < errors[weights]


def test_units_do_not_matter(problem, weights):
    values = {"prior": weights, "steps": 3, "samples": 1, **FIXED, "beside_share": "auto", **CHEAP}
    *_, in_mm = run("d3ip", problem, **values)
    A = parallel_beam(problem.operator.angles, columns=48, axis=23.5, pixel=1.0)
    *_, per_pixel = run("d3ip", replace(problem, operator=A), **values)
    torch.testing.assert_close(in_mm.volume * 0.05, per_pixel.volume, rtol=1e-2, atol=2e-3)


def test_empty_data_give_an_empty_image(problem, weights):
    *_, last = run("d3ip", replace(problem, data=torch.zeros_like(problem.data)), prior=weights)
    assert last.volume.abs().max() == 0 and last.step == last.total


def test_what_lies_under_weight_zero_does_not_matter(problem, weights):
    mask = torch.ones_like(problem.data)
    mask[:, :, 30] = 0
    mask[:, 5] = 0
    values = {"prior": weights, "steps": 2, "samples": 1, "inner": 1, "trust": 1.0, "adaptation": "lora", **CHEAP}
    volumes = []
    for garbage in (0.0, 1e6, float("nan")):
        data = torch.where(mask > 0, problem.data, torch.full_like(problem.data, garbage))
        volumes.append(list(run("d3ip", replace(problem, data=data, weights=mask), **values))[-1].volume)
    assert torch.equal(volumes[0], volumes[1]) and torch.equal(volumes[0], volumes[2])


def test_slices_hang_together_only_where_something_couples_them():
    method = get_method("d3ip")
    assert method.neighbours(method.options(adaptation="lora")) is None
    assert method.neighbours(method.options(adaptation="none")) == 4  # twice the reach of a network of five slices
    assert method.neighbours(method.options(adaptation="none", consistency="tv-z")) is None
    assert get_method("dds").neighbours(get_method("dds").options()) == 4


def test_published_defaults():
    def defaults(method, names):
        options = get_method(method).options()
        return tuple(options.value(name) for name in names.split())

    assert defaults("d3ip-paper", "steps inner rank slices rate") == (50, 10, 4, 3, 1e-3)
    assert defaults("d3ip-paper", "noise eta data_steps loss_steps start") == ("slerp", 0.85, 5, 1, "fbp")
    assert defaults("scd", "steps inner rank rate every eta") == (100, 12, 8, 1e-4, 20, 0.2)
    assert defaults("scd", "direction adaptation persistent noise") == ("base", "lora", True, "ddim")
    assert defaults("ddip", "loss_steps") == (5,) and defaults("dds", "adaptation") == ("none",)


def test_a_default_for_an_option_that_there_is_not_is_an_error():
    with pytest.raises(OptionError, match="no option 'stepz'"):
        get_method("d3ip").options.parse({"stepz": 3})


def test_missing_weights_are_said_before_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr("fewview.models.weights.SHIPPED", tmp_path)
    assert "fewview train prior --kind generic" in get_method("d3ip").missing()


@pytest.mark.parametrize("method", ["d3ip"])
def test_the_shipped_prior_beats_fbp_clearly(method):
    from fewview.simulate import Simulation, simulate

    made = simulate(Simulation(size=64, depth=4, views=16, xray_views=0, seed=100_007))
    frames = np.maximum(made.neutron.projections, 1).swapaxes(0, 1)
    flat = made.neutron.flats.mean(axis=0)[:, None]
    weights = torch.tensor(frames / frames.mean(), dtype=torch.float32)
    A = parallel_beam(made.neutron.angles, columns=64, axis=31.5, pixel=made.pixel)
    problem = Problem(A, torch.tensor(-np.log(frames / flat), dtype=torch.float32), weights)
    *_, fbp = run("fbp", problem)
    values = {"steps": 6, "samples": 2, "adaptation": "none", "trust": 1.0, "t_start": 350}
    *_, ours = run(method, problem, **values)
    truth = made.truth_neutron
    assert psnr(ours.volume, truth) > psnr(fbp.volume, truth) + 3
    assert ssim(ours.volume, truth) > ssim(fbp.volume, truth) + 0.05
