"""What a method knows beyond the volume: kept by slabs, resumed, and written beside the volume."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fewview
from fewview.errors import FewviewError
from fewview.io import read_volume
from fewview.methods import Estimate
from fewview.runs import memory
from fewview.runs.result import Result
from fewview.runs.slabs import SlabRun

RECORD = {"method": "counting", "unit": "mm^-1"}


@pytest.fixture
def scattering(use_method):
    """A method whose "std" is ten times its volume, from its second step on."""

    def run(problem, options):
        for step in range(3):
            volume = problem.data.mean(dim=(1, 2), keepdim=True).expand(-1, problem.operator.grid, 32) + step
            extra = {"std": 10 * volume} if step else {}
            yield Estimate(volume, step + 1, 3, extra=extra, state={"step": step})

    return use_method(solve=run)


@pytest.fixture
def two_slabs(monkeypatch, lines):
    def cut():
        needed = SlabRun(lines, "counting", {}).forecast.needed(3)
        monkeypatch.setattr(memory, "available", lambda device: int(needed / memory.SHARE) + 1)

    return cut


def test_slabs_put_them_together(lines, scattering, two_slabs):
    (*_, whole) = fewview.reconstruct(lines, "counting")
    two_slabs()
    estimates = list(fewview.reconstruct(lines, "counting"))
    ends = [e for e in estimates if e.stage.endswith("done")]
    assert len(ends) == 2
    assert np.array_equal(ends[1].extra["std"], whole.extra["std"])
    assert np.array_equal(whole.extra["std"], 10 * whole.volume)
    assert not ends[0].extra["std"][3:].any()  # still so after the second slab was filled in
    rest = list(fewview.reconstruct(lines, "counting", resume=ends[0].state))
    assert np.array_equal(rest[-1].extra["std"], whole.extra["std"])


def test_finer_ones_are_put_together_and_written_with_their_voxel(lines, use_method, two_slabs, tmp_path):
    def run(problem, options):
        volume = problem.data.mean(dim=(1, 2), keepdim=True).expand(-1, problem.operator.grid, 32)
        finer = volume.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
        yield Estimate(volume, 1, 1, extra={"finer": finer}, state={"step": 1})

    use_method(solve=run)
    two_slabs()
    *_, last = fewview.reconstruct(lines, "counting")
    assert last.extra["finer"].shape == tuple(2 * n for n in last.volume.shape)
    assert np.array_equal(last.extra["finer"][::2, ::2, ::2], last.volume)
    Result(last.volume, 0.02, RECORD, last.extra).write(tmp_path / "out.h5")
    assert read_volume(tmp_path / "out.finer.h5").voxel == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["out.npy", "out.tif", "out.h5", "out.zarr"])
def test_written_beside_the_volume_in_its_format_and_unit(tmp_path, name):
    volume = np.random.default_rng(0).random((2, 8, 8), dtype=np.float32)
    Result(volume, 0.02, RECORD, {"std": volume / 3}).write(tmp_path / name)
    found = read_volume(tmp_path / name.replace("out", "out.std"))
    assert np.array_equal(found.values, volume / 3)
    assert found.voxel == pytest.approx(0.02)
    assert found.attrs["unit"] == "mm^-1"
    assert found.attrs["record"] == {**RECORD, "quantity": "std"}
    assert np.array_equal(read_volume(tmp_path / name).values, volume)
    assert read_volume(tmp_path / name).attrs["record"] == RECORD


def test_an_input_is_not_overwritten(tmp_path):
    volume = np.ones((1, 4, 4), np.float32)
    theirs = tmp_path / "out.std.npy"
    theirs.write_bytes(b"measured")
    result = Result(volume, None, {}, {"std": volume}, (theirs,))
    with pytest.raises(FewviewError, match="is an input of this run"):
        result.write(tmp_path / "out.npy")
    assert theirs.read_bytes() == b"measured"
    assert np.array_equal(np.load(tmp_path / "out.npy"), volume)
    replace(result, inputs=()).write(tmp_path / "out.npy")
    assert np.array_equal(np.load(theirs), volume)


def test_torch_volumes_of_a_method_become_arrays(lines, scattering):
    (*_, last) = fewview.reconstruct(lines, "counting")
    assert isinstance(last.extra["std"], np.ndarray) and not torch.is_tensor(last.volume)
