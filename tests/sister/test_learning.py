"""Learning from a dense scan, as command line and viewer do it: a picture on the way, a stop that keeps, a verdict."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import zoom

from fewview.errors import OptionError, Stopped
from fewview.models.unrolled import UnrolledConfig
from fewview.models.weights import load_unrolled, read_card
from fewview.runs.recipe import Recipe
from fewview.simulate import Simulation, simulate, write_simulated
from fewview.sister import Lesson, dense, learn, learn_in_worker, learning
from fewview.training import sister_volume, unrolled
from fewview.training.sister import SisterTrainer, SisterTraining

TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A dense scan and a few-view scan of the same kind of sample."""
    folder = tmp_path_factory.mktemp("scans")
    for name, views, seed in (("dense", 40, 1), ("few", 8, 2)):
        made = simulate(Simulation(phantom="foam", size=32, depth=12, views=views, xray_views=0, seed=seed))
        write_simulated(made, folder / f"{name}.h5")
    return folder


@pytest.fixture
def lesson(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(unrolled, "UnrolledConfig", lambda **_: TINY)
    few = Recipe(scan=str(scans / "few.h5"), method="unrolled", rows=(4, 8))
    return Lesson(tmp_path / "foam.safetensors", str(scans / "dense.h5"), few)


def test_a_dense_scan_teaches_and_the_scan_says_what_for(lesson, monkeypatch):
    monkeypatch.setattr(learning, "held_out_check", lambda problem, weights: {"verdict": f"{weights.stem} it is."})
    steps = learn(lesson, SisterTraining(minutes=0.002, start="", validate_every=0.001), report=lambda _: None)
    seen = []
    try:
        while True:
            seen.append(next(steps))
    except StopIteration as end:
        record = end.value
    first = seen[0].volume.shape
    assert first[1:] == (32, 32) and all(one.volume.shape == first for one in seen)
    assert "heldout_psnr" in seen[0].scalars and len({one.total for one in seen}) == 1
    assert seen[-1].stage.startswith("checking") and np.all(np.diff([one.done for one in seen]) >= 0)
    assert record["taught"] == dense.VOLUME_ALONE, "it is not binned"
    assert record["verdict"] == "foam it is." and record["curve"][-1]["heldout_psnr"] > 0
    card = read_card(lesson.weights)
    assert card["trained_on"] == "the volume dense.h5" and card["held_out"]["verdict"] == "foam it is."
    assert card["trained_for"]["views"] == [6, 8]


@pytest.mark.parametrize(
    ("binned", "said"), [(2, "AS_MEASURED"), (4, "AS_MEASURED"), (3, "VOLUME_ALONE"), (1, "VOLUME_ALONE")]
)
def test_what_a_dense_scan_taught_is_said(lesson, monkeypatch, tmp_path, binned, said):
    """Binned by an even number the dense scan is reconstructed finer, if it has one row, too; not of other pixels."""
    path, others = lesson.dense, {1: {"size": 48, "depth": 12}, 4: {"size": 32, "depth": 2}}
    if binned in others:
        made = simulate(Simulation(phantom="foam", **others[binned], views=40, xray_views=0, seed=1))
        write_simulated(made, tmp_path / "other.h5")
        path = str(tmp_path / "other.h5")
    scan = lesson.scan.model_copy(update={"bin": binned, "rows": None})
    steps = learn(
        Lesson(lesson.weights, path, scan),
        SisterTraining(minutes=0.002, start=""),
        check=False,
        report=lambda _: None,
    )
    try:
        while True:
            next(steps)
    except StopIteration as end:
        assert end.value["taught"] == getattr(dense, said) and end.value["verdict"] == ""


def test_a_stop_keeps_what_was_learnt_and_checks_nothing(lesson, monkeypatch):
    monkeypatch.setattr(learning, "held_out_check", lambda *_: pytest.fail("checked"))
    asked, told = [], []
    signals = SimpleNamespace(stopped=lambda: len(asked) > 0, stage=told.append)
    payload = {"weights": str(lesson.weights), "dense": lesson.dense, "recipe": lesson.scan.model_dump(mode="json")}
    steps = learn_in_worker({**payload, "options": {"minutes": 60, "start": ""}}, signals)
    next(steps)
    next(steps)
    asked.append("stop")
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert told[0].startswith("preparing") and told[-1].startswith("reconstructing the dense scan: step ")
    assert end.value.value["kept"] == "result" and not end.value.value["verdict"]
    load_unrolled(lesson.weights)
    assert (lesson.weights.parent / "foam-training").is_dir()


@pytest.mark.parametrize(
    ("module", "stage"),
    [
        *((learning, stage) for stage in ("prepared", "inspect", "on_field", "SisterTrainer")),
        *((dense, stage) for stage in ("prepared", "SlabRun")),
    ],
)
def test_a_stop_is_heard_before_anything_is_learnt(lesson, monkeypatch, module, stage):
    """Asked as a stage of the preparation begins: that stage ends by it, whichever it is, and nothing is trained."""
    asked, begun = [], getattr(module, stage)

    def beginning(*args, **more):
        asked.append("stop")
        return begun(*args, **more)

    monkeypatch.setattr(SisterTrainer, "steps", lambda self: pytest.fail("trained"))
    monkeypatch.setattr(module, stage, beginning)
    steps = learn(lesson, SisterTraining(minutes=1, start=""), report=lambda _: None, stop=lambda: bool(asked))
    with pytest.raises(Stopped):
        next(steps)
    assert asked and not lesson.weights.exists()


def test_a_stop_within_the_first_step_leaves_no_network_that_learnt_nothing(lesson, monkeypatch):
    def one_step(self, progress):
        raise Stopped

    monkeypatch.setattr(SisterTrainer, "one_step", one_step)
    steps = learn(lesson, SisterTraining(minutes=1, start=""), report=lambda _: None)
    next(steps)
    with pytest.raises(Stopped):
        next(steps)
    assert not lesson.weights.exists() and not (lesson.weights.parent / "foam-training" / "state.safetensors").exists()


def test_a_volume_is_made_finer_piece_by_piece_as_at_once(monkeypatch):
    monkeypatch.setattr(sister_volume, "AT_ONCE", 200)
    values, looks = np.random.default_rng(0).random((5, 12, 9)).astype(np.float32), []
    found = sister_volume.on_field(values, 0.13, 16, 0.1, "fine.npy", lambda: looks.append(1))
    whole = zoom(values, 1.3, order=1)
    assert found.shape == (6, 16, 16) and len(looks) > 6 + 5
    np.testing.assert_allclose(found[:, :, 2:14], whole[:, :, :], atol=1e-6)


def test_weights_need_their_ending(lesson):
    with pytest.raises(OptionError, match="safetensors"):
        next(learn(Lesson(lesson.weights.with_suffix(".pt"), lesson.dense, lesson.scan), SisterTraining()))
