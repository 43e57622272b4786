"""Training of a prior: it learns, it resumes where it was, it exports."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import SIZES, UNetConfig
from fewview.models.weights import load_prior, read_card
from fewview.training import baselines, export, validate
from fewview.training.checkpoint import load_state, read_average, save_state
from fewview.training.ema import PowerEma
from fewview.training.export import export_prior
from fewview.training.losses import denoising_loss, noise_levels
from fewview.training.prior import PriorTraining, train_prior

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A network and validation so small that a training takes a second; a stack to train on."""
    monkeypatch.setitem(SIZES, "compact", TINY)
    monkeypatch.setitem(SIZES, "medium", TINY.model_copy(update={"channels": (8, 32)}))
    yy, xx = np.mgrid[:64, :64]
    stack = np.stack([((yy - 32) ** 2 + (xx - c) ** 2 < 300).astype(np.float32) for c in range(24, 40)])
    np.save(tmp_path / "stack.npy", stack)
    return PriorTraining(kind="stack", stack=tmp_path / "stack.npy", minutes=0.04, batch=2, crop=32, device="cpu")


def _part(seed):
    torch.manual_seed(seed)
    net = DiffusionPrior(TINY)
    return net, PowerEma(net), torch.optim.AdamW(net.parameters(), lr=1e-3), np.random.default_rng(seed)


def _steps(net, ema, optimizer, rng, first, count):
    for step in range(first, first + count):
        clean = torch.from_numpy(rng.random((2, 1, 32, 32), dtype=np.float32))
        loss = denoising_loss(net, clean, noise_levels(2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update(net, step)


def test_a_resumed_training_goes_on_to_the_same_bits(tmp_path):
    net, ema, optimizer, rng = _part(0)
    _steps(net, ema, optimizer, rng, 1, 3)
    save_state(tmp_path / "s.safetensors", net, ema.model, optimizer, rng, {"step": 3})
    _steps(net, ema, optimizer, rng, 4, 3)
    other = _part(1)
    assert load_state(tmp_path / "s.safetensors", other[0], other[1].model, *other[2:]) == {"step": 3}
    _steps(*other, 4, 3)
    for a, b in ((net, other[0]), (ema.model, other[1].model)):
        for name, value in a.state_dict().items():
            assert torch.equal(value, b.state_dict()[name]), name


def test_training_learns(tiny, tmp_path):
    torch.manual_seed(0)
    net = DiffusionPrior(TINY)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    clean = torch.zeros(4, 1, 32, 32)
    clean[:, :, 8:24, 8:24] = 1.0
    losses = []
    for _ in range(60):
        loss = denoising_loss(net, clean, torch.full((4,), 0.3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_it_stops_by_the_clock_and_resumes(tiny, tmp_path):
    lines = []
    state = train_prior(tiny, tmp_path / "run", report=lines.append)
    assert state.is_file()
    curve = json.loads((tmp_path / "run" / "curve.json").read_text())
    assert len(curve) == 1 and curve[0]["minutes"] >= 0.04
    more = tiny.model_copy(update={"minutes": curve[0]["minutes"] + 0.02})
    train_prior(more, tmp_path / "run", report=lines.append)
    assert any("resumed at step" in line for line in lines)
    curve = json.loads((tmp_path / "run" / "curve.json").read_text())
    assert len(curve) == 2 and curve[1]["step"] > curve[0]["step"]


def test_ctrl_c_keeps_what_was_learnt(tiny, tmp_path, monkeypatch):
    from fewview.training import prior

    steps, step = [], prior._PriorTrainer.one_step

    def interrupted(self, progress):
        if steps:
            raise KeyboardInterrupt
        steps.append(progress)
        step(self, progress)

    monkeypatch.setattr(prior._PriorTrainer, "one_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_prior(tiny.model_copy(update={"minutes": 10.0}), tmp_path / "run", report=lambda _: None)
    assert read_average(tmp_path / "run")[0]["step"] == 1


def test_another_network_in_the_folder_is_named(tiny, tmp_path, monkeypatch):
    train_prior(tiny.model_copy(update={"minutes": 1e-3}), tmp_path / "run", report=lambda _: None)
    monkeypatch.setitem(SIZES, "compact", TINY.model_copy(update={"channels": (8, 24)}))
    with pytest.raises(FewviewError, match="another network"):
        train_prior(tiny, tmp_path / "run", report=lambda _: None)


def test_a_larger_network_goes_on_from_a_smaller_one(tiny, weights, tmp_path, monkeypatch):
    wide = tiny.model_copy(update={"minutes": 1e-3, "size": "medium", "start": weights})
    train_prior(wide, tmp_path / "run", report=lambda _: None)
    assert read_average(tmp_path / "run")[1]["net.middle.conv1.weight"].shape[0] == 32
    narrow = TINY.model_copy(update={"channels": (8, 24)})
    monkeypatch.setitem(SIZES, "medium", narrow)
    with pytest.raises(FewviewError, match="another shape"):
        train_prior(wide, tmp_path / "other", report=lambda _: None)


def test_a_stack_needs_its_kind():
    with pytest.raises(FewviewError, match="belong together"):
        train_prior(PriorTraining(kind="stack"), None)


def test_export_writes_weights_and_card(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MAKERS", {"generic": validate.MAKERS["generic"]})
    monkeypatch.setattr(export, "validation_images", lambda kind, count=2, slices=1: torch.rand(2, slices, 32, 32))
    monkeypatch.setattr(export, "baseline_psnr", lambda kind, images: {"median": {}, "tv": {}})
    train_prior(tiny.model_copy(update={"minutes": 1e-3}), tmp_path / "run", report=lambda _: None)
    export_prior(tmp_path / "run", tmp_path / "mine.safetensors")
    card = read_card(tmp_path / "mine.safetensors")
    assert card["steps"] >= 1 and "own" in card["trained_on"] and set(card["denoising_psnr_db"]) == {"generic"}
    assert load_prior(tmp_path / "mine.safetensors").config == TINY


def test_an_empty_folder_cannot_be_exported(tmp_path):
    with pytest.raises(FewviewError, match="holds no training"):
        export_prior(tmp_path, tmp_path / "x.safetensors")


def test_the_average_forgets_the_start():
    net = torch.nn.Linear(1, 1)
    ema = PowerEma(net)
    with torch.no_grad():
        for step in range(1, 201):
            net.weight.fill_(0.0 if step <= 50 else 1.0)
            ema.update(net, step)
    assert ema.model.weight.item() > 0.999


def test_noise_levels_cover_the_range():
    torch.manual_seed(0)
    levels = noise_levels(20_000)
    assert 0.002 <= levels.min() < 0.004 and 80 < levels.max() <= 150
    assert 0.1 < levels.median() < 0.2


def test_denoising_figures_of_a_known_denoiser():
    images = torch.rand(4, 1, 32, 32)
    figures = validate.denoising_psnr(lambda noisy, sigma: noisy, images)
    for sigma in validate.NOISE_LEVELS:
        assert figures[f"{sigma:g}"] == pytest.approx(-20 * np.log10(sigma), abs=0.3)


def test_the_plain_denoisers_are_tuned_on_training_images(monkeypatch):
    flat = torch.full((2, 1, 32, 32), 0.5)
    monkeypatch.setattr(baselines, "_training_images", lambda kind: flat)
    figures = baselines.baseline_psnr("generic", flat)
    assert all(figures[name]["0.1"] > 30 for name in ("median", "tv"))


def test_two_processes_train_one_network(tmp_path):
    """Under torchrun the first process writes; both end."""
    pytest.importorskip("accelerate", reason="accelerate (extra [train]) is not installed")
    np.save(tmp_path / "stack.npy", np.random.default_rng(0).random((4, 64, 64)).astype(np.float32))
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from fewview.models.unet import UNetConfig\n"
        "from fewview.training import prior\n"
        "prior.COMPACT = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)\n"
        "here = Path(sys.argv[1])\n"
        "small = {'minutes': 0.02, 'batch': 2, 'crop': 32, 'device': 'cpu'}\n"
        "options = prior.PriorTraining(kind='stack', stack=here / 'stack.npy', **small)\n"
        "prior.train_prior(options, here / 'run', report=lambda line: print(line, flush=True))\n"
    )
    # The address by hand: else torchrun asks the network for the machine's name, which it may not know.
    alone = ["--standalone", "--local-addr=127.0.0.1"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", *alone]
    done = subprocess.run([*command, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-8000:]
    assert done.stdout.count("parameters on cpu") == 1
    assert json.loads((tmp_path / "run" / "curve.json").read_text())[0]["step"] > 0
