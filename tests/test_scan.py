"""Scans: choices are lazy, commute where they should, and carry angles, axis and provenance along."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewview.errors import ScanError
from fewview.frames import ArrayFrames, bin_mean
from fewview.geometry import ParallelBeam
from fewview.provenance import Provenance
from fewview.scan import LineIntegrals, Scan

RNG = np.random.default_rng(5)
VIEWS, ROWS, COLUMNS = 12, 16, 20
FRAMES = RNG.random((VIEWS, ROWS, COLUMNS)).astype(np.float32)
ANGLES = np.linspace(0, np.pi, VIEWS, endpoint=False)


class Counting(ArrayFrames):
    asked = 0

    def read(self, frames, rows, columns):
        object.__setattr__(self, "asked", self.asked + len(frames) * (rows[1] - rows[0]) * (columns[1] - columns[0]))
        return super().read(frames, rows, columns)


def scan(source=None, **more):
    geometry = ParallelBeam(ANGLES, ROWS, COLUMNS, axis=9.25, pixel=0.05)
    return Scan(source or ArrayFrames(FRAMES), geometry, flats=ArrayFrames(FRAMES[:3] + 1), **more)


def lines(weights=True):
    w = RNG.random(FRAMES.shape).astype(np.float32) if weights else None
    return LineIntegrals(FRAMES, ParallelBeam(ANGLES, ROWS, COLUMNS, axis=9.25), weights=w)


def test_nothing_is_read_until_asked_and_then_only_that():
    source = Counting(FRAMES)
    chosen = scan(source).sparse(4).rows(3, 5).columns(2, 8)
    assert source.asked == 0
    np.testing.assert_array_equal(chosen.read(), FRAMES[::3, 3:5, 2:8])
    assert source.asked == 4 * 2 * 6


rows_strategy = st.tuples(st.integers(0, ROWS - 1), st.integers(1, ROWS)).filter(lambda s: s[0] < s[1])


@given(rows=rows_strategy, views=st.lists(st.integers(0, VIEWS - 1), min_size=1, max_size=9))
def test_reading_rows_is_rows_of_reading_all(rows, views):
    np.testing.assert_array_equal(scan().select_views(views).rows(*rows).read(), FRAMES[views][:, slice(*rows)])
    np.testing.assert_array_equal(scan().rows(*rows).select_views(views).read(), FRAMES[views][:, slice(*rows)])


@pytest.mark.parametrize("make", [scan, lambda: lines(False), lambda: lines(True)])
@settings(max_examples=30)
@given(data=st.data())
def test_crop_then_bin_is_bin_then_crop(make, data):
    factor = data.draw(st.sampled_from([1, 2, 4]))
    r = sorted(data.draw(st.lists(st.integers(0, ROWS // factor), min_size=2, max_size=2, unique=True)))
    c = sorted(data.draw(st.lists(st.integers(0, COLUMNS // factor), min_size=2, max_size=2, unique=True)))
    one = make()
    a = one.bin(factor).crop(tuple(r), tuple(c))
    b = one.crop((r[0] * factor, r[1] * factor), (c[0] * factor, c[1] * factor)).bin(factor)
    assert a.geometry.axis == pytest.approx(b.geometry.axis)
    values = [x.read() if isinstance(x, Scan) else x.values for x in (a, b)]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-6)
    if isinstance(a, LineIntegrals) and a.weights is not None:
        np.testing.assert_allclose(a.weights, b.weights, rtol=1e-6)


def test_slices_know_the_rows_of_the_detector_that_they_came_from():
    for made in (scan().rows(2, 8).bin(2).line_integrals(axis=None), lines().rows(2, 8).bin(2)):
        assert list(made.detector_rows) == [2, 4, 6] and list(made.rows(1, 3).detector_rows) == [4, 6]


def test_flats_follow_the_crop_in_full_pixels():
    chosen = scan(darks=ArrayFrames(FRAMES[:2])).crop((2, 10), (4, 12)).bin(2).select_views([0])
    np.testing.assert_array_equal(chosen.read_flats(), FRAMES[:3, 2:10, 4:12] + 1)
    np.testing.assert_array_equal(chosen.read_darks(), FRAMES[:2, 2:10, 4:12])
    np.testing.assert_allclose(chosen.read(), bin_mean(FRAMES[:1, 2:10, 4:12], 2))


@pytest.mark.parametrize("make", [scan, lines])
def test_axis_and_angles_move_along(make):
    chosen = make().sparse(6).columns(4, 20).bin(2)
    assert chosen.geometry.axis == pytest.approx((9.25 - 4 - 0.5) / 2)
    np.testing.assert_allclose(chosen.geometry.angles, ANGLES[::2])
    dropped = make().drop_views([0, 5])
    np.testing.assert_allclose(dropped.geometry.angles, np.delete(ANGLES, [0, 5]))
    values = dropped.read() if isinstance(dropped, Scan) else dropped.values
    np.testing.assert_array_equal(values, np.delete(FRAMES, [0, 5], axis=0))


def test_what_the_user_says_is_marked_given():
    one = scan().with_axis(8.0).with_pixel(0.2).with_angles(ANGLES + 1)
    assert {name: o.how for name, o in one.provenance.items()} == dict.fromkeys(("axis", "pixel", "angles"), "given")
    assert (one.geometry.axis, one.geometry.pixel) == (8.0, 0.2)
    assert str(scan().with_axis(8.0, Provenance("found", "by eye")).provenance["axis"]) == "found: by eye"


def test_the_original_is_never_changed():
    one = scan()
    one.rows(0, 2), one.bin(2), one.with_axis(3.0), one.sparse(3)
    assert one.geometry.axis == 9.25 and one.views == VIEWS and one.window.bin == 1 and not one.provenance


def test_an_unusable_pixel_does_not_count_in_a_bin():
    values = np.ones((1, 2, 2), np.float32)
    weights = np.ones((1, 2, 2), np.float32)
    values[0, 0, 0], weights[0, 0, 0] = 1e6, 0
    one = LineIntegrals(values, ParallelBeam([0.0], 2, 2), weights=weights).bin(2)
    assert one.values[0, 0, 0] == 1 and one.weights[0, 0, 0] == 0.75
    none = LineIntegrals(values, ParallelBeam([0.0], 2, 2), weights=weights * 0).bin(2)
    assert np.isfinite(none.values).all() and none.weights[0, 0, 0] == 0


def test_rows_without_a_usable_pixel_are_named_as_the_detector_counts_them():
    flats = FRAMES[:3] + 1
    flats[:, [2, 3, 4, 5, 10, 11]] = 0
    whole = Scan(ArrayFrames(FRAMES + 0.1), ParallelBeam(ANGLES, ROWS, COLUMNS, axis=9.5), flats=ArrayFrames(flats))
    (note,) = whole.line_integrals().notes
    assert note.startswith("The detector rows 2:6, 10:12 hold no usable pixel")
    (note,) = whole.rows(1, 13).bin(2).line_integrals().notes
    assert note.startswith("The detector rows 3:5 hold no usable pixel")
    assert whole.rows(6, 10).line_integrals().notes == ()


def test_contradictions_are_refused():
    geometry = ParallelBeam(ANGLES[:5], ROWS, COLUMNS)
    with pytest.raises(ScanError, match="5 angles for 12 frames"):
        Scan(ArrayFrames(FRAMES), geometry)
    with pytest.raises(ScanError, match="flat frames are 4 x 20 pixels"):
        Scan(ArrayFrames(FRAMES), ParallelBeam(ANGLES, ROWS, COLUMNS), flats=ArrayFrames(FRAMES[:, :4]))
    with pytest.raises(ScanError, match="do not fit"):
        LineIntegrals(FRAMES, geometry)
    with pytest.raises(ScanError, match="No view is left"):
        scan().drop_views(np.arange(VIEWS))
    with pytest.raises(ScanError, match="rows 3:40 do not lie within 0:16"):
        scan().rows(3, 40)
