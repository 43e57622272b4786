"""Folders of laboratory scanners: their logs give angles, distances and pixel, for the fan of each detector row."""

import numpy as np
import pytest
import tifffile

from fewview.io import inspect, read_scan

SKYSCAN = """[System]
Scanner=SkyScan1272
[Acquisition]
Number of Files= 30
Image Pixel Size (um)= 10.0
Object to Source (mm)=100.0
Camera to Source (mm)=300.0
Rotation Step (deg)=5.9
"""
NIKON = """[XTekCT]
Name=wood
DetectorPixelSizeX=0.03
SrcToObject=100.0
SrcToDetector=300.0
Projections=30
InitialAngle=0.5
AngularStep=5.9
WhiteLevel=20100
"""


@pytest.mark.parametrize(("log", "text", "start"), [("wood_.log", SKYSCAN, 0.0), ("wood.xtekct", NIKON, 0.5)])
def test_a_folder_with_the_log_of_its_scanner(tmp_path, disks, log, text, start):
    degrees = start + 5.9 * np.arange(30)
    for i, frame in enumerate(disks.counts(degrees)):
        tifffile.imwrite(tmp_path / f"wood_{i:04d}.tif", np.repeat(frame, 30, axis=0))
    (tmp_path / log).write_text(text, encoding="cp1252")
    scan = read_scan(tmp_path, kind="transmission")
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), degrees)
    facts = scan.geometry.facts()
    assert (facts["sod"], facts["sdd"], facts["pixel"]) == (100.0, 300.0, pytest.approx(0.03))
    assert scan.geometry.voxel == pytest.approx(0.01) and scan.provenance["angles"].how == "read"
    assert any("which way the stage turns" in note for note in scan.notes)
    (tmp_path / log).write_text(text.replace("= 10.0", "= 1000.0").replace("=0.03", "=3.0"))  # a wide cone
    assert any("This is a cone beam: only rows" in note for note in inspect(tmp_path, kind="transmission").notes)
    (tmp_path / log).write_text(text.replace("=300.0", "=?"))
    assert inspect(tmp_path, kind="transmission").beam == "parallel"
