"""The prior: any size, any noise level, both parametrisations."""

import pytest
import torch

from fewview.models.prior import MEAN, DiffusionPrior, clean_vp, linear_alphabar, vp_to_sigma
from fewview.models.unet import COMPACT, LARGE, UNet, UNetConfig, count_parameters

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)


@pytest.fixture
def prior():
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY)
    torch.nn.init.normal_(prior.net.head.weight, std=0.1)  # as after training: the network has a say
    return prior.eval()


def test_the_compact_network_has_under_three_million_parameters():
    assert 1e6 < count_parameters(UNet(COMPACT)) < 3e6
    assert 12e6 < count_parameters(UNet(LARGE)) < 20e6


@pytest.mark.parametrize("shape", [(64, 64), (256, 96), (33, 47), (7, 5)])
def test_any_size(prior, shape):
    assert prior(torch.rand(2, 1, *shape), 0.1).shape == (2, 1, *shape)


def test_padding_does_not_reach_far(prior):
    image = torch.rand(1, 1, 64, 64)
    odd = prior(image[..., :63, :63], 0.1)
    assert torch.allclose(odd[..., :20, :20], prior(image, 0.1)[..., :20, :20], atol=0.05)


@pytest.mark.parametrize("slices", [3, 5])
def test_neighbouring_slices_give_the_central_one(slices):
    prior = DiffusionPrior(TINY.model_copy(update={"slices": slices}))
    noisy = torch.rand(2, slices, 32, 32)
    out = prior(noisy, 1e-4)
    assert out.shape == (2, 1, 32, 32)
    assert torch.allclose(out[:, 0], noisy[:, slices // 2], atol=1e-3)


def test_without_noise_it_is_the_identity(prior):
    image = torch.rand(1, 1, 32, 32)
    assert torch.allclose(prior(image, 1e-5), image, atol=1e-3)


@torch.no_grad()
def test_in_pure_noise_the_input_does_not_shine_through(prior):
    noise = 1e3 * torch.randn(1, 1, 32, 32)
    out = prior(noise, 1e3)
    assert out.abs().max() < 10
    prior.net.head.weight.zero_()
    prior.net.head.bias.zero_()
    assert torch.allclose(prior(noise, 1e3), torch.full_like(noise, MEAN), atol=1e-3)


def test_input_and_target_of_the_network_have_unit_variance_at_every_level():
    torch.manual_seed(0)
    clean = MEAN + 0.3 * torch.randn(1, 1, 256, 256)
    for sigma in (0.01, 0.3, 10.0):
        noisy = clean + sigma * torch.randn_like(clean)
        skip, out, into = DiffusionPrior.coefficients(torch.tensor([sigma]))
        target = (clean - MEAN - skip * (noisy - MEAN)) / out
        assert ((noisy - MEAN) * into).std().item() == pytest.approx(1, rel=0.02)
        assert target.std().item() == pytest.approx(1, rel=0.02)


def test_each_image_has_its_own_level(prior):
    image = torch.rand(2, 1, 32, 32)
    both = prior(image, torch.tensor([0.05, 0.8]))
    assert torch.allclose(both[1:], prior(image[1:], 0.8), atol=1e-5)
    assert not torch.allclose(both[:1], prior(image[:1], 0.8), atol=1e-3)


def test_both_parametrisations_agree(prior):
    clean, noise = torch.rand(1, 1, 32, 32), torch.randn(1, 1, 32, 32)
    abar = torch.tensor([0.7])
    x_t = abar.sqrt() * clean + (1 - abar).sqrt() * noise
    sigma = vp_to_sigma(abar)
    assert torch.allclose(clean_vp(prior, x_t, abar), prior(clean + sigma * noise, sigma), atol=1e-5)
    assert sigma.item() == pytest.approx((0.3 / 0.7) ** 0.5)


def test_the_schedule_is_that_of_ddpm():
    abar = linear_alphabar()
    assert abar.shape == (1000,) and (abar.diff() < 0).all()
    assert abar[0].item() == pytest.approx(0.9999) and abar[980].item() == pytest.approx(5.9e-5, rel=0.02)


def test_gradients_reach_the_image(prior):
    image = torch.rand(1, 1, 32, 32, requires_grad=True)
    prior(image, 0.2).square().sum().backward()
    assert image.grad.abs().sum() > 0
