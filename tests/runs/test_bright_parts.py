"""What comes out weaker than it was measured is told, of any method, with and without held-out views."""

import numpy as np
import pytest

from fewview.geometry import ParallelBeam
from fewview.operators import parallel_beam
from fewview.runs.kept import remarks
from fewview.runs.recipe import Recipe
from fewview.runs.session import RecipeSession
from fewview.runs.slabs import SlabRun
from fewview.scan import LineIntegrals
from fewview.testing.scans import block

SIZE, SLICES, VIEWS, METAL = 48, 4, 32, 20.0
GRAIN = np.s_[1:3, 20:22, 30:32]


@pytest.fixture(scope="module")
def sample():
    """A block with a grain of metal, in slices 1 and 2: in 1/mm."""
    volume = block(SIZE, SLICES)
    volume[GRAIN] = METAL
    return volume


def measured(volume):
    """Counts of 20000, pixels of 0.1 mm."""
    import torch

    angles = np.arange(VIEWS) * np.pi / VIEWS
    exact = parallel_beam(angles, columns=SIZE, pixel=0.1)(torch.from_numpy(volume)).numpy().swapaxes(0, 1)
    counts = np.maximum(np.random.default_rng(0).poisson(20000 * np.exp(-exact)), 1)
    beam = ParallelBeam(angles, SLICES, SIZE, (SIZE - 1) / 2, 0.1)
    return LineIntegrals(-np.log(counts / 20000).astype(np.float32), beam, (counts / counts.mean()).astype(np.float32))


@pytest.mark.parametrize("holdout", [0.0, 0.25])
def test_a_grain_that_was_cut_off_is_found_where_it_lies(sample, holdout):
    run = SlabRun(measured(sample), "sirt", {}, holdout=holdout)
    found = run.too_weak(np.minimum(sample, 3.0))
    assert found.voxels == 8
    assert found.at[0] in (1, 2)
    assert found.at[1:] in [(y, x) for y in (20, 21) for x in (30, 31)]
    assert found.shown == pytest.approx(3.0)
    assert found.asked == pytest.approx(METAL, rel=0.05)


@pytest.mark.parametrize("holdout", [0.0, 0.25])
def test_what_is_as_it_was_measured_is_not(sample, holdout):
    assert SlabRun(measured(sample), "sirt", {}, holdout=holdout).too_weak(sample) is None
    plain = block(SIZE, SLICES)
    run = SlabRun(measured(plain), "sirt", {"iterations": 30}, holdout=holdout)
    *_, last = run
    assert run.too_weak(last.volume) is None
    assert run.too_weak(0.9 * plain) is None  # all of it: no speck, and the residual tells


def test_blocks_of_slices_find_the_worst(sample, monkeypatch):
    monkeypatch.setattr("fewview.runs.slabs.BLOCK", 1)
    cut = np.minimum(sample, 3.0)
    cut[1] = np.minimum(sample[1], 6.0)
    assert SlabRun(measured(sample), "sirt", {}).too_weak(cut).at[0] == 2


def test_few_views_tell_nothing(sample):
    lines = measured(sample).select_views([0, 11, 22])
    assert SlabRun(lines, "sirt", {}).too_weak(np.minimum(sample, 3.0)) is None


@pytest.mark.parametrize("holdout", [0.0, 0.25])
@pytest.mark.parametrize(
    ("method", "options"), [("cgls", {"iterations": 8}), ("dds", {"steps": 6}), ("naf", {"steps": 6}), ("postnet", {})]
)
def test_every_method_says_so_in_its_record(method, options, holdout, sample, tmp_path):
    path = tmp_path / "scan.npz"
    lines = measured(sample)
    np.savez(path, projections=lines.values, angles_deg=np.degrees(lines.geometry.angles))
    recipe = Recipe.parse(
        {
            "scan": str(path),
            "method": method,
            "options": options,
            "holdout": holdout,
            "axis": 23.5,
            "reader": {"kind": "attenuation", "pixel": 0.1},
            "device": "cpu",
        }
    )
    session = RecipeSession(recipe)
    for _ in session:
        pass
    said = remarks(session.finish().record["chosen"])
    assert any("brightest parts come out too weak" in sentence for sentence in said)
