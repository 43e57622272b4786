"""The exact Gaussian step against dense algebra, with and without weights, by eigenbasis and by conjugate gradients."""

import numpy as np
import pytest
import torch

from fewview.methods.inverse import gaussian
from fewview.methods.inverse.gaussian import GaussianStep
from fewview.methods.inverse.normalised import Scaled
from fewview.methods.size import Size
from fewview.operators import parallel_beam

SIDE, NOISE, R = 12, 0.05, 0.3


def _data(weighted):
    drawn = torch.Generator().manual_seed(1)
    A = parallel_beam(np.arange(3) * np.pi / 3, SIDE, SIDE, dtype=torch.float64)
    y = A(torch.rand(2, SIDE, SIDE, generator=drawn, dtype=torch.float64)) / A.norm
    weights = torch.rand(y.shape, generator=drawn, dtype=torch.float64) + 0.2 if weighted else None
    if weighted:
        weights[:, 1, 3:5] = 0  # unusable pixels
    return Scaled(A, y, weights, 1.0, NOISE)


def _dense(data, slice_):
    """``B`` and ``sqrt(W) y`` of a slice."""
    eye = torch.eye(SIDE**2, dtype=torch.float64).reshape(-1, SIDE, SIDE)
    root = torch.ones(data.y[0].numel(), dtype=torch.float64)
    if data.weights is not None:
        root = data.weights[slice_].flatten().sqrt()
    return root[:, None] * (data.operator(eye).flatten(1).T / data.operator.norm), root * data.y[slice_].flatten()


@pytest.fixture(params=["shared", "weighted", "by conjugate gradients"])
def step(request, monkeypatch):
    if request.param == "by conjugate gradients":
        monkeypatch.setattr(gaussian, "APART", 0)
    made = GaussianStep.of(_data(request.param != "shared"), iterations=80)
    assert (made.basis is None) == (request.param == "by conjugate gradients")
    return made


@pytest.mark.parametrize("weighted", [False, True])
def test_what_a_basis_takes_is_said_before(weighted):
    step = GaussianStep.of(_data(weighted))
    _, vectors = step.basis
    held, finding = GaussianStep.held(Size(2, 3, SIDE, SIDE, weighted=weighted))
    assert held == vectors.numel() * 4 and finding > vectors[0].numel() * 4 * 4  # in single precision
    assert GaussianStep.held(Size(2, 300, SIDE, SIDE, weighted=weighted)) == (0, 0)  # too large: none is made


def test_the_mean_is_that_of_the_normal_equations(step):
    x0 = torch.rand(4, SIDE, SIDE, dtype=torch.float64)  # two copies of two slices
    found = step.mean(x0, (NOISE / R) ** 2)
    for number in range(4):
        B, b = _dense(step.data, number % 2)
        normal = B.T @ B / NOISE**2 + torch.eye(SIDE**2, dtype=torch.float64) / R**2
        expected = torch.linalg.solve(normal, B.T @ b / NOISE**2 + x0[number].flatten() / R**2)
        assert torch.allclose(found[number].flatten(), expected, atol=1e-5)


def test_draws_have_the_covariance_of_the_posterior(step):
    drawn = torch.Generator().manual_seed(2)
    copies = 2000 if step.basis else 500
    x0 = torch.zeros(2 * copies, SIDE, SIDE, dtype=torch.float64)
    image = torch.randn(x0.shape, generator=drawn, dtype=torch.float64)
    line = torch.randn(len(x0), *step.data.y.shape[1:], generator=drawn, dtype=torch.float64)
    found = step.drawn(x0, R, image, line).reshape(copies, 2, -1)[:, 0]
    B, _ = _dense(step.data, 0)
    covariance = torch.linalg.inv(B.T @ B / NOISE**2 + torch.eye(SIDE**2, dtype=torch.float64) / R**2)
    assert float(found.var(dim=0).mean() / covariance.diagonal().mean()) == pytest.approx(1, abs=0.03)
    assert float((B @ (found - found.mean(dim=0)).T).var(dim=1).mean()) == pytest.approx(
        float((B @ covariance @ B.T).diagonal().mean()), rel=0.05
    )


def test_without_noise_the_views_are_met(step):
    x = step.mean(torch.zeros(2, SIDE, SIDE, dtype=torch.float64), 0.0)
    assert step.misfit(x).norm() < 0.01 * step.rooted(step.data.y).norm()
