"""Fluctuations that data and proposal leave open, against the covariance of a small dense system."""

import numpy as np
import pytest
import torch

from fewview.methods.diffusion import posterior_variance as spread
from fewview.methods.diffusion.schedule import Level
from fewview.methods.interface import Views
from fewview.methods.inverse.consistency import noise_aware
from fewview.methods.inverse.normalised import scaled
from fewview.methods.slices import SliceNoise
from fewview.operators import parallel_beam

LAST = Level(3, 4, 1 / 1.01, 1.0)  # noise over signal 0.1


def measurement(views, noise, weights=None):
    A = parallel_beam(np.arange(views) * np.pi / views, columns=16, grid=16, axis=7.5, pixel=0.5)
    image = torch.zeros(2, 16, 16)
    image[:, 4:12, 5:11] = 1.0
    y = A(image)
    y = y + noise * y.max() * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    return scaled(Views(A, y, weights), 1.0)


def covariance(data, gamma):
    eye = torch.eye(256).reshape(256, 16, 16)
    one = data.slices(torch.zeros(256, dtype=torch.long))
    normal = one.normal(eye).reshape(256, 256)
    return gamma * data.noise**2 * torch.linalg.inv(torch.eye(256) + gamma * normal)


@pytest.mark.parametrize(("views", "weighted"), [(4, False), (12, False), (4, True)])
def test_the_variance_is_that_of_the_last_data_step(views, weighted):
    weights = None
    if weighted:
        weights = torch.ones(2, views, 16)
        weights[:, : views // 2] = 0.25
    data = measurement(views, 0.05, weights)
    found = spread.open_variance(data, LAST, SliceNoise(1, 2), draws=400)
    expected = covariance(data, float(noise_aware(1.0, data, LAST))).diagonal().reshape(16, 16)
    inside = (slice(None), slice(3, 13), slice(3, 13))
    assert found.shape == (2, 16, 16)
    assert found[inside].mean() == pytest.approx(float(expected[3:13, 3:13].mean()), rel=0.1)


def test_more_views_leave_less_open():
    few, many = (spread.open_variance(measurement(v, 0.02), LAST, SliceNoise(0, 2)) for v in (3, 24))
    assert many.mean() < few.mean() < 0.01  # at most what is expected of a proposal: 0.1 squared


def test_a_large_slice_needs_fewer_draws_for_the_same_certainty(monkeypatch):
    data, drawn = measurement(12, 0.05), []
    plain = spread.data_consistent
    monkeypatch.setattr(spread, "data_consistent", lambda *known: drawn.append(len(known[3])) or plain(*known))
    many = spread.open_variance(data, LAST, SliceNoise(1, 2), draws=400)
    drawn.clear()
    found = {}
    for factor in (1, 2):
        monkeypatch.setattr(spread, "coarseness", lambda grid, factor=factor: factor)
        found[factor] = spread.open_variance(data, LAST, SliceNoise(1, 2))
    assert drawn == [2 * 8, 2 * 4]  # two slices
    off = {k: float((v / many - 1)[:, 5:11, 5:11].square().mean().sqrt()) for k, v in found.items()}
    assert off[1] < 0.3 and off[2] < 0.3
