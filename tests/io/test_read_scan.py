"""What read_scan decides for itself, what it marks as assumed, and what inspect shows."""

import json

import numpy as np
import pytest

from fewview.errors import OptionError, ScanError
from fewview.io import inspect, read_scan
from fewview.io.kind import guess_kind, sample
from fewview.io.rearranged import Rearranged
from fewview.runs.recipe import Recipe

RNG = np.random.default_rng(3)


def _disk(air: float, inside: float, views=6, columns=60):
    frames = np.full((views, 4, columns), air, np.float32)
    frames[:, :, 15:45] = inside
    return frames + RNG.normal(0, 0.01, frames.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("frames", "flats", "kind"),
    [
        (_disk(1.0, 0.3), False, "transmission"),
        (_disk(0.0, 1.2), False, "attenuation"),
        (_disk(0.0, 0.6), False, "attenuation"),
        (_disk(637, 1500), False, "attenuation"),
        (_disk(637, 150), True, "counts"),
        (_disk(400, 150).astype(np.uint16), False, "counts"),
        (np.full((3, 2, 9), np.nan, np.float32), False, "attenuation"),
    ],
)
def test_the_kind_is_guessed_from_type_and_values(frames, flats, kind):
    assert guess_kind(frames, frames.dtype, flats)[0] == kind


def test_a_kind_given_comes_before_the_guess(tmp_path):
    np.save(tmp_path / "a.npy", _disk(1.0, 0.3))
    assert read_scan(tmp_path / "a.npy", angles="0:180").provenance["kind"].how == "assumed"
    scan = read_scan(tmp_path / "a.npy", angles="0:180", kind="attenuation")
    assert scan.kind == "attenuation" and scan.provenance["kind"].how == "given"


def test_line_integrals_of_an_unusual_size_are_noted(tmp_path):
    np.save(tmp_path / "a.npy", _disk(637, 1500))
    assert "scale is arbitrary" in read_scan(tmp_path / "a.npy", angles="0:180").notes[0]


def test_the_sample_is_a_few_rows_only():
    asked = []

    class Source:
        shape, dtype = (100, 500, 40), np.dtype("f4")

        def read(self, frames, rows, columns):
            asked.append((len(frames), rows[1] - rows[0]))
            return np.zeros((len(frames), rows[1] - rows[0], columns[1] - columns[0]), np.float32)

    sample(Source())
    assert asked == [(3, 8)]


def test_given_values_are_marked_given(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1))
    scan = read_scan(tmp_path / "a.npy", angles=np.linspace(0, 3, 6), pixel=0.1, axis=29.5, layout="projections")
    assert scan.geometry.axis == 29.5 and scan.geometry.pixel == 0.1
    assert {name: scan.provenance[name].how for name in ("angles", "pixel", "axis", "layout")} == dict.fromkeys(
        ("angles", "pixel", "axis", "layout"), "given"
    )
    assert scan.provenance["flats"].how == "missing"


def test_an_angle_file_given(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1))
    np.savetxt(tmp_path / "log_deg.txt", np.linspace(0, 150, 6))
    scan = read_scan(tmp_path / "a.npy", angles=str(tmp_path / "log_deg.txt"))
    assert scan.provenance["angles"].how == "given"
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.linspace(0, 150, 6))
    with pytest.raises(ScanError, match=r"log_deg\.txt holds 6 angles for the 4 projections"):
        read_scan(tmp_path / "a.npy", angles=tmp_path / "log_deg.txt", layout="sinogram")


def test_a_missing_file_is_one_clear_line(tmp_path):
    for call in (read_scan, inspect):
        with pytest.raises(ScanError, match=r"There is no file or folder .*gone\.h5\. Check the path\."):
            call(tmp_path / "gone.h5")


def test_inspect_shows_what_is_missing_with_the_flag(tmp_path):
    np.save(tmp_path / "a.npy", _disk(400, 100).astype(np.uint16))
    info = inspect(tmp_path / "a.npy")
    assert info.shape == (6, 4, 60) and info.kind == "counts" and info.dtype == "uint16"
    assert [("--angles" in m.remedy, "--flats" in m.remedy) for m in info.missing] == [(True, False), (False, True)]
    assert info.assumed == ["layout", "kind"] and not info.ready
    text = "\n".join(info.lines())
    assert "MISSING" in text and "ASSUMED" in text and "not ready" in text
    assert json.loads(json.dumps(info.to_dict()))["missing"][0]["remedy"].startswith("Give the angles")


def test_inspect_of_a_complete_scan(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1, views=9))
    info = inspect(tmp_path / "a.npy", angles="0:360:endpoint", pixel=0.05, axis=29.5)
    assert info.ready and info.duplicates == [(0, 8)]
    assert (info.angles.start, info.angles.stop, info.angles.step) == pytest.approx((0, 360, 45))
    assert not info.angles.irregular and info.pixel_mm == 0.05 and info.axis == 29.5
    assert info.file_bytes == (tmp_path / "a.npy").stat().st_size and info.files == 1
    text = "\n".join(info.lines())
    assert "duplicate   views 0 and 8" in text and "ready to reconstruct" in text and "0 to 360 deg" in text
    json.dumps(info.to_dict())


def test_irregular_angles_are_said(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1))
    info = inspect(tmp_path / "a.npy", angles=np.array([0, 0.1, 0.2, 0.9, 1.4, 1.5]))
    assert info.angles.irregular and "irregular" in "\n".join(info.lines())


def test_angles_out_of_order_are_told_by_their_range(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1))
    info = inspect(tmp_path / "a.npy", angles=np.deg2rad([30.0, 0, 90, 150, 120, 60]))
    assert (info.angles.low, info.angles.high) == pytest.approx((0, 150)) and not info.angles.irregular
    assert "6, not in order: within 0 to 150 deg" in "\n".join(info.lines())


def test_angles_that_were_never_written_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", _disk(0, 1))
    info = inspect(tmp_path / "a.npy", angles=np.zeros(6))
    assert not info.ready and "all 6 views have the same angle (0 degrees)" in info.missing[0].problem
    assert "and 1 more pairs" in "\n".join(info.lines())


@pytest.mark.parametrize("choice", ["0:3.1416", "0:6.28"])
def test_radians_said_to_be_degrees_are_noted(tmp_path, choice):
    np.savez(tmp_path / "a.npz", projections=np.repeat(_disk(0, 1), 20, 0), angles_deg=np.linspace(0, 3.1, 120))
    assert any("Are the angles in radians?" in note for note in read_scan(tmp_path / "a.npz", angles=choice).notes)


def test_radians_stored_as_degrees_are_taken_for_what_they_are(tmp_path):
    theta = np.linspace(0, np.pi, 120, endpoint=False)
    np.savez(tmp_path / "a.npz", projections=np.repeat(_disk(0, 1), 20, 0), angles_deg=theta)
    scan = read_scan(tmp_path / "a.npz")
    np.testing.assert_allclose(scan.geometry.angles, theta)
    assert scan.provenance["angles"].how == "assumed" and "said to be degrees" in scan.provenance["angles"].where


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_rearranged_sources_read_the_same_pixels(order):
    from fewview.frames import ArrayFrames

    stored = RNG.random((4, 5, 6)).astype(np.float32)
    source = Rearranged(ArrayFrames(stored), order)
    wanted = stored.transpose(order)
    assert source.shape == wanted.shape
    frames = np.array([wanted.shape[0] - 1, 0, 2])
    np.testing.assert_array_equal(source.read(frames, (1, 3), (1, 4)), wanted[frames, 1:3, 1:4])


def test_a_sample_that_leaves_the_detector_has_no_view_without_sample(tmp_path):
    """At its sides no beam is seen, and a view whose sides are as dark as its middle is none of the open beam."""
    rays = np.full((12, 4, 60), 1.0, np.float32) + np.linspace(-0.15, 0.15, 12)[:, None, None]
    rays[np.arange(12) % 6 > 0, :, 10:50] += 0.4  # the sides of most views are brighter than their middle
    transmission = np.exp(-rays + RNG.normal(0, 0.01, rays.shape)).astype(np.float32)
    np.save(tmp_path / "wide.npy", transmission)
    assert read_scan(tmp_path / "wide.npy", angles="0:180", kind="transmission").geometry.views == 12
    transmission[2] = 1.0
    np.save(tmp_path / "wide.npy", transmission)
    assert read_scan(tmp_path / "wide.npy", angles="0:180", kind="transmission").geometry.views == 11


@pytest.mark.parametrize("name", ["angles", "layout", "kind", "flats", "darks", "dataset", "exclude", "geometry"])
def test_an_empty_value_stands_for_nothing_and_is_told(tmp_path, name):
    np.savez(tmp_path / "scan.npz", projections=np.ones((12, 2, 32), np.float32), angles_deg=np.arange(0, 180, 15))
    for read in (read_scan, inspect):
        with pytest.raises(ScanError, match=f"The value of '{name}' is empty"):
            read(tmp_path / "scan.npz", **{name: " "})
        with pytest.raises(ScanError, match="The value of 'path' is empty"):
            read("")
    with pytest.raises(OptionError, match="it must not be empty"):
        Recipe.parse(
            {"scan": "scan.npz", "reader": {name: ""}}
            if name not in ("layout", "kind")
            else {"scan": "a", "reference": ""}
        )
