"""Measured views of a dense scan, as another scan has them: turned slices explain them, and they teach a network."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from fewview.geometry import ParallelBeam
from fewview.methods.interface import Problem
from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import load_unrolled, read_card
from fewview.operators import fan_beam, parallel_beam, projector
from fewview.quality.residual import noise_level
from fewview.training import sister, sister_check, unrolled
from fewview.training.sister import SisterTrainer, SisterTraining, export_sister
from fewview.training.sister_views import MeasuredViews
from fewview.training.specimens import halved
from fewview.training.unrolled_validate import reconstructed

N, SLICES = 32, 3
TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))


@pytest.fixture(scope="module")
def slices():
    """Blobs, none of which the turned slices show elsewhere."""
    return halved(blobs())


def blobs():
    """Twice as fine."""
    across = (torch.arange(2 * N) - (2 * N - 1) / 2) / 2
    volume = torch.zeros(SLICES, 2 * N, 2 * N)
    for z in range(SLICES):
        for x, y, r, value in ((2, -1, 9, 0.5), (5 - z, 5, 3, 0.5), (-6, z - 3, 2.5, 0.4)):
            volume[z] += value / (1 + torch.exp((across[:, None] - y) ** 2 + (across - x) ** 2 - r**2))
    return volume


def scanned(A, volume, noise=0.0):
    y = A(volume)
    return Problem(A, y + noise * torch.randn(y.shape, generator=torch.Generator().manual_seed(0)), torch.ones_like(y))


BEAMS = {
    "parallel": lambda views, arc: parallel_beam(np.arange(views) * arc / views, columns=N, axis=15.2),
    "fan": lambda views, arc: fan_beam(
        np.arange(views) * arc / views, columns=48, grid=N, pixel=0.15, sod=8.0, sdd=12.0, axis=23.9, principal=22.5
    ),
}


@pytest.mark.parametrize(("beam", "dense", "few"), [("parallel", 1, 1), ("parallel", 2, 1), ("fan", 2, 2)])
def test_turned_slices_explain_the_views_that_are_drawn(slices, beam, dense, few):
    made, rng = BEAMS[beam], np.random.default_rng(0)
    scan = scanned(made(9, few * np.pi), slices)
    found = MeasuredViews.of(scanned(made(180, dense * np.pi), slices), blobs().numpy(), 0.5, scan)
    assert found is not None
    turned = set()
    for _ in range(8):
        problem, truth = found.draw(2, rng)
        y = problem.operator(truth)
        assert y.shape == problem.data.shape and problem.operator.views == 9
        assert float((y - problem.data).norm() / problem.data.norm()) < 0.03
        turned.add(round(float(truth[0, 9, 9]), 4))
        gaps = np.diff(np.sort(np.mod(problem.operator.angles, few * np.pi)))
        assert gaps.max() < 1.5 * few * np.pi / 9
    assert len(turned) > 1, "turned by another angle each time"
    fewer, _ = found.draw(2, rng, missing=0.34)
    assert fewer.operator.views == 6


def test_a_finer_volume_in_any_unit_is_brought_to_that_of_the_views(slices):
    dense, rng = scanned(parallel_beam(np.arange(90) * np.pi / 90, columns=N), slices), np.random.default_rng(0)
    fine = 17.0 * blobs().repeat_interleave(2, 0).numpy()
    found = MeasuredViews.of(dense, fine, 0.5, scanned(parallel_beam(np.arange(6) * np.pi / 6, columns=N), slices))
    assert found is not None
    problem, truth = found.draw(3, rng)
    assert truth.shape == (3, N, N)
    assert float((problem.operator(truth) - problem.data).norm() / problem.data.norm()) < 0.03


def test_views_of_less_noise_get_what_is_missing(slices):
    dense = scanned(parallel_beam(np.arange(90) * np.pi / 90, columns=N), slices, 0.02)
    scan = scanned(parallel_beam(np.arange(6) * np.pi / 6, columns=N), slices, 0.3)
    found = MeasuredViews.of(dense, blobs().numpy(), 0.5, scan)
    assert found is not None
    levels = [noise_level(*(found.draw(3, np.random.default_rng(k))[0].data,)) for k in range(8)]
    assert np.mean(levels) == pytest.approx(noise_level(scan.data), rel=0.2)
    same = MeasuredViews.of(scan_of_many(slices, 0.3), blobs().numpy(), 0.5, scanned(scan.operator, slices, 0.02))
    assert same is not None and same.noise == 0, "noise is not taken away"


def scan_of_many(slices, noise):
    return scanned(parallel_beam(np.arange(90) * np.pi / 90, columns=N), slices, noise)


@pytest.mark.parametrize(
    "case",
    ["wider pixels", "another beam", "too few views", "a part of the directions", "a coarse volume", "as it should be"],
)
def test_views_that_cannot_stand_for_those_of_the_scan_are_not_used(slices, case):
    angles, arc = np.arange(90) * np.pi / 90, np.pi
    if case == "a part of the directions":
        angles = angles[:40]
    dense = scanned(projector(ParallelBeam(angles, SLICES, N, pixel=0.1)), slices)
    count = 60 if case == "too few views" else 6
    few = np.arange(count) * arc / count
    pixel = 0.12 if case == "wider pixels" else 0.1
    A = projector(ParallelBeam(few, SLICES, N, pixel=pixel))
    if case == "another beam":
        A = BEAMS["fan"](6, 2 * np.pi)
    voxel = 1.0 if case == "a coarse volume" else 0.5
    found = MeasuredViews.of(dense, blobs().numpy(), voxel, scanned(A, slices))
    assert (found is not None) is (case == "as it should be")


def test_they_teach_what_their_detector_does(slices, tmp_path, monkeypatch):
    """Columns that read too much in every view: no reprojection of the volume shows them."""
    monkeypatch.setattr(unrolled, "UnrolledConfig", lambda **_: TINY)
    wrong = torch.zeros(N)
    wrong[[8, 13, 22]] = 1.0

    def read(A):
        y = A(slices) + wrong
        return Problem(A, y, torch.ones_like(y))

    scan, dense = (read(parallel_beam(np.arange(n) * np.pi / n, columns=N)) for n in (8, 90))
    errors = []
    for views in (None, MeasuredViews.of(dense, blobs().numpy(), 0.5, scan)):
        options = SisterTraining(minutes=0.01, start="", rate=3e-3)
        folder = tmp_path / str(len(errors))
        trainer = SisterTrainer(options, slices.numpy(), scan, folder, lambda _: None, views)
        for _ in range(60):
            trainer.one_step(0.0)
        errors.append(float((reconstructed(trainer.net.eval(), scan, SLICES) - slices).square().mean()))
    assert errors[1] < 0.8 * errors[0]


def test_a_part_of_what_was_learnt_is_kept(slices, tmp_path, monkeypatch):
    torch.manual_seed(0)
    began, learnt, path = Unrolled(TINY), Unrolled(TINY), tmp_path / "net.safetensors"
    facts = {"options": {"start": "general"}, "trained_for": {}, "config": TINY.model_dump_json()}
    monkeypatch.setattr(sister, "averaged", lambda folder, make: (facts, deepcopy(learnt)))
    monkeypatch.setattr(sister, "load_unrolled", lambda name: began)
    monkeypatch.setattr(sister, "provenance", lambda facts: {})
    export_sister(tmp_path, path, "sister.h5", part=0.25)
    assert read_card(path)["part_of_the_way"] == 0.25
    kept, ends = load_unrolled(str(path)).state_dict(), (began.state_dict(), learnt.state_dict())
    for name, value in kept.items():
        torch.testing.assert_close(value, 0.75 * ends[0][name] + 0.25 * ends[1][name], atol=2e-3, rtol=2e-3)

    errors = {1.0: 4.0, 0.75: 3.0, 0.5: 1.0, 0.25: np.array([0.9, 1.1, 0.9])}

    def predicted(given, held, name, options):
        return errors[read_card(Path(options["weights"]))["part_of_the_way"]] + np.array([0.0, 1.0, 2.0])

    monkeypatch.setattr(sister_check, "read_average", lambda folder: (facts, {}))
    monkeypatch.setattr(sister_check, "_predicted", predicted)
    scan = scanned(BEAMS["parallel"](9, np.pi), slices)
    assert sister_check.kept_part(scan, tmp_path, path) == 0.5, "a quarter is not surely better"
    errors[0.75], errors[1.0] = 0.7, 0.6
    assert sister_check.kept_part(scan, tmp_path, path) == 1.0, "the best of those that are"
    facts["options"]["start"] = ""
    assert sister_check.kept_part(scan, tmp_path, path) == 1.0, "there is no network at the other end"
