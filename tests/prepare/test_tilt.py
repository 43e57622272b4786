"""The tilt of the axis: found from rows far apart, and taken out so that the slices are sharp again."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from fewview.errors import OptionError
from fewview.frames import ArrayFrames
from fewview.geometry import ParallelBeam
from fewview.prepare import PrepareOptions
from fewview.prepare.tilt import TiltEstimate, find_tilt, tilt_of, upright
from fewview.runs.inputs import chosen_scan
from fewview.runs.recipe import Recipe
from fewview.samples import TOOTH
from fewview.scan import Scan

VIEWS, ROWS, COLUMNS, AXIS = 60, 48, 96, 50.0
ANGLES = np.linspace(0, np.pi, VIEWS, endpoint=False)


def rods(tilt, noise=0.002):
    """Line integrals of upright rods around an axis that leans by ``tilt`` degrees about the detector's middle."""
    t = np.radians(tilt)
    v, u = np.mgrid[0:ROWS, 0:COLUMNS].astype(float)
    dv, du = v - (ROWS - 1) / 2, u - (COLUMNS - 1) / 2
    across = -np.sin(t) * dv + np.cos(t) * du + (COLUMNS - 1) / 2 - AXIS  # distance from the leaning axis
    out = np.zeros((VIEWS, ROWS, COLUMNS), np.float32)
    for x, y, r in ((12.0, 3.0, 9.0), (-17.0, 8.0, 6.0), (2.0, -20.0, 7.0)):
        for k, angle in enumerate(ANGLES):
            away = across - (x * np.cos(angle) + y * np.sin(angle))
            out[k] += 0.02 * 2 * np.sqrt(np.maximum(r**2 - away**2, 0))
    return out + noise * np.random.default_rng(0).standard_normal(out.shape).astype(np.float32)


@pytest.mark.parametrize("tilt", [4.0, -1.5])
def test_a_tilt_is_found_and_taken_out(tilt):
    leaning = rods(tilt)
    found = find_tilt(leaning.swapaxes(0, 1), ANGLES)
    assert found.matters and found.degrees == pytest.approx(tilt, abs=0.3)
    assert found.shift == pytest.approx(np.tan(np.radians(tilt)) * (ROWS - 1), abs=0.4)
    assert "tilted by" in found.words()
    middle = ((ROWS - 1) / 2, (COLUMNS - 1) / 2)
    turned, weights = upright(rods(tilt, 0.0), np.ones_like(leaning), tilt, middle)
    inner = weights > 0
    wanted = rods(0.0, 0.0)
    before, after = (np.abs(one - wanted)[inner].mean() for one in (rods(tilt, 0.0), turned))
    assert after < 0.5 * before and inner.mean() > 0.8
    assert not find_tilt(turned[:, 8:-8].swapaxes(0, 1), ANGLES).matters


def test_an_upright_axis_is_no_cause_for_alarm():
    found = find_tilt(rods(0.0).swapaxes(0, 1), ANGLES)
    assert not found.matters and "upright" in found.words()
    assert find_tilt(rods(0.0)[:, :6].swapaxes(0, 1), ANGLES).degrees is None  # no rows far apart


def scan(tilt):
    return Scan(ArrayFrames(rods(tilt)), ParallelBeam(ANGLES, ROWS, COLUMNS), kind="attenuation")


def test_a_scan_says_so_and_the_option_mends_it():
    lines = scan(4.0).line_integrals()
    assert "tilted by" in lines.provenance["axis"].where
    assert any("--prepare tilt=" in note for note in lines.notes)
    options = PrepareOptions(tilt=4.0)
    whole = scan(4.0).line_integrals(options)
    assert not any("tilt=" in note for note in whole.notes) and whole.geometry.axis == pytest.approx(AXIS, abs=0.2)
    assert "turned by 4 degrees" in whole.steps
    half = next(note for note in scan(4.0).line_integrals(PrepareOptions(tilt=2.0)).notes if "tilt=" in note)
    assert float(half.split("tilt=")[1].rstrip(".")) == pytest.approx(4.0, abs=0.4)  # all of it, not what is left
    # A few rows take in those that turning reaches for.
    few = scan(4.0).rows(20, 24).line_integrals(options, axis=None)
    np.testing.assert_allclose(few.values, whole.values[:, 20:24], atol=2e-4)
    assert few.weights[:, :, 2:-2].min() > 0


def test_pixels_that_turn_in_from_nowhere_do_not_count():
    values = np.ones((1, 8, 8), np.float32)
    weights = np.ones_like(values)
    weights[0, 4, 4] = 0
    _, heavy = upright(values, weights, 10.0, (3.5, 3.5))
    assert heavy[0, 0, 0] == heavy[0, 4, 4] == 0 and heavy[0, 3, 3] > 0


def test_rows_whose_axis_nobody_is_sure_of_tell_of_no_tilt():
    unsure = SimpleNamespace(column=31.5, error=math.inf)
    found = tilt_of([(row, unsure) for row in (7.0, 20.0, 34.0)], 41)
    assert found.degrees is None and not found.matters
    sure = [(row, SimpleNamespace(column=30.0 + 0.05 * row, error=0.02)) for row in (7.0, 34.0)]
    assert tilt_of([*sure, (20.0, unsure)], 41).degrees == pytest.approx(math.degrees(math.atan(0.05)))


def test_words_without_knowledge():
    assert "not known" in TiltEstimate(None, np.inf, (), (), 0.0).words()


@pytest.mark.parametrize("column", [900.0, -3.0])
def test_an_axis_off_the_detector_is_refused(column):
    with pytest.raises(OptionError, match="columns 0 to 639"):
        chosen_scan(Recipe(scan=str(TOOTH), axis=column))
