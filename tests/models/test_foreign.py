"""Foreign noise-predicting networks behave as our priors; samples are drawn from a prior."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fewview.models.foreign import ForeignPrior, load_diffusers
from fewview.models.prior import linear_alphabar, sigma_to_vp
from fewview.models.sampling import draw_samples
from fewview.models.weights import WeightsError


class GaussianNoise(nn.Module):
    """The exact noise predictor for images in [-1, 1] that are white with mean 0.2 and deviation 0.5."""

    config = SimpleNamespace(in_channels=3)

    def __init__(self):
        super().__init__()
        self.alphabar = linear_alphabar()
        self.register_parameter("none", nn.Parameter(torch.zeros(1)))

    def forward(self, x, time):
        low = time.floor().long().clamp(max=998)
        rest = (time - low)[:, None, None, None]
        snr = ((1 - self.alphabar) / self.alphabar).sqrt().log()
        sigma = torch.exp(snr[low][:, None, None, None] * (1 - rest) + snr[low + 1][:, None, None, None] * rest)
        abar = sigma_to_vp(sigma)
        clean = 0.2 + 0.25 / (0.25 + sigma**2) * (x / abar.sqrt() - 0.2)
        return SimpleNamespace(sample=(x - abar.sqrt() * clean) / (1 - abar).sqrt())


@pytest.mark.parametrize("sigma", [0.02, 0.31, 4.0])
def test_range_channels_and_time_are_translated(sigma):
    prior = ForeignPrior(GaussianNoise())
    noisy = torch.rand(2, 1, 33, 40)
    mean, variance = 0.6, 0.25**2  # the same images in [0, 1]
    exact = mean + variance / (variance + sigma**2) * (noisy - mean)
    assert torch.allclose(prior(noisy, sigma), exact, atol=2e-3)


def test_both_parametrisations_agree():
    prior = ForeignPrior(GaussianNoise())
    x_t, abar = torch.randn(2, 1, 32, 32), torch.tensor(0.6)
    x0, eps = prior.denoise_vp(x_t, abar)
    assert torch.allclose(abar.sqrt() * x0 + (1 - abar).sqrt() * eps, x_t, atol=1e-4)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(WeightsError, match=r"no \.safetensors"):
        load_diffusers(tmp_path)


def test_a_diffusers_checkpoint_loads(tmp_path):
    diffusers = pytest.importorskip("diffusers", reason="diffusers (extra [sd-turbo]) is not installed")
    net = diffusers.UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    net.save_pretrained(tmp_path, safe_serialization=True)
    assert load_diffusers(tmp_path)(torch.rand(1, 1, 30, 32), 0.1).shape == (1, 1, 30, 32)


def test_samples_follow_the_distribution_of_the_prior():
    samples = draw_samples(ForeignPrior(GaussianNoise()), count=2, size=32, steps=60)
    assert samples.shape == (2, 1, 32, 32)
    assert samples.mean().item() == pytest.approx(0.6, abs=0.04)
    assert samples.std().item() == pytest.approx(0.25, abs=0.04)
    assert torch.equal(samples, draw_samples(ForeignPrior(GaussianNoise()), count=2, size=32, steps=60))
