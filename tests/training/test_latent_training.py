"""The stages of a latent training: what each trains, how they follow, and their losses."""

from functools import partial

import numpy as np
import pytest
import torch

from fewview.cli.train_unrolled import carry_out
from fewview.errors import FewviewError, Interrupted, OptionError
from fewview.models.latent.model import load_latent
from fewview.models.weights import read_card
from fewview.training import latent, latent_export, latent_spread
from fewview.training.checkpoint import read_average
from fewview.training.latent import LatentTraining, contrast, train_latent
from fewview.training.latent_export import export_latent
from fewview.training.latent_volumes import Measurements, Volumes, measured


def test_a_later_stage_names_the_one_that_it_starts_from(tmp_path):
    for unaligned, before in ((False, "alignment"), (True, "autoencoder")):
        with pytest.raises(OptionError, match=f"--start {before}.safetensors"):
            train_latent(LatentTraining(stage="diffusion", unaligned=unaligned), tmp_path)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(latent, "CHECKS", 2)
    monkeypatch.setattr(latent_spread, "CALIBRATED", 1)
    monkeypatch.setattr(latent_spread, "SAMPLES", 2)


def _stage(folder, stage, start="", **more):
    options = LatentTraining(stage=stage, start=str(start), side=16, batch=2, minutes=0.004, **more)
    train_latent(options, folder / stage, report=lambda _: None)
    path = folder / stage / f"{stage}.safetensors"
    export_latent(folder / stage, path)
    return path


def test_stages_follow_and_each_trains_its_part(tmp_path, few):
    paths = [_stage(tmp_path, "autoencoder")]
    paths.append(_stage(tmp_path, "alignment", paths[-1]))
    paths.append(_stage(tmp_path, "diffusion", paths[-1]))
    models = [load_latent(path) for path in paths]
    for before, after, stage in zip(models, models[1:], ("alignment", "diffusion"), strict=False):
        for part in ("autoencoder", "alignment", "diffusion"):
            pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True)
            changed = [not torch.equal(a, b) for a, b in pairs]
            # The diffusion goes on training the encoder of the views, too.
            assert any(changed) == (part == stage or (part, stage) == ("alignment", "diffusion"))
    assert not torch.equal(models[0].spread, models[1].spread) and torch.equal(models[1].spread, models[2].spread)
    card = read_card(paths[-1])
    assert {"stage_autoencoder", "stage_alignment", "stage_diffusion"} <= set(card)
    assert (
        set(card["figures"]) == {"velocity", "unexplained", "spread"}
        and card["options"]["start"] == "alignment.safetensors"
    )


def test_a_stop_while_the_spread_is_measured_leaves_weights_whose_card_says_so(tmp_path, few, monkeypatch):
    before = _stage(tmp_path, "autoencoder")
    options = LatentTraining(stage="diffusion", start=str(before), side=16, batch=2, minutes=0.004, unaligned=True)
    weights = tmp_path / "run" / "diffusion.safetensors"

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with (
        monkeypatch.context() as patched,
        pytest.raises(Interrupted, match=r"is kept in .*run\. The same command goes on"),
    ):
        patched.setattr(latent_export, "latent_spread", interrupted)
        carry_out(
            partial(train_latent, options, tmp_path / "run", print), tmp_path / "run", weights.name, export_latent
        )
    assert load_latent(weights).config.side == 16
    card = read_card(weights)
    assert card["figures"]["spread"] is None and "stage_diffusion" in card
    carry_out(partial(train_latent, options, tmp_path / "run", print), tmp_path / "run", weights.name, export_latent)
    card = read_card(weights)
    assert card["figures"]["spread"] > 0 and card["stage_diffusion"]["figures"] == card["figures"]


def test_the_decoder_learns_alone(tmp_path, few):
    """Latents, and all that is said of them, stay; their volumes change."""
    before = load_latent(start := _stage(tmp_path, "diffusion", _stage(tmp_path, "autoencoder"), unaligned=True))
    path = _stage(tmp_path, "decoder", start)
    after = load_latent(path)
    drawing = {f"autoencoder.{part}" for part in ("coarse", "up", "fine")}
    for name, value in after.state_dict().items():
        learns = any(name.startswith(part) for part in drawing)
        assert learns or torch.equal(value, before.state_dict()[name]), name
    z = torch.randn(1, 4, 4, 4, 4)
    assert not torch.equal(before.decode(z), after.decode(z))
    assert set(read_card(path)["figures"]) == {"psnr_db", "velocity", "unexplained", "spread"}


def test_a_training_goes_on_where_it_stopped(tmp_path, few):
    _stage(tmp_path, "autoencoder")
    before = read_average(tmp_path / "autoencoder")[0]["step"]
    said = []
    train_latent(LatentTraining(side=16, batch=2, minutes=0.02), tmp_path / "autoencoder", said.append)
    assert "resumed" in said[0] and read_average(tmp_path / "autoencoder")[0]["step"] > before


def test_a_later_stage_wants_the_one_before(tmp_path):
    with pytest.raises(OptionError, match="alignment"):
        train_latent(LatentTraining(stage="diffusion"), tmp_path)


def test_the_diffusion_can_teach_the_encoder_of_the_views_itself(tmp_path, few):
    """The baseline without alignment: it starts from the autoencoder and trains both."""
    before = load_latent(start := _stage(tmp_path, "autoencoder"))
    after = load_latent(_stage(tmp_path, "diffusion", start, unaligned=True))
    for part, changes in (("autoencoder", False), ("alignment", True), ("diffusion", True)):
        pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs) == changes
    assert after.config.stage == "diffusion" and not torch.equal(before.spread, after.spread)


def test_the_factor_of_the_scatter_makes_nine_in_ten_intervals_hold():
    errors = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).abs()
    assert latent_spread.factor_of(errors) == pytest.approx(1, abs=0.03)
    assert latent_spread.factor_of(2.5 * errors) == pytest.approx(2.5, abs=0.08)


def test_contrast_is_least_for_pairs_and_symmetric():
    right = 20 * torch.eye(4)[None]
    assert contrast(right) < 1e-3 and contrast(right.roll(1, 2)) > 10
    assert contrast(torch.zeros(1, 4, 4)) == pytest.approx(np.log(4))
    odd = torch.randn(2, 4, 4)
    assert contrast(odd) == pytest.approx(float(contrast(odd.transpose(1, 2))))


def test_ones_own_volumes_are_read_and_others_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((20, 24, 24)))
    batch = Volumes(16, str(tmp_path)).batch(3, np.random.default_rng(0))
    assert batch.shape == (3, 1, 16, 16, 16) and batch.min() >= 0
    np.save(tmp_path / "b.npy", np.zeros((4, 4)))
    with pytest.raises(FewviewError, match=r"b\.npy"):
        Volumes(16, str(tmp_path))
    with pytest.raises(FewviewError, match="holds no"):
        Volumes(16, str(tmp_path / "elsewhere"))


def test_ones_own_volumes_are_validated_on_those_that_are_held_out(tmp_path, few):
    rng = np.random.default_rng(0)
    for count in range(1, 7):
        np.save(tmp_path / f"{count}.npy", count * rng.random((16, 16, 16)))
        volumes = Volumes(16, str(tmp_path))
        assert len(volumes.own) == max(1, count - 1) and len(volumes.checks(4)) == 1
        seen = any(torch.equal(x, volumes.held[0]) for x in volumes.own)
        assert seen == (count == 1) == ("which the training saw" in volumes.told(4))
    path = _stage(tmp_path, "autoencoder", volumes=str(tmp_path))
    card = read_card(path)
    assert card["trained_on"].startswith("5 volumes") and card["validation"].startswith("1 of the user's own")
    model, torsos = load_latent(path), Volumes(16)
    assert latent.latent_figures(model, "autoencoder", volumes) == card["figures"]
    assert latent.latent_figures(model, "autoencoder", torsos) != card["figures"]


def test_measurements_have_the_noise_of_their_dose():
    A, _ = Measurements(16, torch.device("cpu")).of((0.0, np.pi / 2))
    x = torch.rand(2, 1, 16, 16, 16) * 0.1
    clean = A(x.reshape(32, 16, 16))
    seen = [measured(x, A, np.random.default_rng(seed)) for seed in range(12)]
    off = [float((one.data - clean).abs().mean() / clean.mean()) for one in seen]
    assert min(off) == 0 and 0.002 < max(off) < 0.2
    assert all((one.weights is None) == (error == 0) for one, error in zip(seen, off, strict=True))
