"""CLS-DM: rounds, the latent space in the one loop, samples that fit the views, and what it says of them."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.methods.latent.space import AGAIN, LatentSpace, ends_round, renewing, rounds_of
from fewview.models.latent.denoiser import signal
from fewview.models.latent.model import LatentConfig, LatentModel
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
    last, _ = _last(problem, weights, positivity=False, data_steps=60)
    for volume in (last.volume, *(last.extra[f"sample_{k}"] for k in (1, 2, 3))):
        assert (A(volume) - problem.data).norm() < 0.01 * problem.data.norm()
    assert last.extra["std"].shape == last.volume.shape and last.extra["std"].max() > 0


def test_the_paper_has_no_data_step(weights):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    last, estimates = _last(problem, weights, "cls-dm-paper", samples=1, rounds=0)
    assert last.scalars["data_residual"] > 0.05 and "std" not in last.extra and len(estimates) == 1 + 4


def test_it_says_what_two_views_cannot_know_and_what_is_unlike(weights):
    problem = _problem(parallel_beam(np.array([0.0, np.pi / 2]), 16, 16))
    last, estimates = _last(problem, weights)
    said = last.chosen["outside_training"]
    assert "do not determine" in said[0] and any("unlike" in sentence for sentence in said)
    assert estimates[0].stage == "aligned" and estimates[0].step == 0
