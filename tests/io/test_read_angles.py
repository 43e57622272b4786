"""Angles: ranges, units that files leave out, text logs, lines that belong to flats and darks."""

import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.io.angle_log import is_angle_log, read_angle_file
from fewview.io.angles import parse_range, spread, trim_repeats
from fewview.io.checks.angles import settle_unit
from fewview.io.units import angle_unit, millimetres


def test_a_range_without_endpoint_leaves_the_end_out():
    assert parse_range("0:180") == (0.0, 180.0, False)
    np.testing.assert_allclose(np.degrees(spread(0, 180, False, 4)), [0, 45, 90, 135])


def test_a_range_with_endpoint_ends_there():
    assert parse_range("-90 : 90 : endpoint") == (-90.0, 90.0, True)
    np.testing.assert_allclose(np.degrees(spread(-90, 90, True, 3)), [-90, 0, 90])


@pytest.mark.parametrize("text", ["angles.txt", "0", "", "C:\\scan\\log.txt"])
def test_what_is_no_range_is_left_to_be_a_path(text):
    assert parse_range(text) is None


@pytest.mark.parametrize("text", ["0:0", "1e999:3", "1-2:4", "0:180:1"])
def test_an_impossible_range_is_refused(text):
    with pytest.raises(ScanError, match="--angles"):
        parse_range(text)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (np.linspace(0, 180, 91), "degrees"),
        (np.linspace(0, np.pi, 91), "radians"),
        (np.linspace(0, 2 * np.pi, 90, endpoint=False), "radians"),
        (np.linspace(292.17, 295.3, 360), "radians"),  # the dendrite: a stage that turned many times before
        (np.arange(6.0), "degrees"),  # whole numbers
        (np.array([0, 60, 120]), "degrees"),
        (np.linspace(-np.pi, np.pi, 5), "radians"),
    ],
)
def test_the_unit_follows_from_the_span(values, unit):
    assert settle_unit(np.asarray(values, dtype=float), None)[0] == unit


def test_repeats_at_both_ends_explain_the_extra_lines():
    angles = np.linspace(-88.2, 91.8, 91)
    log = np.r_[[angles[0]] * 10, angles, [angles[-1] + 1e-4] * 10]  # an encoder's last digit flickers
    values, before, after = trim_repeats(log, 91)
    assert (before, after) == (10, 10)
    np.testing.assert_array_equal(values, angles)


@pytest.mark.parametrize(
    "log",
    [
        np.linspace(0, 180, 111),  # no repeats at all
        np.r_[[0.0] * 5, np.linspace(0, 180, 96), [180.0] * 10],  # 15 repeats do not explain 20 lines
        np.zeros(111),
    ],
)
def test_extra_lines_without_matching_repeats_are_not_guessed(log):
    assert trim_repeats(log, 91) is None


def test_too_few_lines_are_not_padded():
    assert trim_repeats(np.linspace(0, 180, 80), 91) is None


LOGS = {
    "plain.txt": ("0\n1.5\n3e0\n-4.5\n", [0, 1.5, 3, -4.5], None),
    "angles_deg.txt": ("# angle log\n0\n1\n", [0, 1], "degrees"),
    "table.csv": ("image,angle [deg],counts\n1,0.0,500\n2,1.25,510\n", [0, 1.25], "degrees"),
    "rad.csv": ("Theta (rad);n\n0.0;1\n0.5;2\n", [0, 0.5], "radians"),
    "imat.txt": (
        " TIME STAMP  IMAGE TYPE   IMAGE COUNTER   COUNTS BM3 before image   COUNTS BM3 after image\n\n"
        "Sun Feb 10 00:22:04 2019   Projection:  0  angle: 0.0   Monitor 3 before:  4577907   Monitor 3 after:  47\n"
        "Sun Feb 10 00:22:37 2019   Projection:  1  angle: 0.3152   Monitor 3 before:  4729337   Monitor 3 after:  4\n"
        "Sun Feb 10 00:23:37 2019   Radiography:  1  angle: 180.0   Monitor 3 before:  4729337   Monitor 3 after:  4\n",
        [0, 0.3152],
        "degrees",
    ),
    "imat.csv": (
        "TIME STAMP,IMAGE TYPE,IMAGE COUNTER,COUNTS BM3 before image,COUNTS BM3 after image\n"
        "Sun Feb 10 00:22:04 2019,Projection,0,angle: 0.0,counts BM3 before: 45,counts BM3 after: 47\n"
        "Sun Feb 10 00:22:37 2019,Projection,1,angle: 1.5,counts BM3 before: 47,counts BM3 after: 48\n",
        [0, 1.5],
        "degrees",
    ),
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_of_many_kinds(tmp_path, name):
    text, values, unit = LOGS[name]
    (tmp_path / name).write_text(text)
    found = read_angle_file(tmp_path / name)
    np.testing.assert_allclose(found.values, values)
    assert found.unit == unit
    assert found.where.startswith(name)


def test_the_mark_at_the_start_of_a_windows_text_hides_no_angle(tmp_path):
    (tmp_path / "a.txt").write_text("0\n1.5\n3\n", encoding="utf-8-sig")
    np.testing.assert_array_equal(read_angle_file(tmp_path / "a.txt").values, [0, 1.5, 3])


def test_npy_angles(tmp_path):
    np.save(tmp_path / "theta_rad.npy", np.linspace(0, 3, 4))
    found = read_angle_file(tmp_path / "theta_rad.npy")
    assert found.unit == "radians" and len(found.values) == 4


def test_nan_in_a_log_is_kept_for_the_check_that_names_the_view(tmp_path):
    (tmp_path / "a.txt").write_text("0\nnan\n2\n")
    assert np.isnan(read_angle_file(tmp_path / "a.txt").values[1])


@pytest.mark.parametrize("text", ["", "hello\nworld\n", "1 2\n3 4\n", "0\n1\nbroken\n2\n"])
def test_a_file_without_angles_is_refused_by_name(tmp_path, text):
    (tmp_path / "notes.txt").write_text(text)
    with pytest.raises(ScanError, match=r"notes\.txt holds no angles"):
        read_angle_file(tmp_path / "notes.txt")


def test_a_missing_or_binary_log_is_refused(tmp_path):
    with pytest.raises(ScanError, match="no angle file"):
        read_angle_file(tmp_path / "gone.txt")
    (tmp_path / "binary.txt").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ScanError, match="cannot be read as text"):
        read_angle_file(tmp_path / "binary.txt")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ScanError, match="cannot be read as angles"):
        read_angle_file(tmp_path / "bad.npy")


def test_which_files_of_a_folder_are_logs(tmp_path):
    (tmp_path / "angles.txt").write_text("0\n")
    (tmp_path / "run7_log.txt").write_text("Projection: 0  angle: 0.0\n")
    (tmp_path / "ShutterCount.txt").write_text("0\t194873\n")
    (tmp_path / "angle.tif").write_text("")
    assert [is_angle_log(tmp_path / n) for n in ("angles.txt", "run7_log.txt", "ShutterCount.txt", "angle.tif")] == [
        True,
        True,
        False,
        False,
    ]


def test_units():
    assert millimetres("um") == millimetres("microns") == 1e-3
    assert millimetres("m") == millimetres("metres") == 1000
    assert millimetres("furlong") is None
    assert (angle_unit("deg"), angle_unit("anglesRad"), angle_unit("theta")) == ("degrees", "radians", None)
