"""Inputs that users of other tools stumbled over, where they are on this machine: each read right or asked about."""

from pathlib import Path

import numpy as np
import pytest

from fewview.io import inspect, read_scan

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the inputs of ../shared/cases are not on this machine")

FRACTIONAL, WHOLE, FOLDER = 0.5 + 2.95 * np.arange(60), 3.0 * np.arange(60), 0.5 + 5.9 * np.arange(30)
ARC = {"angles": "0.5:177.5"}


@pytest.mark.parametrize(
    ("log", "scan"),
    [
        ("blank_separated_titles.txt", "fractional"), ("date_and_time_column.csv", "fractional"),
        ("semicolons_and_decimal_commas.csv", "fractional"), ("deviation_before_angle.csv", "fractional"),
        ("one_line_with_commas.csv", "fractional"), ("angles_radiography.txt", "whole"), ("millidegrees.csv", "whole"),
    ],
)  # fmt: skip
def test_angle_logs(log, scan):
    folder = CASES / "angle_logs"
    found = read_scan(folder / f"scan_{scan}.npz", angles=folder / log).geometry.angles
    np.testing.assert_allclose(np.degrees(found), FRACTIONAL if scan == "fractional" else WHOLE)


@pytest.mark.parametrize(
    ("name", "said", "angles"),
    [
        ("file_names/hyphen_before_angle", {}, FOLDER),
        ("file_names/axis_file_beside_angles", {}, FOLDER),
        ("file_names/reference_sample_in_a_subfolder", ARC, FOLDER),
        ("file_names/numbers_with_a_gap", ARC, np.delete(FOLDER, range(12, 18))),
        ("images/ome_tiff_of_many_files", ARC, FOLDER),
        ("images/thumbnail_in_each_file", ARC, FOLDER),
        ("images/one_extension_per_view.fits", {**ARC, "kind": "transmission"}, FOLDER),
        ("images/zstd_compressed.tif", {**ARC, "kind": "transmission"}, FOLDER),
        ("hdf5/bitshuffle_lz4_frames.h5", {}, WHOLE),
        ("hdf5/link_to_a_virtual_dataset.nxs", {}, WHOLE),
        ("hdf5/alignment_views_after_the_scan.nx", {}, WHOLE),
        ("preparation/flats_every_20_views.nxs", {}, WHOLE),
    ],
)
def test_angles_and_axis_are_right(name, said, angles):
    scan = read_scan(CASES / name, **said)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), angles)
    flats = 12 if "every_20" in name else 5
    assert scan.flats is None or scan.flats.shape[0] == flats
    axis = scan.line_integrals().geometry.axis if scan.flats is not None else None
    assert axis is None or axis == pytest.approx(26.0 if "alignment" in name else 31.5, abs=0.15)


def test_what_is_asked_or_noted():
    asked = inspect(CASES / "file_names" / "letter_p_before_counter")
    assert "says no angles" in asked.missing[0].problem
    assert "motors_gone.h5" in inspect(CASES / "hdf5" / "angle_link_leads_nowhere.nxs").missing[0].problem
    dark = inspect(CASES / "preparation" / "flats_with_a_tenth_of_the_exposure.npz")
    assert "10 times the flats" in dark.notes[0] and "dose=edges" in dark.notes[0]
    assert inspect(CASES / "hdf5" / "pixel_size_of_detector_and_sample.nx").pixel_mm == pytest.approx(0.00055)


def test_the_flats_of_another_scan():
    other = CASES / "hdf5" / "other_scan_with_flats.h5"
    scan = read_scan(CASES / "hdf5" / "scan_without_flats.h5", flats=other, darks=other)
    assert (scan.flats.shape[0], scan.darks.shape[0]) == (5, 3)
