"""Flats and darks among themselves."""

import numpy as np

from fewview.io.checks import flats_darks as checks


def test_flats_to_leave_out():
    level = np.array([20100.0, 20090, 20110, 20095, 20105])
    assert checks.odd_ones(level, 100.0, None) == {}
    assert checks.odd_ones(np.r_[level, 101.0], 100.0, None) == {5: "reads 0 % of the others: a dark"}
    assert list(checks.odd_ones(np.r_[level, 15000.0], 100.0, None)) == [5]


def test_a_beam_that_drifts_is_no_reason():
    times = np.repeat([0.0, 1.0], 5)
    level = np.where(times == 0, 20000.0, 12000.0) + np.arange(10)
    assert checks.odd_ones(level, 0.0, times) == {}
    assert checks.several_exposures(level, 0.0, times) == ""
    assert "12000 to 20000" in checks.several_exposures(np.array([12000.0, 20000]), 0.0, None)


def test_views_of_a_sample_are_no_flats(disks):
    flats = disks.flats().astype(np.float32)
    assert checks.unlike(flats, 100.0, None) == ""
    assert "like views of a sample" in checks.unlike(disks.frames[:20].astype(np.float32), 100.0, None)
    drift = np.linspace(0.8, 1.2, flats.shape[2], dtype=np.float32)
    both = np.concatenate([flats, flats * drift])
    assert checks.unlike(both, 0.0, np.repeat([0.0, 1.0], 5)) == ""


def test_pixels_of_flats_that_are_no_numbers_tell_nothing(disks):
    flats = disks.flats().astype(np.float32)
    flats[0, 0, 3:9] = np.nan
    assert checks.unlike(flats, 100.0, None) == "" and checks.spots(flats) == 0
    flats[0] = np.nan
    assert checks.unlike(flats, 100.0, None) == ""
    views = disks.frames[:20].astype(np.float32)
    views[3, 0, 2] = np.nan
    assert "like views of a sample" in checks.unlike(views, 100.0, None)
    flats[1, 0, 5] = 60000
    assert checks.spots(flats) == 1


def test_flats_that_are_too_dark():
    assert "only 7 counts per pixel above dark, 35 in all 5" in checks.too_dark(np.full(5, 107.0), 100.0, 3.0)
    assert "no brighter than the darks" in checks.too_dark(np.full(5, 101.0), 100.0, 10.0)
    assert checks.too_dark(np.full(1, 188.0), 0.0, 0.0) == ""
