"""Flats, darks, dose: right values, and nothing clipped in silence."""

import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.prepare.normalise import correct_dose, normalise

VIEWS, ROWS, COLUMNS = 6, 4, 20


@pytest.fixture
def beam():
    rng = np.random.default_rng(3)
    flat = rng.uniform(800, 1200, (ROWS, COLUMNS)).astype(np.float32)
    dark = rng.uniform(90, 110, (ROWS, COLUMNS)).astype(np.float32)
    transmission = rng.uniform(0.2, 1.0, (VIEWS, ROWS, COLUMNS)).astype(np.float32)
    return flat, dark, transmission, transmission * (flat - dark) + dark


def test_transmission_is_recovered(beam):
    flat, dark, transmission, frames = beam
    result = normalise(frames, flat[None], dark[None])
    np.testing.assert_allclose(result.values, transmission, rtol=1e-5)
    assert not result.mask.any()
    assert result.counts == {}


def test_the_median_ignores_one_wild_flat_and_the_mean_does_not(beam):
    flat, dark, transmission, frames = beam
    flats = np.stack([flat] * 5)
    flats[2] *= 10
    np.testing.assert_allclose(normalise(frames, flats, dark[None], "median").values, transmission, rtol=1e-5)
    assert np.all(normalise(frames, flats, dark[None], "mean").values < transmission)


def test_flats_before_and_after_are_interpolated_in_time(beam):
    flat, dark, transmission, _ = beam
    drift = np.linspace(1.0, 0.6, VIEWS, dtype=np.float32)[:, None, None]
    frames = transmission * (flat - dark) * drift + dark
    flats = np.stack([flat, (flat - dark) * 0.6 + dark])
    result = normalise(frames, flats, dark[None], "auto", np.array([0.0, 1.0]))
    np.testing.assert_allclose(result.values, transmission, rtol=1e-5)
    with pytest.raises(ScanError, match="at the same time"):
        normalise(frames, flats, dark[None], "interpolate", np.array([0.0, 0.0]))


def test_each_unusable_pixel_is_masked_and_counted_once(beam):
    flat, dark, transmission, frames = beam
    flat, frames = flat.copy(), frames.copy()
    flat[0, 0] = dark[0, 0]  # a dead flat pixel: unusable in every view
    frames[1, 2, 3] = np.nan
    frames[2, 2, 3] = dark[2, 3] - 1  # negative after the dark
    frames[3, 2, 3] = 65535
    frames[4] = dark  # a view without beam
    result = normalise(frames, flat[None], dark[None], saturation=65535)
    assert result.counts == {
        "not a number": 1,
        "flat is zero": VIEWS,
        "saturated": 1,
        "no counts above dark": 1 + ROWS * COLUMNS - 1,
    }
    assert np.count_nonzero(result.mask) == sum(result.counts.values())
    assert np.all(result.weights[result.mask] == 0)
    good = ~result.mask
    np.testing.assert_allclose(result.values[good], transmission[good], rtol=1e-5)


def test_counts_without_flats_are_refused_with_the_remedy(beam):
    with pytest.raises(ScanError, match="--flats"):
        normalise(beam[3], None, None)


@pytest.mark.parametrize("region", [None, (1, 3, 0, 2)])
def test_dose_correction_restores_a_fluctuating_beam(beam, region):
    flat, dark, transmission, _ = beam
    transmission = transmission.copy()
    transmission[:, :, :3] = transmission[:, :, -3:] = 1.0
    dose = np.array([1.0, 0.8, 1.3, 0.5, 1.1, 0.9], dtype=np.float32)
    frames = transmission * (flat - dark) * dose[:, None, None] + dark
    result = normalise(frames, flat[None], dark[None])
    factors = correct_dose(result, region)
    np.testing.assert_allclose(factors, dose, rtol=1e-5)
    np.testing.assert_allclose(result.values, transmission, rtol=1e-5)


def test_a_dose_region_outside_the_detector_is_refused(beam):
    result = normalise(beam[3], beam[0][None], beam[1][None])
    with pytest.raises(ScanError, match="does not lie within"):
        correct_dose(result, (0, 9, 0, 2))


def test_flats_of_several_times_are_interpolated_between(beam):
    flat, dark, transmission, _ = beam
    levels = np.interp(np.linspace(0, 1, VIEWS), [0.25, 0.5, 1.0], [1.0, 0.5, 0.8]).astype(np.float32)
    frames = transmission * (flat - dark) * levels[:, None, None] + dark
    flats = np.stack([(flat - dark) * level + dark for level in (1.0, 0.8, 0.5)])
    result = normalise(frames, flats, dark[None], "auto", np.array([0.25, 1.0, 0.5]))
    np.testing.assert_allclose(result.values, transmission, rtol=1e-4)


def test_a_pixel_that_the_flats_of_one_time_do_not_know_is_taken_from_those_of_the_other():
    flats = np.full((4, 1, 3), 100, np.float32)
    flats[:2, 0, 1] = np.nan
    result = normalise(np.full((2, 1, 3), 50, np.float32), flats, None, "auto", np.array([0.0, 0, 1, 1]))
    assert not result.mask.any() and np.allclose(result.values, 0.5)
