"""Checkpoints: exact, whole, and only for the run they are of."""

import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.methods import Estimate
from fewview.runs.checkpoint import Checkpointer, checkpoint_path
from fewview.runs.recipe import Recipe

RECIPE = Recipe(scan="scan.h5", method="sirt", options={"iterations": 7})


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpointer(checkpoint_path(tmp_path / "volume.npy"), RECIPE, lambda: "abc", every=0.0)


def estimate(**state):
    return Estimate(np.zeros((1, 2, 2)), 3, 7, state=state)


def test_state_comes_back_bit_for_bit(checkpoint):
    rng = torch.Generator().manual_seed(5)
    state = {
        "volume": torch.rand(2, 3, 3, generator=rng).transpose(1, 2),  # not contiguous
        "double": torch.rand(4, generator=rng, dtype=torch.float64),
        "generator": rng.get_state(),
        "array": np.arange(6, dtype=np.int32).reshape(2, 3),
        "step": 3,
        "weight": 0.1 + 0.2,
        "stage": "iterating",
        "curve": [[0.1, 0.2], [0.3, 0.4]],
        "nothing": None,
    }
    checkpoint.save(estimate(**state))
    found = checkpoint.load()
    assert found.keys() == state.keys()
    for key, value in state.items():
        if isinstance(value, (torch.Tensor, np.ndarray)):
            assert torch.equal(found[key], torch.as_tensor(value)), key
            assert found[key].dtype == torch.as_tensor(value).dtype
        else:
            assert found[key] == value, key


def test_nothing_there_is_nothing_to_resume(checkpoint):
    assert checkpoint.load() is None


def test_it_is_due_by_the_clock_and_only_with_a_state(checkpoint, tmp_path):
    assert checkpoint.due(estimate(step=1))
    assert not checkpoint.due(Estimate(np.zeros((1, 2, 2)), 3, 7))
    rare = Checkpointer(tmp_path / "x", RECIPE, lambda: "", every=1e6)
    assert not rare.due(estimate(step=1))


def test_another_recipe_is_refused_by_name_of_what_differs(checkpoint):
    checkpoint.save(estimate(step=1))
    other = RECIPE.model_copy(update={"options": {"iterations": 9}, "views": 8})
    with pytest.raises(FewviewError, match=r"options was .*7.* and is now .*9.*") as caught:
        Checkpointer(checkpoint.path, other, lambda: "abc").load()
    assert "views was None and is now 8" in str(caught.value)
    assert "without --resume" in caught.value.remedy


def test_another_reference_is_not_another_run(checkpoint):
    checkpoint.save(estimate(step=1))
    other = RECIPE.model_copy(update={"reference": "truth.npy"})
    assert Checkpointer(checkpoint.path, other, lambda: "abc").load() == {"step": 1}


def test_a_changed_scan_is_refused(checkpoint):
    checkpoint.save(estimate(step=1))
    with pytest.raises(FewviewError, match=r"scan\.h5 has changed"):
        Checkpointer(checkpoint.path, RECIPE, lambda: "def").load()


@pytest.mark.parametrize("damage", ["cut", "nonsense", "empty"])
def test_a_damaged_checkpoint_is_told(checkpoint, damage):
    checkpoint.save(estimate(volume=torch.zeros(50), step=1))
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes({"cut": whole[:-20], "nonsense": b"\x00" * 100, "empty": b""}[damage])
    with pytest.raises(FewviewError, match="cannot be read"):
        checkpoint.load()


def test_a_failed_save_leaves_the_older_checkpoint(checkpoint, monkeypatch):
    checkpoint.save(estimate(step=1))

    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", fail)
    with pytest.raises(FewviewError, match="No space left"):
        checkpoint.save(estimate(step=2))
    assert checkpoint.load() == {"step": 1}
    assert [p.name for p in checkpoint.path.parent.iterdir()] == ["volume.npy.checkpoint"]


def test_removed_at_the_end(checkpoint):
    checkpoint.save(estimate(step=1))
    checkpoint.remove()
    checkpoint.remove()
    assert not checkpoint.path.exists()
