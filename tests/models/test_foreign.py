"""Foreign noise-predicting networks behave as our priors; folders that hold none are refused."""

import json
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fewview.errors import MethodUnavailable
from fewview.models.foreign import ForeignPrior, held_bytes, load_any_prior
from fewview.models.prior import linear_alphabar, vp_to_sigma
from fewview.models.weights import FOREIGN, WeightsError, find_weights, load_prior, network_kind, prior_reach


class GaussianNoise(nn.Module):
    """The exact noise predictor for images in [-1, 1] that are white with mean 0.2 and deviation 0.5."""

    config = SimpleNamespace(in_channels=3)

    def __init__(self):
        super().__init__()
        self.alphabar = linear_alphabar()

    def forward(self, x, time):
        low = time.floor().long().clamp(max=998)
        rest = (time - low)[:, None, None, None]
        snr = ((1 - self.alphabar) / self.alphabar).sqrt().log()
        sigma = torch.exp(snr[low][:, None, None, None] * (1 - rest) + snr[low + 1][:, None, None, None] * rest)
        abar = 1 / (1 + sigma**2)
        clean = 0.2 + 0.25 / (0.25 + sigma**2) * (x / abar.sqrt() - 0.2)
        return SimpleNamespace(sample=(x - abar.sqrt() * clean) / (1 - abar).sqrt())


CONFIG = {
    "_class_name": "UNet2DModel",
    "in_channels": 1,
    "out_channels": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
}


@pytest.fixture
def write(tmp_path):
    """Write a folder as ``save_pretrained`` does, whose network has 12 values."""

    def folder(schedule=None, **more):
        (tmp_path / "unet").mkdir()
        (tmp_path / "unet" / "config.json").write_text(json.dumps(CONFIG | more))
        save_file({"w": torch.zeros(3, 4)}, tmp_path / "unet" / "diffusion_pytorch_model.safetensors")
        if schedule is not None:
            (tmp_path / "scheduler").mkdir()
            (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
        return tmp_path / "unet"

    return folder


@pytest.mark.parametrize("sigma", [0.02, 0.31, 4.0])
def test_range_channels_and_time_are_translated(sigma):
    prior = ForeignPrior(GaussianNoise())
    noisy = torch.rand(2, 1, 33, 40)
    mean, variance = 0.6, 0.25**2  # the same images in [0, 1]
    exact = mean + variance / (variance + sigma**2) * (noisy - mean)
    assert torch.allclose(prior(noisy, sigma), exact, atol=2e-3)


def test_noise_beyond_the_schedule_is_the_most_that_it_knows():
    """There the image that comes of a wrong noise is as wrong as at the end of the schedule, and no more."""

    class Wrong(nn.Module):
        config = SimpleNamespace(in_channels=1)

        def forward(self, x, time):
            return SimpleNamespace(sample=x + 0.01)

    noisy = torch.zeros(1, 1, 32, 32)
    end = float(vp_to_sigma(linear_alphabar())[-1]) / 2
    assert ForeignPrior(Wrong())(noisy, 10 * end).mean() == pytest.approx(
        float(ForeignPrior(Wrong())(noisy + 0.5, end).mean()), rel=0.05
    )
    assert ForeignPrior(Wrong(), clip=1.0)(noisy, end).min() == 0


@pytest.mark.parametrize("shape", [(33, 40), (5, 1), (64, 32)])
def test_sides_are_mirrored_up_to_a_multiple_and_cut_again(shape):
    seen = []

    class Looking(GaussianNoise):
        def forward(self, x, time):
            seen.append(x[:, :1])
            return super().forward(x, time)

    noisy = torch.rand(1, 1, *shape)
    assert ForeignPrior(Looking())(noisy, 0.1).shape == noisy.shape
    rows, columns = seen[0].shape[-2:]
    assert rows % 32 == columns % 32 == 0 and rows - shape[0] < 32
    if rows > shape[0]:
        assert torch.equal(seen[0][..., shape[0], :], seen[0][..., shape[0] - 2, :])


def test_a_folder_is_known_without_diffusers(write):
    folder = write()
    assert find_weights(folder) == find_weights(folder / "diffusion_pytorch_model.safetensors") == folder
    assert network_kind(str(folder)) == FOREIGN and prior_reach(str(folder)) == 0
    small, large = (held_bytes(folder, pixels, adapting=False) for pixels in (0, 1000))
    assert small == 4 * 2 * 12 and held_bytes(folder, 1000, adapting=True) > large > 4 * 8 * 1000
    with pytest.raises(WeightsError, match="no diffusion prior of ours"):
        load_prior(folder)  # what a training starts from


def test_a_folder_without_safetensors_or_of_something_else_is_refused(write):
    folder = write()
    (folder / "diffusion_pytorch_model.safetensors").rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"no \.safetensors"):
        load_any_prior(folder)
    (folder / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    for wrong in (folder, folder.parent):  # another model, and no config.json at all
        with pytest.raises(WeightsError, match="no UNet2DModel"):
            find_weights(wrong)


def test_a_folder_called_like_shipped_weights_does_not_hide_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "generic").mkdir()
    assert find_weights("generic").is_file()


def test_without_diffusers_it_is_said_what_to_install(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MethodUnavailable, match=r"pip install 'fewview\[sd-turbo\]'"):
        load_any_prior(write())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"in_channels": 6, "out_channels": 3}, "takes 6 channels and predicts 3"),
        ({"num_class_embeds": 10}, "class of images"),
        ({"time_embedding_type": "fourier"}, "not told a time"),
        (
            {"schedule": {"beta_schedule": "linear", "prediction_type": "flow"}},
            "predicts flow, not one of epsilon, v_p",
        ),
        ({"schedule": {"_class_name": "ScoreSdeVeScheduler"}}, r"without betas \(ScoreSdeVeScheduler\)"),
    ],
)
def test_networks_that_ask_or_answer_otherwise_are_refused(more, words, write):
    with pytest.raises(WeightsError, match=words):
        load_any_prior(write(**more))


def test_a_diffusers_checkpoint_loads(diffusers_folder):
    prior = load_any_prior(str(diffusers_folder))
    assert prior(torch.rand(1, 1, 30, 32), 0.1).shape == (1, 1, 30, 32)
    assert len(prior.levels) == 1000 and prior.levels[500] < 0.8 * vp_to_sigma(linear_alphabar())[500]
    assert prior.predicts == "v_prediction" and prior.clip == 1


def test_weights_that_diffusers_cannot_read_are_refused(diffusers_folder):
    (diffusers_folder / "diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="diffusers cannot read"):
        load_any_prior(str(diffusers_folder))
