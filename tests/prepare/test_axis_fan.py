"""The axis of a fan beam from few views, an arc, a detector aside; and when it cannot be told."""

import numpy as np
import pytest

from fewview.geometry import FanBeam
from fewview.prepare.axis_fan import find_fan_axis

DISKS = ((3, -5, 36, 0.02), (-12, 8, 9, 0.03), (15, -10, 5, -0.015))


def measured(beam, noise=0.01):
    """Line integrals of three disks, (1, views, columns)."""
    out = np.random.default_rng(0).normal(0, noise, (1, beam.views, beam.columns))
    for view in range(beam.views):
        start, direction = beam.rays(view)
        for x, y, radius, value in DISKS:
            beside = (start[:, 0] - x) * direction[:, 1] - (start[:, 1] - y) * direction[:, 0]
            out[0, view] += 2 * value * np.sqrt(np.maximum(radius**2 - beside**2, 0))
    return out


@pytest.mark.parametrize(
    ("views", "degrees", "axis", "principal", "detector"),
    [(18, 360, 53.3, None, "flat"), (30, 225, 46.6, 49.5, "flat"), (24, 360, 30.2, None, "curved")],
)
def test_the_shadow_of_the_axis_is_found(views, degrees, axis, principal, detector):
    angles = np.deg2rad(np.arange(views) * degrees / views)
    beam = FanBeam(angles, 1, 100, axis, 2.0, principal=principal, sod=300, sdd=480, detector=detector)
    found = find_fan_axis(measured(beam), beam.with_axis(None))
    assert found.column == pytest.approx(axis, abs=0.3) and found.confidence > 0.9
    columns, score = found.curve
    assert abs(columns[score.argmax()] - axis) < 4


def test_unusable_pixels_do_not_count():
    beam = FanBeam(np.arange(16) * np.pi / 8, 1, 100, 47.0, 2.0, sod=300, sdd=480)
    values, weights = measured(beam), np.ones((1, 16, 100))
    values[:, 3], weights[:, 3] = np.nan, 0
    values[:, :, 60], weights[:, :, 60] = 9.0, 0
    assert find_fan_axis(values, beam.with_axis(None), weights).column == pytest.approx(47, abs=0.3)


def test_it_says_when_it_cannot_tell():
    beam = FanBeam(np.arange(24) * np.pi / 12, 1, 100, None, 2.0, sod=300, sdd=480)
    noise = np.random.default_rng(0).normal(0, 1, (1, 24, 100))
    assert find_fan_axis(noise, beam).reason.startswith("cannot tell")
    arc = beam.with_angles(np.deg2rad(np.arange(24) * 5.0))
    assert "the views cover 115 degrees" in find_fan_axis(noise, arc).reason
    few = beam.select_views([0, 1, 2])
    assert "too few" in find_fan_axis(noise[:, :3], few).reason
