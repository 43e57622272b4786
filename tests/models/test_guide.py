"""The guide network: a prior's weights are its start; it is as sure as it says; Pix2Pix as published."""

import pytest
import torch

from fewview.models.guide import ERROR, SPREAD, Guide, GuideConfig, load_guide
from fewview.models.patchgan import Generator, PatchGAN
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.weights import SHIPPED, WeightsError, load_prior, read_card, save_network

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)


@pytest.fixture
def prior():
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY)
    torch.nn.init.normal_(prior.net.head.weight, std=0.1)
    return prior


def pictures(size=32, count=2):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(count, 1, size, size, generator=generator) for _ in range(2))


def test_it_starts_as_the_prior_and_does_not_look_at_the_xray_slice(prior):
    x, xray = pictures()
    opinion = Guide.from_prior(prior)(x, xray, 0.3)
    torch.testing.assert_close(opinion.mean, prior(x, 0.3 * ERROR))
    assert torch.equal(opinion.mean, Guide.from_prior(prior)(x, torch.zeros_like(x), 0.3).mean)
    assert len(opinion.logvar.unique()) == 1


def test_the_xray_slice_is_soon_looked_at(prior):
    guide = Guide.from_prior(prior)
    x, xray = pictures()
    (guide(x, xray, 0.3).mean - xray).square().mean().backward()
    gradient = guide.net.stem.weight.grad  # estimate first, then X-ray, four shuffled pixels each
    assert float(gradient[:, 4:].abs().max()) > 0


@pytest.mark.parametrize("size", [(32, 32), (45, 51)])
def test_any_size_and_never_surer_than_allowed(prior, size):
    guide = Guide.from_prior(prior)
    torch.nn.init.normal_(guide.net.head.weight, std=50.0)
    x = torch.rand(1, 1, *size)
    with torch.no_grad():
        opinion = guide(x, x, torch.tensor([0.1]))
    assert opinion.mean.shape == opinion.logvar.shape == x.shape
    assert float(opinion.std.min()) >= SPREAD[0] * 0.999 and float(opinion.std.max()) <= SPREAD[1] * 1.001


def test_weights_return_as_they_were_and_are_of_their_kind(prior, tmp_path):
    guide = Guide.from_prior(prior).eval()
    save_network(guide, tmp_path / "g.safetensors", {"trained_on": "nothing"}, torch.float32)
    save_network(prior, tmp_path / "p.safetensors", {})
    x, xray = pictures()
    torch.testing.assert_close(load_guide(tmp_path / "g.safetensors")(x, xray, 0.2).mean, guide(x, xray, 0.2).mean)
    assert (tmp_path / "g.md").read_text().startswith("# Cross-modal guide `g`")
    with pytest.raises(WeightsError, match="no cross-modal guide"):
        load_guide(tmp_path / "p.safetensors")
    with pytest.raises(WeightsError, match="no diffusion prior"):
        load_prior(tmp_path / "g.safetensors")


@pytest.mark.parametrize(("size", "downs"), [(64, 6), (96, 6), (128, 7)])
def test_pix2pix_takes_its_sizes(size, downs):
    guide = Guide(GuideConfig(network="pix2pix", width=4, downs=downs)).eval()
    x, xray = pictures(size)
    opinion = guide(x, xray, 0.3)
    assert opinion.mean.shape == x.shape and len(opinion.logvar.unique()) == 1
    # Instance norms: what else is in the batch does not matter.
    torch.testing.assert_close(guide(x[:1], xray[:1], 0.3).mean, opinion.mean[:1], atol=1e-5, rtol=1e-5)


def test_the_published_generator_has_the_published_layers():
    shapes = [tuple(layer.weight.shape[:2]) for layer in Generator(64, 8).down]
    assert shapes == [(64, 2), (128, 64), (256, 128), *[(512, 256 if k == 0 else 512) for k in range(5)]]


def test_the_patchgan_sees_70_pixels():
    condition = torch.rand(1, 2, 128, 128)
    image = torch.rand(1, 1, 128, 128, requires_grad=True)
    critic = PatchGAN(4)
    # Without norms, which look at the whole image.
    h = torch.cat([condition, image], dim=1)
    for layer in critic.layers:
        h = layer(h)
    h[0, 0, 7, 7].backward()
    rows = torch.nonzero(image.grad[0, 0].abs().sum(dim=1)).reshape(-1)
    assert int(rows[-1] - rows[0]) + 1 == 70
    assert critic(condition, image).shape == h.shape


def test_the_shipped_guide_gains_by_the_right_xray_slices():
    guide = load_guide("guide")
    assert sum(p.numel() for p in guide.parameters()) < 3e6
    for figures in read_card(SHIPPED / "guide.safetensors")["psnr_db"].values():
        assert figures["right"] > figures["before"] + 2
        assert figures["right"] > figures["zeroed"] + 1
        assert figures["other"] > figures["before"] - 0.5
