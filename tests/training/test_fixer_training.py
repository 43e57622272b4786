"""Training of the slice fixer: pairs from training seeds, a loss that falls, a stop that is gone on from, a card."""

import json
from pathlib import Path

import pytest
import torch

from fewview.models.fixer import CompactFixer, FixerConfig, load_fixer
from fewview.simulate.seeds import TRAIN, nth
from fewview.training import fixer as training
from fewview.training.fixer_export import export_fixer
from fewview.training.fixer_pairs import ENDS_WITH, FixerPair, fill, make_pair, read_pair, write_pair

SMALL = FixerConfig(channels=(8, 16), embedding=16, tokens=16)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    for count in range(8):
        write_pair(folder / f"generic-{TRAIN[0] + count}.npz", make_pair("generic", TRAIN[0] + count))
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch, pool):
    """Pairs that are there already, few of them to validate on."""
    few = {"generic fbp": [make_pair("generic", nth("validation", 0), "fbp", 12)]}
    monkeypatch.setattr(training, "validation_pairs", lambda folder: few)
    monkeypatch.setattr("fewview.training.fixer_export.validation_pairs", lambda folder: few)
    monkeypatch.setattr(training.BackgroundProcess, "start", lambda self: None)
    monkeypatch.setattr(training, "FixerConfig", lambda **parts: SMALL.model_copy(update=parts))


def test_a_pair_is_the_same_from_its_seed_and_comes_back_from_disk(tmp_path):
    pair, again = make_pair("generic", TRAIN[0] + 3), make_pair("generic", TRAIN[0] + 3)
    torch.testing.assert_close(pair.damaged, again.damaged)
    write_pair(tmp_path / "pair.npz", pair)
    back = read_pair(tmp_path / "pair.npz")
    torch.testing.assert_close(back.clean, pair.clean, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(back.condition.columns, pair.condition.columns, atol=2e-3, rtol=2e-3)
    assert back.condition.prompt == pair.condition.prompt


def test_every_volume_gives_a_stopped_and_a_finished_pair_that_share_its_measurement(tmp_path):
    fill(tmp_path, 1)
    fill(tmp_path, 1)  # what is there stays
    stopped, finished = (read_pair(tmp_path / f"generic-{TRAIN[0]}{end}.npz") for end in ("", ENDS_WITH))
    assert len(list(tmp_path.iterdir())) == 2
    torch.testing.assert_close(stopped.clean, finished.clean)
    torch.testing.assert_close(stopped.condition.rows, finished.condition.rows)
    errors = [float((pair.damaged - pair.clean).square().mean()) for pair in (stopped, finished)]
    assert errors[1] < errors[0]


def test_finished_pairs_are_drawn_in_their_share(pool, tmp_path):
    for path in pool.iterdir():
        (tmp_path / path.name).symlink_to(path)
    name = f"generic-{TRAIN[0]}"
    (tmp_path / f"{name}{ENDS_WITH}.npz").symlink_to(pool / f"{name}.npz")
    options = training.FixerTraining(minutes=1, batch=4, device="cpu")
    trainer = training._FixerTrainer(options, tmp_path / "out", tmp_path, lambda line: None)
    drawn = [trainer.draw() is trainer.finished[0] for _ in range(400)]
    assert abs(sum(drawn) / 400 - training.FINISHED_SHARE) < 0.1
    assert trainer.seeds() == 8


def test_training_resumes_and_writes_weights_with_a_card(pool, tmp_path):
    options = training.FixerTraining(minutes=0.03, batch=4, device="cpu", validate_every=10, save_every=10)
    training.train_fixer(options, tmp_path, pool, report=lambda line: None)
    lines = []
    training.train_fixer(options.model_copy(update={"minutes": 0.04}), tmp_path, pool, report=lines.append)
    assert any("resumed at step" in line for line in lines)
    export_fixer(tmp_path, tmp_path / "fixer.safetensors")
    card = json.loads((tmp_path / "fixer.json").read_text())
    figures = training.fixer_psnr(load_fixer(tmp_path / "fixer.safetensors"), training.validation_pairs(Path()))
    assert card["psnr_db"] == figures
    assert card["trained_on"].count("8 volumes") == 1


def test_a_fixer_learns_to_repair():
    (whole,) = training.validation_pairs(Path())["generic fbp"]
    two = torch.tensor([1, 4])
    pair = FixerPair(whole.clean[two], whole.damaged[two], whole.condition.part(two))
    torch.manual_seed(0)
    fixer = CompactFixer(SMALL)
    optimizer = torch.optim.AdamW(fixer.parameters(), lr=5e-3)
    for _ in range(25):
        optimizer.zero_grad()
        training.fixer_loss(fixer(pair.damaged[:, None], pair.condition)[:, 0], pair.clean).backward()
        optimizer.step()
    told = training.fixer_psnr(fixer, {"two": [pair]})["two"]
    assert told["after"] > told["before"] + 2


def test_loss_is_zero_for_the_truth_alone():
    clean = torch.rand(2, 24, 24)
    assert float(training.fixer_loss(clean, clean)) == pytest.approx(0, abs=1e-6)
    assert float(training.fixer_loss(clean + 0.1, clean)) > 0.09


def test_untrained_fixer_leaves_the_figures_as_they_are():
    pairs = training.validation_pairs(Path())
    told = training.fixer_psnr(CompactFixer(), pairs)["generic fbp"]
    assert told["before"] == told["after"]
