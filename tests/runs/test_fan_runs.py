"""Every classical method on fan-beam scans, from line integrals to the record."""

import numpy as np
import pytest

import fewview
from fewview.geometry import FanBeam
from fewview.runs.field_of_view import field_of_view_notes
from fewview.scan import LineIntegrals

METHODS = {
    "fbp": {},
    "sirt": {"iterations": 150},
    "sart": {"iterations": 10},
    "cgls": {"iterations": 15},
    "asd-pocs": {"iterations": 12},
    "tv": {"weight": 1e-4, "iterations": 150},
    "mbir": {"sharpness": 2.0, "iterations": 60},
}


def lines_of(views=32, degrees=360, **beam):
    """A disk of 0.2 per mm with a denser one in it, two rows alike."""
    angles = np.deg2rad(np.arange(views) * degrees / views)
    optics = {"sod": 60.0, "sdd": 120.0, **beam}
    geometry = FanBeam(angles, 2, 64, optics.pop("axis", 31.5), 0.5, **optics)
    values = np.zeros((views, 2, 64), np.float32)
    for view in range(views):
        start, direction = geometry.rays(view)
        for x, y, radius, value in ((0.6, -0.4, 4.5, 0.2), (1.5, -1.5, 1.2, 0.1)):
            beside = (start[:, 0] - x) * direction[:, 1] - (start[:, 1] - y) * direction[:, 0]
            values[view] += 2 * value * np.sqrt(np.maximum(radius**2 - beside**2, 0)).astype(np.float32)
    return LineIntegrals(values, geometry)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("beam", [{}, {"detector": "curved", "axis": 30.0, "principal": 33.0}])
def test_values_are_per_mm(name, beam):
    lines = lines_of(60 if name == "fbp" else 32, **beam)
    *_, last = fewview.reconstruct(lines, name, METHODS[name], holdout=0.1)
    place = (np.arange(64) - 31.5) * lines.geometry.voxel
    inside = np.hypot(place - 0.6, -place[:, None] + 0.4) < 3.8
    inside &= np.hypot(place - 1.5, -place[:, None] + 1.5) > 1.8
    assert last.volume[:, inside].mean() == pytest.approx(0.2, rel=0.03)
    assert last.scalars["heldout_error"] < 0.2
    np.testing.assert_allclose(last.volume[0], last.volume[1], atol=1e-3)


def test_one_slice_and_a_wrong_side_show_in_the_held_out_error():
    lines = lines_of().rows(0, 1)
    wrong = LineIntegrals(lines.values[..., ::-1].copy(), lines.geometry)
    errors = []
    for one in (lines, wrong):
        *_, last = fewview.reconstruct(one, "cgls", {"iterations": 12}, holdout=0.2)
        errors.append(last.scalars["heldout_error"])
    assert errors[0] < 0.7 * errors[1]


def test_notes_tell_of_networks():
    assert field_of_view_notes(lines_of()) == []
    assert "network" in field_of_view_notes(lines_of(), learned=True)[0]


def test_the_record_says_the_beam():
    assert lines_of().geometry.record() == {
        "beam": "fan", "rows": 2, "columns": 64, "axis": 31.5, "pixel_mm": 0.5, "principal": None, "sod_mm": 60.0,
        "sdd_mm": 120.0, "detector": "flat", "voxel_mm": 0.25,
    }  # fmt: skip
