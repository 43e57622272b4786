"""Rollouts: what a network learns on is what a reconstruction meets."""

import numpy as np
import pytest
import torch

from fewview.methods.diffusion.denoiser import Denoiser
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.training.losses import lesson_loss
from fewview.training.rollouts import LARGEST, measured_slices, rollout, whole_slices
from fewview.training.validate import rollout_psnr


def _disc(side=48, slices=2):
    across = torch.arange(side) - (side - 1) / 2
    disc = (across[:, None] ** 2 + across**2 < (side / 3) ** 2).float()
    return disc.repeat(slices, 1, 1)


def test_slices_are_drawn_whole_and_inside_the_circle():
    blocks = [np.ones((6, 40, 40), np.float16), np.ones((6, 300, 200), np.float16)]
    sides = set()
    for seed in range(12):
        drawn = whole_slices(blocks, 4 * 40**2, 2, np.random.default_rng(seed))
        side = drawn.shape[-1]
        sides.add(side)
        assert len(drawn) % 2 == 0 and drawn.shape[1:] == (side, side)
        assert drawn[:, 0, 0].max() == 0 and drawn[:, side // 2, side // 2].min() > 0.8
    assert sides == {40, LARGEST}
    with pytest.raises(ValueError, match="no block has 7 slices"):
        whole_slices(blocks, 4 * 40**2, 7, np.random.default_rng(0))


def test_a_measurement_is_that_of_the_slices():
    clean = _disc()
    problem = measured_slices(clean, np.random.default_rng(3), views=24)
    peak = problem.state["peak"]
    predicted = problem.operator(clean * peak)
    inside = predicted > 0.3 * predicted.max()
    assert problem.data[inside].mean() == pytest.approx(float(predicted[inside].mean()), rel=0.05)
    assert problem.weights.mean() == pytest.approx(1.0, rel=1e-5)


def test_a_perfect_network_ends_at_the_truth():
    clean = _disc()
    steps = rollout(clean, np.random.default_rng(0), views=32)
    lesson = next(steps)
    first = (lesson.x - lesson.clean).square().mean()
    sigmas = [lesson.level.sigma]
    while not lesson.level.last:
        lesson = steps.send(lesson.clean)
        sigmas.append(lesson.level.sigma)
    assert sigmas == sorted(sigmas, reverse=True) and len(sigmas) >= 3
    assert (lesson.x - lesson.clean).square().mean() < 0.4 * first  # the data step keeps what is right


def test_a_rollout_repeats_with_its_seed():
    lessons = [next(rollout(_disc(), np.random.default_rng(5))) for _ in range(2)]
    assert torch.equal(lessons[0].x_t, lessons[1].x_t)


def test_copies_share_the_measurement_and_not_the_noise():
    lesson = next(rollout(_disc(), np.random.default_rng(5), copies=2))
    assert torch.equal(lesson.x[:2], lesson.x[2:]) and not torch.equal(lesson.x_t[:2], lesson.x_t[2:])


def test_the_loss_of_a_lesson_falls():
    torch.manual_seed(0)
    net = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16, slices=3))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    lesson = next(rollout(_disc(32), np.random.default_rng(1), views=8))
    losses = []
    for _ in range(40):
        answer, loss = lesson_loss(net, Denoiser(net, 2), lesson.x, 0.15, lesson.clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert answer.shape == lesson.clean.shape
    assert losses[-1] < 0.5 * losses[0]


def test_the_figures_of_rollouts_are_of_the_views_they_name(monkeypatch):
    asked = []

    def measured(clean, rng, views=None):
        asked.append(views)
        return measured_slices(clean, rng, views)

    monkeypatch.setattr("fewview.training.rollouts.measured_slices", measured)
    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)).eval()
    figures = rollout_psnr(prior, _disc()[:, None])
    assert asked == [8, 8, 16, 16, 32, 32]
    assert list(figures) == ["8", "16", "32"]
