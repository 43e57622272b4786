"""Logs of angles as many programs write them: separators, commas, stamps, titles, units, codings, and what lacks."""

import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.io.angle_log import is_angle_log, read_angle_file
from fewview.io.units import angle_unit

DEGREES = 0.5 + 2.95 * np.arange(12)


def rows(form, angles=DEGREES):
    lines = (form.format(i=i, a=a, r=np.radians(a), c=f"{a:.2f}".replace(".", ",")) for i, a in enumerate(angles))
    return "\n".join(lines) + "\n"


LOGS = {  # text, unit, coding
    "tabs": ("Frame\tRotation angle (deg)\tTemp (C)\n" + rows("{i}\t{a:.2f}\t20.1"), "degrees", "utf-8"),
    "pipes": ("frame | theta\n" + rows("{i} | {a:.2f}"), None, "utf-8"),
    "utf-16": ("frame,angle [deg]\n" + rows("{i},{a:.2f}"), "degrees", "utf-16"),
    "latin-1": ("Bild;Winkel [°]\n" + rows("{i};{c}"), "degrees", "latin-1"),
    "quoted": ('"frame","angle"\n' + rows('"{i}","{c}"'), None, "utf-8"),
    "blank separated titles": ("# frame angle_deg\n" + rows("{i} {a:.2f}"), "degrees", "utf-8"),
    "time stamps with blanks": ("time,frame,angle\n" + rows("2024-03-01 12:00:{i:02d},{i},{a:.2f}"), None, "utf-8"),
    "stamps between blanks": ("date frame angle\n" + rows("01.03.2024 12:00:{i:02d} {i} {a:.2f}"), None, "utf-8"),
    "decimal commas": ("image;angle\n" + rows("{i};{c}"), None, "utf-8"),
    "decimal commas alone": (rows("{c}"), None, "utf-8"),
    "one line": (",".join(f"{a:.2f}" for a in DEGREES), None, "utf-8"),
    "one line of blanks": (" ".join(f"{a:.2f}" for a in DEGREES), None, "utf-8"),
    "one line of semicolons": (";".join(f"{a:.2f}".replace(".", ",") for a in DEGREES), None, "utf-8"),
    "a printed list": ("[" + ", ".join(f"{a:.2f}" for a in DEGREES) + "]\n", None, "utf-8"),
    "an array as NumPy prints it": (np.array2string(DEGREES, max_line_width=40), None, "utf-8"),
    "YAML": ("sample: wood\nangles:\n" + rows("  - {a:.2f}"), None, "utf-8"),
    "JSON": ('{"angles": [' + ", ".join(f"{a:.2f}" for a in DEGREES) + "]}", None, "utf-8"),
    "units in the cells": (rows("{a:.2f} deg"), "degrees", "utf-8"),
    "degree signs": (rows("{a:.2f}°"), "degrees", "latin-1"),
    "the error before the angle": ("frame,angle error,angle\n" + rows("{i},0.002,{a:.2f}"), None, "utf-8"),
    "a tilt beside": ("rotation,tilt angle\n" + rows("{a:.2f},0.1"), None, "utf-8"),
    "a speed beside": ("angle;rotation speed [deg/s]\n" + rows("{c};2,5"), None, "utf-8"),
    "set and read": ("angle set,angle read\n" + rows("{a:.1f},{a:.2f}"), None, "utf-8"),
    "an angle that never moves": ("omega [deg],phi [deg]\n" + rows("{a:.2f},0.0"), "degrees", "utf-8"),
    "comments before and after": ("# wood\n# frame,angle\n" + rows("{i},{a:.2f}") + "end of scan\n", None, "utf-8"),
    "titles and units in two rows": ("angle,frame\n(deg),(1)\n" + rows("{a:.2f},{i}"), "degrees", "utf-8"),
    "commas at the ends": ("frame,angle,\n" + rows("{i},{a:.2f},"), None, "utf-8"),
    "labels": (rows("image {i}: theta = {a:.2f} deg"), "degrees", "utf-8"),
    "glued words": ("Samroty,Time\n" + rows("{a:.3f},{i}"), None, "utf-8"),
    "an index with a colon": (rows("{i}: {a:.2f}"), None, "utf-8"),
    "tuples": (rows("({i}, {a:.2f})"), None, "utf-8"),
    "windows": (("frame,angle\n" + rows("{i},{a:.2f}")).replace("\n", "\r\n") + "\r\n", None, "utf-8"),
    "time stamps without titles": (rows("2024-03-01T12:00:{i:02d} {a:.2f}"), None, "utf-8"),
    "a counter without titles": (rows("{i} {a:.2f}"), None, "utf-8"),
}
UNSURE = (
    "a counter without titles",
    "time stamps without titles",
    "titles and units in two rows",
    "an index with a colon",
    "tuples",
)


def test_a_typeset_minus_sign(tmp_path):
    (tmp_path / "log.txt").write_text("angle (deg)\n" + rows("\N{MINUS SIGN}{a:.2f}"), encoding="utf-8")
    np.testing.assert_allclose(read_angle_file(tmp_path / "log.txt").values, -DEGREES, atol=0.006)


@pytest.mark.parametrize("name", LOGS)
def test_the_angles_of_a_log(tmp_path, name):
    text, unit, coding = LOGS[name]
    (tmp_path / "log.txt").write_bytes(text.encode(coding))
    found = read_angle_file(tmp_path / "log.txt")
    np.testing.assert_allclose(found.values, DEGREES, atol=0.006)
    assert found.unit == unit
    assert bool(found.doubt) == (name in UNSURE)


@pytest.mark.parametrize(
    ("title", "factor", "unit"),
    [
        ("omega [mrad]", 1000 * np.pi / 180, "milliradians"),
        ("angle_mdeg", 1000, "millidegrees"),
        ("θ (arcmin)", 60, "arcminutes"),
    ],
)
def test_small_units_in_titles(tmp_path, title, factor, unit):
    (tmp_path / "log.csv").write_text(f"n;{title}\n" + "".join(f"{i};{a * factor}\n" for i, a in enumerate(DEGREES)))
    found = read_angle_file(tmp_path / "log.csv")
    assert found.unit == unit
    np.testing.assert_allclose(found.values / factor, DEGREES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,angle\n0,0.5\n1,\n2,6.4\n", "there is no angle in line 3"),
        (
            "theta,phi\n0,0\n3,50\n6,3\n",
            r"2 columns speak of an angle and differ: theta \(0 to 6\) and phi \(0 to 50\)",
        ),
        ("frame,angle error\n0,0.1\n1,0.2\n", "none of its columns .frame, angle error. is named angle"),
        ("0\n1\nbroken\n2\n", "'broken' is no number in line 3"),
    ],
)
def test_what_is_wrong_with_a_log_is_said(tmp_path, text, said):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ScanError, match=said):
        read_angle_file(tmp_path / "log.csv")


def test_the_beam_monitor_of_an_imat_log(tmp_path):
    line = "Fri Mar 01 12:00:{i:02d} 2024   Projection:  {i}  angle: {a:.2f}   "
    line += "Monitor 3 before:  {i}00   Monitor 3 after:  {i}50"
    (tmp_path / "log.txt").write_text(rows(line))
    found = read_angle_file(tmp_path / "log.txt")
    np.testing.assert_allclose(found.values, DEGREES)
    np.testing.assert_array_equal(found.monitor, np.full(12, 50.0))


def test_a_log_of_a_skyscan(tmp_path):
    said = "[System]\nScanner=SkyScan1172\n[Acquisition]\nNumber of Files=  30\nObject to Source (mm)=90.1\n"
    (tmp_path / "wood_.log").write_text(said + "Rotation Step (deg)=5.900\n")
    found = read_angle_file(tmp_path / "wood_.log")
    np.testing.assert_allclose(found.values, 5.9 * np.arange(30))
    assert found.unit == "degrees" and "--reverse-angles" in found.notes[0]
    (tmp_path / "wood_.log").write_text("[Acquisition]\nRotation Step (deg)=5.900\n")
    with pytest.raises(ScanError, match="no number of views"):
        read_angle_file(tmp_path / "wood_.log")


def test_names_of_logs_that_hold_something_else(tmp_path):
    wanted = {"theta.txt": True, "rotation_axis.txt": False, "tilt_angle.txt": False, "center_of_rotation.txt": False}
    for name in wanted:
        (tmp_path / name).write_text("31.5\n31.5\n")
    (tmp_path / "scan.csv").write_text("frame,angle\n0,1\n1,2\n")
    assert {name: is_angle_log(tmp_path / name) for name in wanted} == wanted
    assert is_angle_log(tmp_path / "scan.csv")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("angles_radiography", None), ("radius", None), ("gradient", None), ("temp_degC", None),
        ("anglesRad", "radians"), ("thetadeg", "degrees"), ("angle/rad", "radians"), ("Winkel [Grad]", "degrees"),
        ("angle [mDeg]", "millidegrees"), ("m°", "millidegrees"), ("phi_mrad", "milliradians"), ("deg.", "degrees"),
    ],
)  # fmt: skip
def test_units_are_words_of_a_name(name, unit):
    assert angle_unit(name) == unit
