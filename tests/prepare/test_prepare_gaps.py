"""What a scan lacks or loses: views without beam, empty rows, flats in time, edges that are not open, no tomopy."""

import sys

import numpy as np
import pytest

from fewview.errors import MethodUnavailable, ScanError
from fewview.prepare import PrepareOptions, chain, line_integrals
from fewview.prepare.logarithm import fill_masked
from fewview.prepare.normalise import correct_dose, normalise
from fewview.prepare.phase import phase_filter
from fewview.prepare.stripes import remove_stripes


@pytest.fixture
def counts():
    """Frames of 12 views with a dark of 100, flats of 1100, and transmissions between 0.3 and 1."""
    rng = np.random.default_rng(8)
    transmission = rng.uniform(0.3, 1.0, (12, 6, 40)).astype(np.float32)
    return transmission, 1000 * transmission + 100, np.full((2, 6, 40), 1100.0), np.full((2, 6, 40), 100.0)


def test_a_view_without_beam_is_masked_whole_and_filled_from_its_neighbours(counts):
    transmission, frames, flats, darks = counts
    frames = frames.copy()
    frames[5] = np.random.default_rng(0).normal(100, 5, frames[5].shape)
    prepared = line_integrals(frames, flats, darks, "counts")
    assert prepared.mask[5].all()
    assert not prepared.mask[[4, 6]].any()
    assert sum(prepared.counts.values()) == frames[5].size
    assert set(prepared.counts) == {"no counts above dark", "view without beam"}
    np.testing.assert_array_equal(prepared.weights[5], 0)
    between = -0.5 * (np.log(transmission[4]) + np.log(transmission[6]))
    np.testing.assert_allclose(prepared.values[5], between, atol=1e-5)


def test_binned_views_without_beam_count_detector_pixels(counts):
    _, frames, flats, darks = counts
    frames = frames.copy()
    frames[5] = 101
    assert line_integrals(frames, flats, darks, "counts", bin=2).counts == {"view without beam": 240}


def test_empty_rows_at_either_end_take_the_nearest_view():
    values = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 1, 3), np.float32)
    mask = np.zeros(values.shape, bool)
    mask[[0, 3]] = True
    np.testing.assert_array_equal(fill_masked(values, mask)[:, 0, 0], [1, 1, 2, 2])


def test_flats_are_interpolated_at_the_times_of_the_views(counts):
    transmission, _, flats, darks = counts
    times = np.array([0.0, 0.1, 0.9, 1.0] * 3)
    beam = 1000 * (1 - 0.5 * times[:, None, None])
    flats = np.stack([flats[0], flats[0] - 500])
    options = PrepareOptions(flat="interpolate")
    prepared = line_integrals(
        transmission * beam + 100, flats, darks, "counts", options, flat_times=np.array([0.0, 1.0]), view_times=times
    )
    np.testing.assert_allclose(prepared.values, -np.log(transmission), atol=1e-5)


def test_blocks_give_what_the_whole_gives(counts, monkeypatch):
    _, frames, flats, darks = counts
    frames = frames.copy()
    frames[3, 2, 5], frames[8] = np.nan, 100
    flats = np.stack([flats[0], flats[0] - 300])
    options = PrepareOptions(flat="interpolate", phase=5.0)
    whole = line_integrals(frames, flats, darks, "counts", options, flat_times=np.array([0.0, 1.0]))
    monkeypatch.setattr(chain, "_BLOCK", 3 * 240)
    parts = line_integrals(frames, flats, darks, "counts", options, flat_times=np.array([0.0, 1.0]))
    assert parts.counts == whole.counts
    np.testing.assert_array_equal(parts.mask, whole.mask)
    used = ~whole.mask
    np.testing.assert_allclose(parts.values[used], whole.values[used], rtol=1e-6)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-6)


def test_dose_uses_only_the_edge_that_stays_open(counts):
    transmission, _, flats, darks = counts
    transmission = transmission.copy()
    transmission[:, :, :4] = 1.0
    transmission[:, :, -4:] = np.linspace(1.0, 0.5, 12)[:, None, None]  # the sample swings into the right edge
    dose = np.random.default_rng(2).uniform(0.7, 1.3, 12).astype(np.float32)[:, None, None]
    result = normalise(1000 * transmission * dose + 100, flats, darks)
    np.testing.assert_allclose(correct_dose(result), dose[:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(result.values, transmission, rtol=1e-4)


def test_dose_of_a_view_without_beam_names_the_view(counts):
    _, frames, flats, darks = counts
    frames = frames.copy()
    frames[7] = 100
    with pytest.raises(ScanError, match="view 7"):
        line_integrals(frames, flats, darks, "counts", PrepareOptions(dose="edges"))


def test_steps_that_cannot_apply_are_said_to_be_left_out():
    options = PrepareOptions(dose="edges", phase=5.0, zingers=0.3)
    steps = line_integrals(np.ones((3, 4, 8), np.float32), None, None, "attenuation", options).steps
    assert len([step for step in steps if "left out: the frames hold attenuation" in step]) == 3


def test_phase_filter_is_paganins():
    """A cosine of frequency f passes at 1 / (1 + ratio f^2), and the frame's size does not matter."""
    ratio, period = 40.0, 16
    for width in (128, 200):
        wave = np.cos(2 * np.pi * np.arange(width) / period)
        frame = (1 + 0.1 * np.tile(wave, (24, 1))).astype(np.float32)
        got = phase_filter(frame[None], ratio)[0, 12, 48:80] - 1
        np.testing.assert_allclose(got, 0.1 * wave[48:80] / (1 + ratio / period**2), atol=2e-4)


def test_tomopy_stripes_without_tomopy_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomopy", None)
    with pytest.raises(MethodUnavailable, match="conda-forge tomopy"):
        remove_stripes(np.zeros((100, 1, 32), np.float32), "tomopy-fw")
