"""Geometry moves along with crops and bins; duplicates; the choice of views."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fewview.errors import ScanError
from fewview.geometry import FanBeam, ParallelBeam, VolumeGrid, duplicate_views, full_turn, spread_views

TURN = 2 * np.pi


def beam(rows=24, columns=36, axis=17.25, views=8, pixel=0.1):
    return ParallelBeam(np.linspace(0, np.pi, views, endpoint=False), rows, columns, axis, pixel)


def where(geometry, column):
    """Distance of a detector column from the axis: in mm it must survive every crop and bin."""
    return (column - geometry.axis) * geometry.pixel


@given(start=st.integers(0, 30), width=st.integers(1, 36), factor=st.integers(1, 4))
def test_a_point_keeps_its_distance_from_the_axis(start, width, factor):
    assume(start + width <= 36 and width >= factor)
    before = beam()
    after = before.crop((0, 24), (start, start + width)).bin(factor)
    for column in range(after.columns):
        first = start + column * factor  # the bin covers these columns; its middle is the point
        assert where(after, column) == pytest.approx(where(before, first + (factor - 1) / 2))


@given(data=st.data(), factor=st.integers(1, 4))
def test_crop_then_bin_is_bin_then_crop(data, factor):
    rows = sorted(data.draw(st.lists(st.integers(0, 24 // factor), min_size=2, max_size=2, unique=True)))
    columns = sorted(data.draw(st.lists(st.integers(0, 36 // factor), min_size=2, max_size=2, unique=True)))
    binned_first = beam().bin(factor).crop(tuple(rows), tuple(columns))
    cropped_first = beam().crop(tuple(r * factor for r in rows), tuple(c * factor for c in columns)).bin(factor)
    assert binned_first.axis == pytest.approx(cropped_first.axis)
    assert (binned_first.rows, binned_first.columns, binned_first.pixel) == (
        cropped_first.rows,
        cropped_first.columns,
        cropped_first.pixel,
    )


@given(a=st.integers(1, 3), b=st.integers(1, 3))
def test_binning_twice_is_binning_by_the_product(a, b):
    twice, once = beam().bin(a).bin(b), beam().bin(a * b)
    assert twice.axis == pytest.approx(once.axis) and twice.pixel == pytest.approx(once.pixel)
    assert (twice.rows, twice.columns) == (once.rows, once.columns)


def test_unknown_stays_unknown():
    unknown = ParallelBeam([0.0, 1.0], 4, 8).crop((0, 4), (2, 8)).bin(2)
    assert unknown.axis is None and unknown.pixel is None
    assert unknown.centre == 1.0  # (columns - 1) / 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ParallelBeam([0.0, np.nan], 2, 2),
        lambda: ParallelBeam([0.0], 0, 2),
        lambda: ParallelBeam([0.0], 2, 2, pixel=0.0),
        lambda: beam().crop((0, 25), (0, 36)),
        lambda: beam().crop((5, 5), (0, 36)),
        lambda: beam().bin(0),
        lambda: beam().bin(2500),
        lambda: beam().with_angles([0.0]),
        lambda: beam().with_axis(np.nan),
        lambda: ParallelBeam([0.0], 2, 2, axis=-np.inf),
        lambda: FanBeam([0.0], 2, 2, axis=np.nan, pixel=0.1, sod=10.0, sdd=20.0),
        lambda: FanBeam([0.0], 2, 2, axis=0.5, pixel=0.1, principal=np.nan, sod=10.0, sdd=20.0),
    ],
)
def test_impossible_geometries_are_refused_in_words(wrong):
    with pytest.raises(ScanError) as caught:
        wrong()
    assert len(caught.value.problem) > 10


def test_geometry_is_immutable_and_does_not_alias():
    angles = np.linspace(0, 3, 4)
    geometry = ParallelBeam(angles, 2, 2)
    angles[0] = 9
    assert geometry.angles[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.angles[0] = 1


def test_the_printed_form_is_one_line():
    assert repr(beam()) == "ParallelBeam(8 views from 0 to 157.5 deg, 24 x 36 pixels, axis=17.25, pixel=0.1)"


def test_angles_move_with_the_views():
    geometry = beam().select_views([5, 2])
    np.testing.assert_allclose(geometry.angles, beam().angles[[5, 2]])
    assert geometry.select_views(np.array([True, False])).views == 1


@pytest.mark.parametrize(
    ("degrees", "arc"),
    [
        (np.arange(180), 180),
        (np.arange(181), 180),
        (np.arange(0, 360, 2), 360),
        (np.linspace(0, 360, 181), 360),
        (np.arange(0, 270), 270),
        (np.arange(0, 60, 0.5), 60),
        (np.arange(180)[::-1], 180),
    ],
)
def test_arc_counts_a_duplicate_end_view_once(degrees, arc):
    assert np.degrees(ParallelBeam(np.deg2rad(degrees), 1, 1).arc) == pytest.approx(arc)


@pytest.mark.parametrize(
    ("degrees", "pairs"),
    [
        (np.arange(181), [(0, 180)]),
        (np.arange(0, 361, 2), [(0, 180)]),
        (np.arange(180), []),
        (np.arange(360), []),
        (np.arange(-90, 91), [(0, 180)]),
        ([0, 1, 1, 2], [(1, 2)]),
        (np.arange(181)[::-1], [(180, 0)]),
        ([0, 180], []),
        ([], []),
    ],
)
def test_duplicates_are_end_views_and_repeats(degrees, pairs):
    found = duplicate_views(np.deg2rad(np.asarray(degrees, dtype=float)))
    assert [tuple(sorted(p)) for p in found] == [tuple(sorted(p)) for p in pairs]


def directions(angles):
    """Line directions of views, sorted, on the half turn."""
    return np.sort(np.mod(angles, np.pi))


@pytest.mark.parametrize("total", [180, 181])
def test_spread_over_a_half_turn(total):
    angles = np.deg2rad(np.arange(total))
    np.testing.assert_array_equal(spread_views(angles, 20), np.arange(0, 180, 9))
    assert 180 not in spread_views(angles, 180)


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("count", [8, 9, 16, 45])
def test_a_full_turn_is_spread_over_all_directions(inclusive, count):
    angles = np.linspace(0, TURN, 720 + inclusive, endpoint=inclusive)
    chosen = angles[spread_views(angles, count)]
    gaps = np.diff(np.r_[directions(chosen), directions(chosen)[0] + np.pi])
    assert gaps.max() < 1.2 * np.pi / count and gaps.min() > 0.8 * np.pi / count
    assert abs(np.sum(chosen >= np.pi) - count / 2) <= 1  # from both halves


def test_a_missing_wedge_keeps_both_ends():
    angles = np.deg2rad(np.arange(0, 121))
    chosen = spread_views(angles, 5)
    np.testing.assert_array_equal(chosen, [0, 30, 60, 90, 120])
    assert list(spread_views(angles, 1)) == [60]


@given(st.lists(st.floats(0, TURN), min_size=5, max_size=40, unique=True), st.integers(1, 5))
def test_irregular_angles_give_distinct_views(angles, count):
    chosen = spread_views(np.array(angles), min(count, len(angles) - len({b for _, b in duplicate_views(angles)})))
    assert len(set(chosen)) == len(chosen) and list(chosen) == sorted(chosen)


def test_golden_ratio_order_is_no_obstacle():
    golden = np.mod(np.arange(200) * np.pi * (np.sqrt(5) - 1) / 2, np.pi)
    chosen = golden[spread_views(golden, 10)]
    gaps = np.diff(np.sort(chosen))
    assert gaps.max() < 0.1 * np.pi * 1.3


def test_angles_that_go_on_for_many_turns_are_spread_like_those_of_one():
    going_on = np.arange(40) * np.deg2rad(111.246)
    np.testing.assert_array_equal(spread_views(going_on, 10), spread_views(np.mod(going_on, TURN), 10))
    chosen = np.sort(np.mod(going_on[spread_views(going_on, 10)], np.pi))
    assert np.diff(chosen).max() < 0.1 * np.pi * 1.5


@pytest.mark.parametrize("pixel", [0, -1, np.nan, np.inf, 1e300, 1e-300])
def test_impossible_pixel_sizes(pixel):
    with pytest.raises(ScanError, match="pixel size"):
        ParallelBeam(np.zeros(3), 4, 4, pixel=pixel)


@pytest.mark.parametrize("count", [0, 182])
def test_more_views_than_there_are(count):
    with pytest.raises(ScanError, match=f"{count} views were asked for, the scan has 180 distinct ones"):
        spread_views(np.deg2rad(np.arange(181)), count)


@pytest.mark.parametrize(
    ("axis", "turn", "grid"),
    [
        (17.5, TURN, 36),  # in the middle
        (19.9, TURN, 36),  # nearly
        (5.25, TURN, 61),  # 29.75 columns from the centre of the farthest one, and half a pixel
        (30.0, TURN, 61),
        (-2.0, TURN, 75),  # beside the detector
        (5.25, np.pi, 36),  # a half turn sees no line of the other side
        (5.25, 1.5 * np.pi, 36),
    ],
)
def test_the_grid_holds_all_that_a_full_turn_about_an_axis_aside_has_seen(axis, turn, grid):
    geometry = ParallelBeam(np.linspace(0, turn, 40, endpoint=False), 3, 36, axis)
    assert geometry.grid == grid and geometry.half_acquired == (grid != 36)
    farthest = max(abs(axis + 0.5), abs(axis - 35.5))  # the outer edge of the detector
    assert not geometry.half_acquired or grid / 2 >= farthest - 1e-9


@pytest.mark.parametrize("count", [3, 4, 5, 6, 8, 9, 20, 120])
def test_few_views_of_a_full_turn_still_go_round(count):
    turn = np.linspace(0, TURN, 360, endpoint=False)
    assert full_turn(turn[spread_views(turn, count)])
    half = np.linspace(0, np.pi, 180, endpoint=False)
    assert not full_turn(half[spread_views(half, count)])


def test_one_view_and_none_are_no_turn():
    assert not full_turn([0.0]) and not full_turn([])


def test_opposite_rays_are_the_same_lines():
    geometry = ParallelBeam([0.3], 1, 20, 8.2, 0.5)
    angle, column = geometry.opposite(0.3, np.arange(20))
    other = ParallelBeam(angle[:1], 1, 20, 8.2, 0.5)
    start, direction = geometry.rays(0)
    back, reverse = other.rays(0)
    np.testing.assert_allclose(reverse, -direction, atol=1e-12)
    k = 5  # lands between columns of the other view: interpolate there
    point = back[int(column[k])] + (column[k] % 1) * (back[1] - back[0])
    across = np.array([direction[k, 1], -direction[k, 0]])
    assert (point - start[k]) @ across == pytest.approx(0, abs=1e-9)


def test_the_grid_of_coarser_voxels_holds_the_finer_one():
    assert VolumeGrid(65, 0.1).bin(2) == VolumeGrid(33, 0.2)
    assert ParallelBeam([0.0], 4, 10).volume == VolumeGrid(10, 1.0)


def fan(**other):
    return FanBeam([0.3, 2.0], 4, 20, 8.2, 0.5, **{"principal": 10.4, "sod": 30.0, "sdd": 50.0, **other})


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_opposite_rays_of_a_fan_are_the_same_lines(detector):
    geometry = fan(detector=detector)
    angle, column = geometry.opposite(0.3, 5)
    start, direction = (values[5] for values in geometry.rays(0))
    there = geometry.with_angles([float(angle), 0.0])
    back = np.interp(float(column), np.arange(20), np.unwrap(np.arctan2(*there.rays(0)[1].T[::-1])))
    np.testing.assert_allclose([np.cos(back), np.sin(back)], -direction, atol=1e-3)
    across = np.array([direction[1], -direction[0]])
    assert (there.sources()[0] - start) @ across == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_the_axis_of_a_fan_casts_its_shadow_on_its_column(detector):
    geometry = fan(detector=detector)
    start, direction = geometry.rays(1)
    missed = start[:, 0] * direction[:, 1] - start[:, 1] * direction[:, 0]  # distance of the axis from each ray
    shadow = np.interp(0, missed, np.arange(20))
    assert shadow == pytest.approx(8.2, abs=1e-3)


@given(start=st.integers(0, 12), factor=st.integers(1, 4))
def test_the_source_stays_where_it_is(start, factor):
    after = fan().crop((0, 4), (start, 20)).bin(factor)
    np.testing.assert_allclose(after.sources(), fan().sources())
    assert after.voxel == pytest.approx(0.3 * factor)


def test_a_fan_repeats_its_views_after_a_full_turn_only():
    half, full = np.deg2rad(np.arange(181)), np.deg2rad(np.arange(361))
    assert duplicate_views(half, TURN) == [] and duplicate_views(full, TURN) == [(0, 360)]
    np.testing.assert_array_equal(spread_views(full, 9, TURN), np.arange(0, 360, 40))


def test_with_the_detector_aside_the_grid_holds_what_the_turn_has_seen():
    angles = np.linspace(0, TURN, 60, endpoint=False)
    wide = FanBeam(angles, 1, 100, 20.0, 1.0, sod=200, sdd=400)
    assert wide.half_acquired
    assert wide.grid == np.ceil(2 * 200 * np.sin(np.arctan(79.5 / 400)) / 0.5)
    assert FanBeam(angles, 1, 100, 49.5, 1.0, sod=200, sdd=400).grid == 100
