"""Views among themselves: open beam, saturation, overflow, spots."""

import numpy as np
import pytest

from fewview.io.checks import frames


def test_views_without_a_sample(disks):
    values = np.exp(-disks.integrals(disks.degrees))
    values[[0, 30]] = 1
    side = frames.beside(values)
    assert side.open and side.level == pytest.approx(1)
    np.testing.assert_array_equal(frames.without_sample(frames.attenuation(values, side.views)), [0, 30])


def test_a_sample_that_leaves_the_detector_is_no_drift_of_the_beam(disks):
    values = np.exp(-disks.integrals(disks.degrees))
    beam = np.linspace(1, 0.8, 60)[:, None, None]
    low, high = frames.drift(values * beam, frames.beside(values * beam))
    assert low == pytest.approx(0.81, abs=0.02) and high == pytest.approx(0.99, abs=0.02)
    assert frames.drift(values, frames.beside(values)) is None
    inside = values[:, :, 22:42]
    assert frames.drift(inside, frames.beside(inside)) is None


def test_the_mean_attenuation_does_not_hang_on_the_view(disks):
    values = np.exp(-disks.integrals(disks.degrees))
    mean = frames.attenuation(values, np.ones(60))
    np.testing.assert_allclose(mean, mean[0], rtol=0.02)


def test_saturation_needs_pixels_that_pile_up(disks):
    assert frames.ceiling(disks.frames.astype(np.float32), np.dtype(np.uint16)) is None
    full = np.minimum(disks.frames.astype(np.float32) * 4, 65535)
    assert frames.ceiling(full, np.dtype(np.uint16)) == 65535
    assert frames.saturated_share(full, 65535)[0] > 0.1


def test_signs_and_overflows(disks):
    large = disks.frames.astype(np.int64) * 3
    signed = large.astype(np.uint16).view(np.int16)
    assert frames.signed_by_mistake(signed.astype(np.float32), signed.dtype)
    assert not frames.signed_by_mistake(disks.frames.astype(np.float32) - 20000, np.dtype(np.int16))
    around = (disks.frames.astype(np.int64) * 4 % 65536).astype(np.uint16)
    assert frames.wrapped(around.astype(np.float32), around.dtype)
    spots = disks.frames.copy()
    spots.reshape(-1)[np.random.default_rng(0).integers(0, spots.size, 100)] = 65000
    assert not frames.wrapped(spots.astype(np.float32), spots.dtype)


def test_spots_are_told_from_narrow_gaps(disks):
    clean = disks.frames.astype(np.float32)
    assert frames.spots(clean).sum() == 0
    clean[5, 0, 20] += 30000
    clean[7, 1, 40:42] += 30000
    np.testing.assert_array_equal(np.flatnonzero(frames.spots(clean)), [5, 7])
    gap = np.full((1, 2, 64), 8000.0, np.float32)
    gap[:, :, 30:35] = [9300, 10200, 10900, 10100, 9200]
    assert frames.spots(gap).sum() == 0
