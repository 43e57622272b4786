"""CLS-DM: rounds, the latent space in the one loop, samples that fit the views, and what it says of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from fewview.methods import budget, get_method
from fewview.methods.interface import Problem
from fewview.methods.latent.graininess import open_deviation
from fewview.methods.latent.space import AGAIN, LatentSpace, ends_round, renewing, rounds_of
from fewview.models.latent.denoiser import signal
from fewview.models.latent.model import LatentConfig, LatentModel, load_latent
from fewview.models.weights import save_network
from fewview.operators import fan_beam, parallel_beam

SHORT = {"samples": 3, "steps": 4, "rounds": 1}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("latent") / "small.safetensors"
    save_network(LatentModel(LatentConfig(side=16, width=8, denoiser=8)), path, {"figures": {"unexplained": 0.001}})
    return str(path)


def _problem(A):
    truth = torch.zeros(16, A.grid, A.grid)
    truth[3:13, 4:-4, 5:-5] = 0.05
    truth[6:9, 6:8, 6:8] = 0.1
    return Problem(A, A(truth))


def _last(problem, weights, name="cls-dm", **more):
    method = get_method(name)
    estimates = list(method.run(problem, method.options(weights=weights, **{**SHORT, **more})))
    return estimates[-1], estimates


def test_rounds_go_down_and_begin_again():
    levels = rounds_of(9, 2)
    assert [level.index for level in levels] == list(range(9 + 2 * 3))
    assert [k for k, level in enumerate(levels) if ends_round(level)] == [8, 11, 14]
    assert levels[-1].last and levels[9].abar == pytest.approx(float(signal(torch.tensor(AGAIN))))
    for before, after in pairwise(levels):
        assert before.abar_next == after.abar
        new, old = renewing(before)
        assert new**2 + old**2 == pytest.approx(1 - before.abar_next) and new * old == 0


def test_planes_of_latents_are_decoded_copy_by_copy():
    torch.manual_seed(1)
    model = LatentModel(LatentConfig(side=16, width=8, denoiser=8)).requires_grad_(False)
    space = LatentSpace(model, (16, 16, 16), True, lambda: None)
    z = torch.randn(2, 4, 4, 4, 4)
    images = space.decode(z.reshape(-1, 4, 4))
    assert images.shape == (32, 16, 16)
    assert torch.allclose(images.reshape(2, 1, 16, 16, 16), model.decode(z), atol=1e-5)
    assert torch.allclose(space.volumes(space.encode(images)), model.encode(model.decode(z)), atol=1e-4)


@pytest.mark.parametrize(
    "A",
    [
        parallel_beam(np.array([0.0, np.pi / 2]), 16, 16),
        parallel_beam(np.array([0.2, 1.1, 2.5]), 24, 20),
        fan_beam(np.array([0.0, 2.0, 4.0]), 24, sod=100.0, sdd=150.0, pixel=1.5),
    ],
    ids=["two", "three", "fan"],
)
def test_every_sample_fits_the_views_whatever_the_network_says(A, weights):
    problem = _problem(A)
    last, _ = _last(problem, weights, positivity=False, answer="network")
    for volume in (last.volume, *(last.extra[f"sample_{k}"] for k in (1, 2, 3))):
        assert (A(volume) - problem.data).norm() < 0.02 * problem.data.norm()
    assert last.extra["std"].shape == last.volume.shape and last.extra["std"].max() > 0


@pytest.mark.parametrize("weighted", [False, True])
def test_the_views_are_met_to_their_noise_and_no_closer(weights, weighted):
    A = parallel_beam(np.array([0.0, np.pi / 2]), 16, 16)
    problem, noise = _problem(A), 0.01
    drawn = noise * torch.randn(problem.data.shape, generator=torch.Generator().manual_seed(5))
    counts = torch.ones_like(drawn)
    if weighted:
        counts[:, :, ::2] = 0.25
    counts = counts / counts.mean()
    problem = replace(problem, data=problem.data + drawn / counts.sqrt(), weights=counts if weighted else None)
    last, _ = _last(problem, weights, positivity=False, answer="network")
    for k in (1, 2, 3):
        off = (A(last.extra[f"sample_{k}"]) - problem.data).square() * counts
        assert 0.7 * noise < off.mean() ** 0.5 < 1.3 * noise


@pytest.mark.parametrize("angles", [(0.0, 0.5), (0.0, 0.25, 0.5, 0.75)])
def test_without_negative_values_the_mean_fits_the_views_as_well(weights, angles):
    """Clipped alone, or fitted with a weight that the volume's regression suggests, it would not."""
    A = parallel_beam(np.array(angles) * np.pi, 16, 16)
    problem, noise = _problem(A), 0.01
    drawn = noise * torch.randn(problem.data.shape, generator=torch.Generator().manual_seed(5))
    last, _ = _last(replace(problem, data=problem.data + drawn), weights, answer="network")
    signed, _ = _last(replace(problem, data=problem.data + drawn), weights, answer="network", positivity=False)
    assert signed.volume.min() < 0 <= last.volume.min()

    def left(volume):
        return float((A(volume) - problem.data - drawn).square().mean()) ** 0.5

    assert left(signed.volume.clamp(min=0)) > 1.3 * noise > left(last.volume)


def test_the_paper_has_no_data_step(weights):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    last, estimates = _last(problem, weights, "cls-dm-paper", samples=1, rounds=0, tv_weight=1e-3)
    assert last.scalars["data_residual"] > 0.05 and "std" not in last.extra and len(estimates) == 1 + 4


def test_it_says_what_two_views_cannot_know(weights):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    last, estimates = _last(problem, weights, answer="network", tv_weight=1e-3)
    said = last.chosen["outside_training"]
    assert "do not use this result" in said[0] and "leave open comes from the volumes" in said[1]
    assert estimates[0].stage == "aligned" and estimates[0].step == 0


def test_a_sample_unlike_the_training_gets_total_variation_and_is_told_so(weights):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    last, _ = _last(problem, weights, tv_weight=1e-3)
    assert last.chosen["answer"] == "tv" and "do not determine this sample" in last.chosen["outside_training"][0]
    *_, tv = get_method("tv").run(problem, get_method("tv").options(weight=1e-3))
    assert torch.equal(last.volume, tv.volume) and last.step == last.total
    inside = last.volume > 0.5 * last.volume.max()
    assert last.extra["std"][inside].min() > 0 and "sample_1" not in last.extra


@pytest.mark.parametrize(
    ("views", "said"),
    [
        (1, "1 view does not determine this sample;"),
        (3, "3 views do not determine this sample;"),
        (12, "The scan has 12 views; the network was trained for 2 to 8. With so many views choose another method"),
    ],
)
def test_what_the_views_are_said_to_determine_depends_on_how_many_they_are(views, said, weights):
    angles = np.pi * np.arange(views) / views
    last, _ = _last(_problem(parallel_beam(angles, 16, 16)), weights, answer="tv", tv_weight=1e-3)
    (told,) = last.chosen["outside_training"]
    assert told.startswith(said)


def test_a_budget_leaves_out_calls_of_the_network_and_nothing_of_total_variation(weights, monkeypatch):
    """By a pretended clock: two seconds before the first of all calls, and one for each of them."""
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    method, clock = get_method("cls-dm"), [0.0]
    monkeypatch.setattr(budget, "clock", lambda: clock[0])

    def solve(given, options):
        clock[0] += 2
        for estimate in method.solve(given, options):
            clock[0] += estimate.step > 0 and estimate.state is not None
            yield estimate

    timed = replace(method, solve=solve)
    asked = method.options(weights=weights, samples=1, steps=24, rounds=2, answer="network", budget=30)
    *_, last = timed.run(problem, asked)
    assert 24 <= clock[0] <= 36 and "of 24 steps" in last.chosen["within_budget"]
    *_, last = method.run(problem, asked.taking({"answer": "tv", "tv_weight": 1e-3}))
    assert last.chosen["within_budget"].startswith("The budget of 30 s changes nothing")


def _of_spots(A, side, part, seed=0):
    """Cubes of four voxels a side, attenuation 1, that fill a part of the volume; and their views."""
    spots = torch.rand(side // 4, side // 4, side // 4, generator=torch.Generator().manual_seed(seed)) < part
    truth = spots.float().repeat_interleave(4, 0).repeat_interleave(4, 1).repeat_interleave(4, 2)
    return truth, Problem(A, A(truth))


@pytest.mark.parametrize("part", [0.05, 0.3])
def test_how_little_is_known_is_told_by_the_grains_in_the_views(part):
    """Of such spots around their mean nothing is known but that: the variance is that of a coin, but for overlaps."""
    truth, problem = _of_spots(parallel_beam(np.array([0.0, np.pi / 2]), 32, 32), 32, part)
    flat = torch.full_like(truth, float(truth.mean()))
    std = open_deviation(problem, flat)
    assert std.min() > 0.7 * std.max()  # the rim aside, it is as flat as the volume
    assert 0.5 < float(std.mean() / truth.std()) < 1.6


@pytest.mark.parametrize("slices", [1, 3])
def test_how_little_is_known_of_fewer_slices_than_are_around_a_voxel(slices):
    truth, problem = _of_spots(parallel_beam(np.array([0.0, np.pi / 2]), 32, 32), 32, 0.3)
    flat = torch.full_like(truth, float(truth.mean()))
    std = open_deviation(Problem(problem.operator, problem.data[:slices]), flat[:slices])
    whole = open_deviation(problem, flat)
    assert std.shape == (slices, 32, 32) and 0.5 < float(std.mean() / whole.mean()) < 2


def test_how_little_is_known_does_not_depend_on_the_voxels_or_on_unusable_pixels():
    truth, problem = _of_spots(parallel_beam(np.array([0.0, np.pi / 2]), 32, 32), 32, 0.1)
    coarse = open_deviation(problem, truth)
    fine = truth.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
    A = parallel_beam(np.array([0.0, np.pi / 2]), 64, 64, pixel=0.5)
    assert float(open_deviation(Problem(A, A(fine)), fine).mean() / coarse.mean()) == pytest.approx(1, abs=0.15)
    weights = torch.ones_like(problem.data)
    weights[5, :, 7:9] = 0
    broken = problem.data.clone()
    broken[5, :, 7:9] = 1e6
    found = open_deviation(Problem(problem.operator, broken, weights), truth)
    assert float(found.mean() / coarse.mean()) == pytest.approx(1, abs=0.05)


def test_validation_says_what_the_scatter_is_worth(weights, tmp_path):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    path = tmp_path / "spread.safetensors"
    save_network(load_latent(weights), path, {"figures": {"spread": 2.5}})
    once, wide = (_last(problem, name, answer="network")[0].extra["std"] for name in (weights, str(path)))
    assert torch.allclose(wide, 2.5 * once, rtol=1e-3)
