"""The rotation axis on simulated scans, where it is known."""

import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.prepare import find_axis


@pytest.mark.parametrize("name", ["body", "disks", "ring", "small"])
@pytest.mark.parametrize(("views", "allowed"), [(180, 0.25), (45, 0.5), (20, 1.0)])
def test_axis_at_1000_counts(simulated, name, views, allowed):
    for seed in range(10):
        lines, angles, axis = simulated(name, views, seed)
        found = find_axis(lines[None], angles)
        assert found.column is not None, found.reason
        assert abs(found.column - axis) <= allowed, (seed, found)
        assert found.confidence > 0.6


@pytest.mark.parametrize("name", ["body", "small"])
@pytest.mark.parametrize("how", [{"arc": 2 * np.pi}, {"irregular": True}, {"counts": None}, {"columns": 301}], ids=str)
def test_axis_for_any_arc_and_angles(simulated, name, how):
    for seed in range(3):
        lines, angles, axis = simulated(name, 24, seed, **how)
        assert abs(find_axis(lines[None], angles).column - axis) < 0.5


def test_order_and_direction_of_the_views_do_not_matter(simulated, rng):
    lines, angles, _ = simulated("body", 40, 1)
    first = find_axis(lines[None], angles).column
    order = rng.permutation(40)
    assert find_axis(lines[None, order], angles[order]).column == pytest.approx(first, abs=1e-6)
    assert find_axis(lines[None], -angles + 7.0).column == pytest.approx(first, abs=1e-6)
    assert find_axis(lines[None, :, ::-1], angles).column == pytest.approx(255 - first, abs=0.02)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("views", [180, 20])
def test_constant_background_does_not_move_the_axis(simulated, views):
    lines, angles, _ = simulated("small", views, 2)
    plain = find_axis(lines[None], angles).column
    assert find_axis(lines[None] + 0.4, angles).column == pytest.approx(plain, abs=1e-3)
    scaled = 1500 * (lines[None] + 0.4)
    assert find_axis(scaled, angles).column == pytest.approx(plain, abs=1e-3)


def test_slices_together_are_better_than_alone(simulated):
    lines, angles, axis = simulated("disks", 20, 3, counts=None, highest=0.35)
    rng = np.random.default_rng(0)
    sinograms = -np.log(rng.poisson(1000 * np.exp(-lines), (12, *lines.shape)) / 1000)
    alone = [found for found in (find_axis(s[None], angles) for s in sinograms) if found.column is not None]
    together = find_axis(sinograms, angles)
    assert abs(together.column - axis) < np.mean([abs(found.column - axis) for found in alone])
    assert together.confidence > max(found.confidence for found in alone)


def test_a_truncated_slice_among_whole_ones_does_not_count(simulated):
    whole, angles, axis = simulated("small", 45, 4)
    interior = np.full_like(whole, 1.5) + 0.3 * np.cos(np.arange(256) / 20)
    together = find_axis(np.stack([interior, whole, interior]), angles)
    assert abs(together.column - axis) < 0.3


@pytest.mark.parametrize("views", [12, 20, 45, 180])
@pytest.mark.parametrize("slices", [1, 8])
def test_noise_alone_is_cannot_tell(views, slices):
    rng = np.random.default_rng(views)
    noise = -np.log(rng.poisson(1000, (slices, views, 256)) / 1000)
    angles = np.linspace(0, np.pi, views, endpoint=False)
    dose = noise + 0.02 * rng.standard_normal((views, 1))
    stripes = noise + 0.05 * rng.standard_normal(256)
    drift = noise + np.linspace(0, 0.1, 256)
    for sinograms in (noise, dose, stripes, drift):
        found = find_axis(sinograms, angles)
        assert found.column is None
        assert found.confidence == 0
        assert found.reason.startswith("cannot tell: ")


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_slices_without_signal_or_noise_are_cannot_tell(level):
    found = find_axis(np.full((3, 20, 48), level), np.linspace(0, np.pi, 20, endpoint=False))
    assert found.column is None and found.reason.startswith("cannot tell: the slices are empty")


def test_interior_of_an_object_is_cannot_tell_or_right(simulated):
    unknown = 0
    for name in ("body", "ring"):
        for seed in range(5):
            lines, angles, axis = simulated(name, 60, seed)
            found = find_axis(lines[None, :, 75:-75], angles)
            unknown += found.column is None
            if found.column is not None:
                assert abs(found.column - (axis - 75)) < 2
    assert unknown >= 5


def test_slight_truncation_is_no_obstacle(simulated):
    for seed in range(4):
        lines, angles, axis = simulated("body", 45, seed)
        found = find_axis(lines[None, :, 30:-30], angles)
        assert abs(found.column - (axis - 30)) < 0.5


def test_half_acquisition_over_a_full_turn(simulated):
    lines, angles, axis = simulated("body", 120, 0, arc=2 * np.pi)
    cut = int(axis) + 40
    found = find_axis(lines[None, :, :cut], angles)
    assert abs(found.column - axis) < 0.5


def test_confidence_is_honest(simulated):
    """Of answers at many doses, those given with high confidence are right, and errors fit what was announced."""
    right, promised = [], []
    for seed in range(30):
        lines, angles, axis = simulated("disks", 20, seed, highest=[0.25, 0.5, 1.0][seed % 3])
        found = find_axis(lines[None], angles)
        if found.column is not None:
            right.append(abs(found.column - axis) < 1)
            promised.append(found.confidence)
    assert len(right) > 15
    assert np.mean(right) >= np.mean(promised) - 0.1


def test_curve_covers_the_detector_and_peaks_at_the_axis(simulated):
    lines, angles, axis = simulated("disks", 45, 0)
    columns, score = find_axis(lines[None], angles).curve
    assert columns[0] < 50 and columns[-1] > 205
    assert abs(columns[score.argmax()] - axis) < 3
    assert score.max() == 0


def test_views_without_weight_are_left_out(simulated):
    lines, angles, axis = simulated("body", 45, 6)
    broken = lines.copy()
    broken[[3, 17, 30]] = 5.0
    weights = np.ones((1, *lines.shape))
    weights[0, [3, 17, 30]] = 0
    found = find_axis(broken[None], angles, weights)
    assert abs(found.column - axis) < 0.3


def test_two_views_are_too_few():
    found = find_axis(np.ones((1, 2, 64)), np.array([0.0, 1.0]))
    assert found.column is None
    assert "too few" in found.reason


def test_wrong_shapes_and_gaps_are_named():
    with pytest.raises(ScanError, match="do not fit 5 angles"):
        find_axis(np.zeros((1, 4, 64)), np.zeros(5))
    gaps = np.zeros((1, 4, 64))
    gaps[0, 1, 2] = np.nan
    with pytest.raises(ScanError, match="not numbers"):
        find_axis(gaps, np.arange(4.0))
