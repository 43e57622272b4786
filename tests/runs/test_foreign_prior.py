"""A prior of diffusers by its folder: a reconstruction with it is the one with the same network of ours."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import fewview
from fewview.models import foreign
from fewview.models.prior import linear_alphabar, vp_to_sigma
from fewview.models.weights import WeightsError, load_prior

# Of the data step so few iterations that rounding does not grow: after six, of rays weighted this unevenly, single
# precision alone moves an image by 4e-3, whatever the network. And no noise beyond the schedule of the other network.
SHORT = {"steps": 3, "samples": 1, "scale": 1.5, "data_step.iterations": 3}
QUICK = {**SHORT, "trust": 1.0, "beside_share": 0.0}
METHODS = {
    "dds": {**SHORT, "t_start": 800},
    "d3ip": QUICK,
    "d3ip-x": {**QUICK, "guide_by": "network", "guide_weight": 0.5},
    "dps": {"steps": 3, "samples": 1, "scale": 1.5},
}


class Asked(nn.Module):
    """A network of ours asked as diffusers ask theirs: image in [-1, 1] and time in, what it predicts out."""

    config = SimpleNamespace(in_channels=1)

    def __init__(self, prior, predicts="epsilon"):
        super().__init__()
        self.prior, self.predicts, self.levels = prior, predicts, vp_to_sigma(linear_alphabar()).log()

    def forward(self, x, time):
        low = time.long().clamp(max=len(self.levels) - 2)
        sigma = torch.lerp(self.levels[low], self.levels[low + 1], time - low).exp()[:, None, None, None]
        abar = 1 / (1 + sigma**2)
        clean = 2 * self.prior((x / abar.sqrt() + 1) / 2, sigma.flatten() / 2) - 1
        noise = (x - abar.sqrt() * clean) / (1 - abar).sqrt()
        v = abar.sqrt() * noise - (1 - abar).sqrt() * clean
        return SimpleNamespace(sample={"epsilon": noise, "v_prediction": v, "sample": clean}[self.predicts])


@pytest.fixture
def write(tmp_path, weights, monkeypatch):
    """Write a folder that stands for the network of ``weights``, and have no diffusers read it."""

    def folder(predicts="epsilon"):
        config = {"in_channels": 1, "out_channels": 1, "block_out_channels": [8, 16], "down_block_types": ["D", "D"]}
        (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel", **config}))
        schedule = {"beta_schedule": "linear", "prediction_type": predicts, "clip_sample": False}
        (tmp_path / "scheduler_config.json").write_text(json.dumps(schedule))
        save_file({"w": torch.zeros(3)}, tmp_path / "diffusion_pytorch_model.safetensors")
        monkeypatch.setattr(foreign, "read_diffusers", lambda *_: (Asked(load_prior(weights), predicts), None))
        return str(tmp_path)

    return folder


@pytest.mark.parametrize(
    ("method", "predicts"),
    [*((method, "epsilon") for method in METHODS), ("dds", "v_prediction"), ("dds", "sample")],
)
def test_it_reconstructs_as_the_same_network_of_ours(method, predicts, write, weights, lines, truth):
    values = {"auxiliary": truth if method == "d3ip-x" else None, "device": "cpu"}
    *_, ours = fewview.reconstruct(lines, method, {**METHODS[method], "prior": weights}, **values)
    *_, theirs = fewview.reconstruct(lines, method, {**METHODS[method], "prior": write(predicts)}, **values)
    np.testing.assert_allclose(theirs.volume, ours.volume, atol=1e-3 * np.ptp(ours.volume))


def test_it_is_adapted_and_resumed(write, lines):
    folder = write()
    options = {**QUICK, "prior": folder, "adaptation": "lora+biases", "inner": 2, "withhold": False}
    run = list(fewview.reconstruct(lines, "d3ip", options, device="cpu"))
    *_, plain = fewview.reconstruct(lines, "d3ip", {**QUICK, "prior": folder}, device="cpu")
    assert np.abs(run[-1].volume - plain.volume).max() > 1e-3
    state = next(e.state for e in run if e.state is not None and e.step < run[-1].step)
    *_, again = fewview.reconstruct(lines, "d3ip", options, device="cpu", resume=state)
    np.testing.assert_allclose(again.volume, run[-1].volume, atol=1e-5)


@pytest.mark.parametrize("more", [{}, {"adaptation": "lora+biases", "inner": 2}], ids=["alone", "adapted"])
def test_a_checkpoint_of_diffusers_itself_reconstructs(more, diffusers_folder, lines):
    *_, last = fewview.reconstruct(lines, "d3ip", {**QUICK, **more, "prior": str(diffusers_folder)}, device="cpu")
    assert np.isfinite(last.volume).all() and last.scalars["data_residual"] < 0.5


def test_a_network_trained_for_another_task_is_asked_for(write, lines):
    with pytest.raises(WeightsError, match="which is no diffusion prior of ours"):
        list(fewview.reconstruct(lines, "postnet", {"weights": write()}, device="cpu"))
