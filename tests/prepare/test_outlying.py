"""Detector pixels that read what no sample can give are left out, and told; whatever a sample may give is kept."""

import numpy as np
import pytest
import torch

from fewview.geometry import ParallelBeam
from fewview.operators import projector
from fewview.prepare import line_integrals
from fewview.testing.scans import block

SIZE, VIEWS, ROWS, DARK = 64, 20, 4, 100.0


def counts(volume, views=VIEWS, open_beam=20000.0, flats=5, seed=0):
    """Views, flats and darks of a volume (z, y, x), in 1/pixel."""
    rows, size, _ = volume.shape
    geometry = ParallelBeam(np.arange(views) * np.pi / views, rows, size, (size - 1) / 2, 1.0)
    exact = projector(geometry, geometry.volume)(torch.from_numpy(volume.astype(np.float32))).numpy().swapaxes(0, 1)
    draw = np.random.default_rng(seed).poisson
    frames = draw(open_beam * np.exp(-exact)) + DARK
    field = draw(open_beam, (flats, rows, size)) + DARK
    return frames.astype(np.float32), field.astype(np.float32), np.full((1, rows, size), DARK, np.float32)


def sample():
    return block(SIZE, ROWS) * 0.02


def around_the_axis(inside):
    x = np.arange(SIZE) - (SIZE - 1) / 2
    return np.stack([np.where(inside(np.hypot(*np.meshgrid(x, x))), 1.0, 0.0)] * ROWS)


def brighter(frames, where, factor=1000.0):
    frames[where] = DARK + factor * (frames[where] - DARK)


ALL = slice(None)
WRONG = {
    "a column": ((ALL, ALL, 27), "Column 27 of the detector left out"),
    "a column at the edge": ((ALL, ALL, 0), "Column 0 of the detector left out"),
    "three columns": ((ALL, ALL, [10, 27, 28]), "Columns 10, 27 to 28 of the detector left out"),
    "six side by side": ((ALL, ALL, slice(20, 26)), "Columns 20 to 25 of the detector left out"),
    "a row": ((ALL, 1), "Row 1 of the detector left out"),
    "a pixel": ((ALL, 1, 27), "The pixel in row 1, column 27 of the detector left out"),
}


@pytest.mark.parametrize("which", WRONG)
def test_what_is_far_too_bright_is_left_out_and_told(which):
    frames, flats, darks = counts(sample())
    where, said = WRONG[which]
    brighter(frames, where)
    prepared = line_integrals(frames, flats, darks, "counts")
    wrong = np.zeros(frames.shape, dtype=bool)
    wrong[where] = True
    assert np.array_equal(prepared.mask, wrong)
    assert not prepared.weights[wrong].any()
    assert prepared.counts == {"too bright in all views": int(wrong.sum())}
    (note,) = prepared.outlying.notes()
    assert note.startswith(said)


def test_flats_that_are_wrong_in_a_column_are_told_from_the_views():
    frames, flats, darks = counts(sample())
    brighter(flats, (ALL, ALL, 27))
    prepared = line_integrals(frames, flats, darks, "counts")
    assert prepared.counts == {"flat far too bright": VIEWS * ROWS}
    assert "the flats are more than 10 times as bright" in prepared.outlying.notes()[0]


@pytest.mark.parametrize("value", [120.0, 10000.0])
def test_a_column_that_never_changes_is_left_out(value):
    frames, flats, darks = counts(sample())
    frames[:, :, 27] = value
    prepared = line_integrals(frames, flats, darks, "counts")
    assert prepared.counts == {"the same in all views": VIEWS * ROWS}
    assert prepared.mask[:, :, 27].all()


def test_a_row_without_beam_is_left_out_and_a_dark_column_is_told_and_kept():
    frames, flats, darks = counts(sample())
    brighter(frames, (ALL, 1), 1e-3)
    assert line_integrals(frames, flats, darks, "counts").counts == {"row without beam": VIEWS * SIZE}
    frames, flats, darks = counts(sample())
    brighter(frames, (ALL, ALL, 27), 1e-3)
    prepared = line_integrals(frames, flats, darks, "counts")
    assert not prepared.mask.any()
    assert "Column 27 of the detector read more than 200 times less" in prepared.outlying.notes()[0]


def test_a_view_far_too_bright_is_left_out():
    frames, flats, darks = counts(sample())
    brighter(frames, (7,))
    prepared = line_integrals(frames, flats, darks, "counts")
    assert prepared.counts == {"view far too bright": ROWS * SIZE}
    assert prepared.mask[7].all()


@pytest.mark.parametrize("kind", ["transmission", "attenuation"])
def test_columns_are_found_in_frames_of_any_kind(kind):
    frames, flats, _ = counts(sample())
    values = (frames - DARK) / (flats.mean(axis=0) - DARK)
    values[:, :, 27] *= 1000
    values = values if kind == "transmission" else -np.log(values)
    prepared = line_integrals(values, None, None, kind)
    assert prepared.counts == {"too bright in all views": VIEWS * ROWS}
    if kind == "attenuation":  # on another scale, as some laboratories save theirs
        assert not line_integrals(1000 * values[:, :, 28:] + 500, None, None, kind).counts


SOUND = {
    "a block": sample(),
    "a needle on the axis": 2 * around_the_axis(lambda r: r < 2.2),
    "a thin wall": around_the_axis(lambda r: np.abs(r - 28) < 0.8),
    "a plate": np.stack([z * around_the_axis(lambda r: r < 25)[0] for z in (0.02, 0.5, 0.02, 0.02)]),
    "air": np.zeros((ROWS, SIZE, SIZE)),
}


@pytest.mark.parametrize("what", SOUND)
@pytest.mark.parametrize(("views", "open_beam", "flats"), [(4, 50, 1), (20, 50, 10), (20, 20000, 5)])
def test_whatever_a_sample_may_give_is_kept(what, views, open_beam, flats):
    prepared = line_integrals(*counts(SOUND[what], views, open_beam, flats), "counts")
    assert set(prepared.counts) <= {"no counts above dark"}


def test_flats_of_another_exposure_leave_nothing_out():
    frames, flats, darks = counts(sample())
    brighter(flats, ALL, 0.1)
    assert not line_integrals(frames, flats, darks, "counts").counts


def test_two_views_tell_nothing():
    frames, flats, darks = counts(sample(), views=2)
    brighter(frames, (ALL, ALL, 27))
    assert not line_integrals(frames, flats, darks, "counts").counts
