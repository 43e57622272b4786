"""End-to-end training: it learns, resumes and exports; a volume teaches a scan's network from the command line."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fewview.cli.main import app
from fewview.errors import FewviewError
from fewview.io.write_volume import write_volume
from fewview.methods import get_method
from fewview.methods.selection.held_out import hold_out
from fewview.models import unrolled as model
from fewview.models.unrolled import UnrolledConfig
from fewview.models.weights import read_card
from fewview.operators import fan_beam, parallel_beam, tiles
from fewview.simulate import Simulation, simulate, write_simulated
from fewview.simulate.grains import grains
from fewview.training import unrolled, unrolled_export, unrolled_spread
from fewview.training.acquisitions import Acquisitions, measured
from fewview.training.sister import SisterTrainer, SisterTraining, export_sister
from fewview.training.sister_check import held_out_check
from fewview.training.sister_volume import sister_volume
from fewview.training.specimens import specimens
from fewview.training.unrolled import UnrolledTraining, train_unrolled
from fewview.training.unrolled_export import export_unrolled

TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))


@pytest.fixture
def tiny(monkeypatch):
    """A network so small that a training takes a second."""
    monkeypatch.setattr(unrolled, "UnrolledConfig", lambda **_: TINY)
    assert model.UnrolledConfig is UnrolledConfig


@pytest.fixture(scope="module")
def sample():
    """A volume, and a scan of other slices of it."""
    volume = grains(np.random.default_rng(3), 32, 30)
    rng = np.random.default_rng(0)
    fine, _ = specimens([volume[:10]], 32, 1, 4, rng)
    A = parallel_beam(np.arange(10) * np.pi / 10, columns=32, pixel=0.1)
    return volume[10:], measured(fine, A, rng, counts=(3000, 3000), noiseless=0.0)


def pool_of(blocks):
    """A pool that holds these blocks and makes none."""

    class Pool:
        def __init__(self, *_, **__):
            self.blocks, self.seeds = blocks, lambda: len(blocks)

        start = stop = refresh = lambda self, **_: None

    return Pool


def test_simulated_samples_teach_and_it_resumes(tiny, monkeypatch, tmp_path):
    blocks = [grains(np.random.default_rng(k), 64, 6) for k in range(2)]

    monkeypatch.setattr(unrolled, "Pool", pool_of(blocks))
    monkeypatch.setattr(unrolled, "kind_psnr", lambda *_: {"8": 20.0})
    monkeypatch.setattr(unrolled_export, "kind_psnr", lambda *_: {"8": 20.0})
    monkeypatch.setattr(unrolled_export, "honest_spread", lambda *_, **__: {"8": 1.5})
    lines = []
    options = UnrolledTraining(kind="general", minutes=0.03, batch=2, small=0.5)
    train_unrolled(options, tmp_path / "run", report=lines.append)
    train_unrolled(options.model_copy(update={"minutes": 0.04}), tmp_path / "run", report=lines.append)
    assert any("resumed at step" in line for line in lines)
    export_unrolled(tmp_path / "run", tmp_path / "net.safetensors")
    card = read_card(tmp_path / "net.safetensors")
    assert card["trained_for"]["views"] == [4, 128] and "grains" in card["trained_on"] and card["steps"] >= 1
    assert card["spread_factor"] == {"8": 1.5}


def test_the_spread_that_would_have_been_honest(monkeypatch):
    """Of a sampler that always draws the same deviation, half of what the answer errs by."""
    truth = torch.zeros(1, 32, 32)
    truth[:, 8:24, 8:24] = 1.0
    error = 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    case = (None, truth)
    monkeypatch.setattr(unrolled_spread, "validation_case", lambda *_: case)
    drawn = (truth + error, (truth + error + 0.05).expand(8, -1, -1, -1))
    monkeypatch.setattr(unrolled_spread, "mean_and_samples", lambda *_: drawn)
    found = unrolled_spread.honest_spread(None, ["materials", "grains"], samples=1)
    assert set(found) == {"4", "8", "16", "32", "64"} and found["8"] == pytest.approx(2.0, rel=0.1)


def test_samples_of_a_network_come_with_its_mean(sample):
    torch.manual_seed(0)
    net = unrolled.Unrolled(TINY)
    mean, samples = unrolled_spread.mean_and_samples(net, sample[1], count=2, steps=3)
    assert samples.shape == (2, *mean.shape) and mean.shape == (4, 32, 32)
    assert not torch.allclose(samples[0], samples[1])
    spread = unrolled_spread.spread_about(mean, samples)
    assert torch.allclose(spread.square() * 2, (samples - mean).square().sum(dim=0), rtol=1e-4)


def test_a_step_leaves_no_matrix_behind(tiny, monkeypatch, tmp_path):
    """Kept, those of a training of an hour took some GB together with the gaps between them."""
    monkeypatch.setattr(unrolled, "Pool", pool_of([grains(np.random.default_rng(1), 64, 6)]))
    trainer = unrolled.SimulatedTrainer(UnrolledTraining(batch=1), tmp_path, tmp_path, lambda _: None)
    before = set(tiles._kept)
    drawn = []
    draw = trainer.acquisitions.draw
    monkeypatch.setattr(Acquisitions, "draw", lambda _, *given: drawn.append(draw(*given)) or drawn[-1])
    trainer.one_step(0.0)
    assert drawn[0].engine.nbytes > 0 and set(tiles._kept) == before


def test_a_volume_teaches_its_scan(tiny, sample, tmp_path):
    volume, scan = sample
    options = SisterTraining(minutes=0.01, start="", rate=3e-3)
    trainer = SisterTrainer(options, volume, scan, tmp_path / "steps", lambda _: None)
    before = trainer.figures()["heldout_psnr"]
    for _ in range(60):
        trainer.one_step(0.0)
    assert trainer.figures()["heldout_psnr"] > before + 0.3
    SisterTrainer(options, volume, scan, tmp_path / "run", report=lambda _: None).run()
    assert json.loads((tmp_path / "run" / "curve.json").read_text())[-1]["heldout_psnr"] > 0
    export_sister(tmp_path / "run", tmp_path / "net.safetensors", "sister.h5", {"verdict": "so"})
    card = read_card(tmp_path / "net.safetensors")
    assert card["trained_for"]["pixel_mm"] == [0.1, 0.1] and card["trained_for"]["views"] == [8, 10]
    assert card["trained_on"] == "the volume sister.h5" and card["held_out"] == {"verdict": "so"}
    method = get_method("unrolled")
    *_, last = method.run(scan, method.options(weights=str(tmp_path / "net.safetensors"), symmetries=False))
    assert "outside_training" not in last.chosen and last.scalars["data_residual"] < 0.5


def test_a_volume_teaches_a_scan_with_a_fan(tiny, sample, tmp_path):
    volume, _ = sample
    A = fan_beam(np.arange(16) * np.pi / 8, columns=48, grid=32, pixel=0.15, sod=8.0, sdd=12.0)
    rng = np.random.default_rng(1)
    fine, _ = specimens([volume[:10]], 32, 1, 4, rng)
    scan = measured(fine, A, rng, counts=(3000, 3000), noiseless=0.0)
    trainer = SisterTrainer(SisterTraining(minutes=0.01, start="", rate=3e-3), volume, scan, tmp_path, lambda _: None)
    before = trainer.figures()["heldout_psnr"]
    for _ in range(40):
        trainer.one_step(0.0)
    assert trainer.figures()["heldout_psnr"] > before + 0.2
    assert trainer.further_facts()["trained_for"]["pixel_mm"] == pytest.approx([0.1, 0.1])


def test_one_slice_teaches_too_and_says_that_none_is_held_out(tiny, sample, tmp_path):
    """Of a measured sample there may be no more than one sinogram."""
    volume, scan = sample
    said = []
    options = SisterTraining(minutes=0.01, start="", rate=3e-3)
    trainer = SisterTrainer(options, volume[:1], scan, tmp_path, said.append)
    assert "too thin" in said[-1] and trainer.picture().shape == (1, 32, 32)
    before = trainer.figures()["learnt_psnr"]
    for _ in range(30):
        trainer.one_step(0.0)
    assert trainer.figures()["learnt_psnr"] > before + 0.2


def test_held_out_views_say_what_it_may_be_used_for(monkeypatch, sample):
    from fewview.training import sister_check

    _, scan = sample

    def predicted(given, held, name, options):
        return np.full(10, {"tv": 3.0, "mbir": 2.0, "d3ip-generic": 2.5, "unrolled": unrolled_error}[name])

    monkeypatch.setattr(sister_check, "_predicted", predicted)
    unrolled_error = 1.0
    found = held_out_check(scan, "net.safetensors")
    mbir = sister_check.get_method("mbir").title
    assert f"29.3 % better than by the best other method, {mbir}: use these" in found["verdict"]
    assert found["relative_error"]["tv"] / found["relative_error"]["mbir"] == pytest.approx(1.5**0.5, rel=1e-3)
    power = float(scan.data.square().mean())
    assert found["relative_error"]["tv"] == pytest.approx(
        (3 / power) ** 0.5, rel=0.3
    )  # the views held out are like all
    unrolled_error = 8.0
    assert "100.0 % worse" in held_out_check(scan, "net.safetensors")["verdict"]


@pytest.mark.parametrize(("voxel", "side"), [(None, 24), (0.1, 24), (0.05, 48), (0.125, 24)])
def test_a_volume_comes_onto_the_field_of_view(tmp_path, voxel, side):
    shape = {0.05: 44, 0.125: 16}.get(voxel, 20)
    values = np.ones((10, shape, shape + 2), np.float32)
    write_volume(tmp_path / "v.h5", values, voxel=voxel) if voxel else np.save(tmp_path / "v.npy", values)
    path = tmp_path / ("v.h5" if voxel else "v.npy")
    found = sister_volume(path, 24, 0.1)
    assert found.shape[1:] == (side, side) and found[5, side // 2, side // 2] == 1 and found[5, 0, 0] == 0
    with pytest.raises(FewviewError, match="as fine as the scan"):
        sister_volume(path, 24, 0.02) if voxel else sister_volume(_coarse(tmp_path), 24, 0.02)


def _coarse(folder):
    write_volume(folder / "c.h5", np.ones((10, 20, 20), np.float32), voxel=0.1)
    return folder / "c.h5"


def test_the_command_line_wants_volume_and_scan_together(tmp_path):
    said = CliRunner().invoke(app, ["train", "unrolled", "--from", "v.h5", "-o", str(tmp_path / "w.safetensors")])
    assert said.exit_code != 0 and "belong together" in str(said.output) + str(said.exception)


def test_from_a_dense_volume_to_a_reconstruction_on_the_command_line(tiny, tmp_path):
    done = simulate(Simulation(phantom="foam", size=32, depth=16, views=8, xray_views=0, seed=2))
    write_simulated(done, tmp_path / "scan.h5")
    write_volume(tmp_path / "dense.h5", done.truth_neutron[:12], voxel=done.pixel)
    weights, scan = str(tmp_path / "sister.safetensors"), str(tmp_path / "scan.h5")
    asked = ["train", "unrolled", "--from", str(tmp_path / "dense.h5"), "--like", scan, "--rows", "12:16"]
    learnt = CliRunner().invoke(
        app, [*asked, "--out", weights, "--minutes", "0.01", "--no-check", "--set", "start="], catch_exceptions=False
    )
    assert learnt.exit_code == 0 and "To go on, give more minutes" in learnt.output
    card = read_card(tmp_path / "sister.safetensors")
    assert card["trained_for"]["pixel_mm"] == [pytest.approx(done.pixel)] * 2 and card["trained_for"]["views"] == [6, 8]
    out = tmp_path / "volume.npy"
    asked = ["reconstruct", scan, "-o", str(out), "--rows", "12:16", "--method", "unrolled", "--views", "4"]
    made = CliRunner().invoke(app, [*asked, "--set", f"weights={weights}"], catch_exceptions=False)
    assert made.exit_code == 0 and np.load(out).shape == (4, 32, 32)
    assert "note: The scan has 4 views; the network was trained for 6 to 8." in made.output


def test_some_steps_see_as_few_views_as_a_check_of_the_scan(tiny, sample, tmp_path, monkeypatch):
    """A network that has never missed a view would be judged by what it cannot do."""
    volume, scan = sample
    trainer = SisterTrainer(SisterTraining(minutes=0.01, start=""), volume, scan, tmp_path, lambda _: None)
    seen = []
    monkeypatch.setattr(trainer, "descend", lambda problem, *_: seen.append(problem) or 0.0)
    for _ in range(60):
        trainer.gradients()
    given, _ = hold_out(scan)
    views = [problem.operator.views for problem in seen]
    assert min(views) == given.operator.views and max(views) == scan.operator.views
    assert 0.05 < np.mean(np.array(views) < scan.operator.views) < 0.3
    gaps = [float((problem.weights == 0).double().mean()) for problem in seen]
    assert 0.05 < max(gaps) < 0.16 and not any(gap and few for gap, few in zip(gaps, np.array(views) < 10, strict=True))
