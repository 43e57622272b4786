"""The latent networks: shapes, folding, lifting along the rays, velocity and weights."""

import math

import numpy as np
import pytest
import torch

from fewview.methods.interface import Views
from fewview.methods.latent.seen import Rays, seen_of
from fewview.models.latent.blocks import gathered, spread_out
from fewview.models.latent.denoiser import LatentDenoiser, signal, time_of
from fewview.models.latent.model import UNIT, LatentConfig, LatentModel, load_latent
from fewview.models.weights import save_network
from fewview.operators import fan_beam, parallel_beam

SMALL = LatentConfig(side=16, width=8, denoiser=8)


def test_cubes_of_voxels_are_folded_and_unfolded():
    x = torch.arange(2 * 8 * 4 * 4, dtype=torch.float32).reshape(1, 2, 8, 4, 4)
    folded = gathered(x, 2)
    assert folded.shape == (1, 16, 4, 2, 2) and torch.equal(spread_out(folded, 2), x)
    assert set(folded[0, :8, 0, 0, 0].tolist()) == set(x[0, 0, :2, :2, :2].flatten().tolist())


def test_the_latent_is_a_quarter_of_the_side_and_normalised():
    torch.manual_seed(0)
    model = LatentModel(SMALL)
    x = torch.rand(6, 1, 16, 16, 16)
    model.normalise(x)
    z = model.encode(x)
    z = z.detach()
    assert z.shape == (6, 4, 4, 4, 4) and model.decode(z).shape == x.shape
    assert z.mean().abs() < 1e-4 and z.std(dim=(0, 2, 3, 4)).tolist() == pytest.approx([1] * 4, abs=1e-3)


def test_a_perfect_velocity_gives_back_signal_and_noise():
    net = LatentDenoiser(2, 2, 8)
    abar = 0.37
    assert float(signal(torch.tensor(time_of(abar)))) == pytest.approx(abar, abs=1e-6)
    z, eps = torch.randn(2, 1, 2, 4, 4, 4)
    a, s = math.sqrt(abar), math.sqrt(1 - abar)
    net.forward = lambda z_t, t, c: a * eps - s * z
    clean, noise = net.clean(a * z + s * eps, abar, torch.zeros(1, 2, 4, 4, 4))
    assert torch.allclose(clean, z, atol=1e-5) and torch.allclose(noise, eps, atol=1e-5)


def test_views_are_laid_back_along_their_rays():
    side = 16
    A = parallel_beam(np.array([0.0, np.pi / 2]), side, side)
    rays = Rays.of(A, side)
    assert rays.lift.shape == (2, side, 16)
    assert torch.allclose(rays.lift.sum(dim=1), torch.ones(2, 16), atol=1e-5)  # of a constant view, the constant
    x = torch.zeros(1, side, side)
    x[:, 2:4, 10:12] = 1
    lifted = torch.einsum("vu,vup->vp", A(x)[0], rays.lift).reshape(2, 4, 4)
    assert lifted.prod(dim=0).argmax() == 2  # both views meet in the cell (0, 2)
    assert torch.allclose(rays.depth[0], -rays.depth[0].reshape(4, 4).flip(0).flatten())


@pytest.mark.parametrize(
    "A",
    [
        parallel_beam(np.array([0.0, np.pi / 2]), 24, 24),
        fan_beam(np.linspace(0, 2 * np.pi, 3, endpoint=False), 24, sod=100.0, sdd=150.0, pixel=1.5),
    ],
    ids=["parallel", "fan"],
)
def test_the_mean_of_a_volume_follows_from_any_views(A):
    x = torch.zeros(16, A.grid, A.grid)
    middle = slice(A.grid // 4, -(A.grid // 4))
    x[4:12, middle, middle] = 0.3
    seen, unit = seen_of(Views(A, torch.cat([A(x), 2 * A(x)])), Rays.of(A, 16), 16, batch=2)
    # Only parallel rays see every part of a slice alike.
    assert unit / (UNIT * x.mean()) == pytest.approx([1, 2], rel=0.05 if A.views == 2 else 0.25)
    assert seen.lines.shape == (2, A.views, 16, 16) and seen.rough.shape == (2, 1, 16, 16, 16)
    assert torch.allclose(seen.lines[0], seen.lines[1], rtol=1e-4, atol=1e-6)  # brightness does not matter
    assert LatentModel(SMALL).alignment(seen).shape == (2, 16, 4, 4, 4)


def test_weights_come_back(tmp_path):
    model = LatentModel(SMALL)
    model.centre += 0.25
    save_network(model, tmp_path / "m.safetensors", {})
    again = load_latent(tmp_path / "m.safetensors")
    assert again.config == SMALL and torch.equal(again.centre, model.centre)
    assert all(torch.allclose(a, b, atol=2e-3) for a, b in zip(model.parameters(), again.parameters(), strict=True))
