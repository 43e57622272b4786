"""Advice knows what was given: nothing asks for a flag, a step or rows that the user has given already."""

import h5py
import numpy as np
import pytest
import tifffile

from fewview.errors import AnswerNeeded, ScanError
from fewview.io import inspect, read_scan
from fewview.prepare import PrepareOptions
from fewview.scan.advice import still_due, without_given, without_taken

ROWS = (0, 64)


def dose_edges(save, disks):
    beam = np.linspace(1, 0.7, 60)
    yield save(flats=disks.flats(beam=0.1)), {}
    yield save(flats=np.concatenate([disks.flats(3), disks.flats(3, beam=0.5)])), {}
    yield save(projections=disks.counts(disks.degrees, beam=beam)), {}
    yield save(flats=None, darks=None), {"kind": "transmission"}


def test_a_dose_correction_that_was_given_is_not_advised(save, disks):
    for path, said in dose_edges(save, disks):
        scan = read_scan(path, **said)
        assert any("dose=edges" in note for note in scan.line_integrals(axis=31.5).notes)
        assert any("dose=edges" in note for note in scan.line_integrals(PrepareOptions(dose="none"), 31.5).notes)
        assert not any("dose=edges" in note for note in scan.line_integrals(PrepareOptions(dose="edges"), 31.5).notes)


@pytest.mark.parametrize(
    ("note", "given", "due"),
    [
        ("Zingers: --prepare zingers=0.3 masks them.", {"zingers": 0.5}, False),
        ("Zingers: --prepare flat=median leaves them out.", {"flat": "median"}, False),
        ("Zingers: --prepare flat=median leaves them out.", {"zingers": 0.5}, False),
        ("Zingers: --prepare flat=median leaves them out.", {"dose": "edges"}, True),
        ("Saturated at 4095: --prepare saturation=4095 masks them.", {"saturation": 4095.0}, False),
        ("Saturated at 4095: --prepare saturation=4095 masks them.", {"saturation": 65535.0}, True),
        ("The beam changes: --prepare dose=edges scales each view.", {"dose": "monitor"}, False),
        ("Only these rows come out right (--rows 10:90).", {}, False),
        ("Only these rows come out right (--rows 10:50).", {}, True),
        ("Steps are even.", {"dose": "edges"}, True),
    ],
)
def test_a_note_is_due_until_its_advice_is_followed(note, given, due):
    assert still_due([note], PrepareOptions(**given), (20, 64)) == ((note,) if due else ())


def test_of_a_remedy_only_the_step_that_is_taken_goes():
    said = "Give flats; or say --kind transmission --prepare dose=edges: the open beam stands for them."
    assert without_taken(said, PrepareOptions()) == said
    taken = without_taken(said, PrepareOptions(dose="edges"))
    assert taken == "Give flats; or say --kind transmission: the open beam stands for them."


def test_a_sentence_that_asks_for_a_flag_that_was_given_goes():
    notes = ["They disagree. Say which is right with --angles FILE.", "--angles 0:3: are they in radians?"]
    assert without_given(notes, {"flats"}) == notes
    assert without_given(notes, {"angles"}) == ["They disagree.", notes[1]]
    assert without_given(["--reverse-angles may be right.", "It is --reverse-angles."], {"reverse_angles"}) == [
        "--reverse-angles may be right."
    ]


def test_angles_that_were_given_are_not_asked_for_again(tmp_path, disks):
    for i, frame in enumerate(disks.frames):
        tifffile.imwrite(tmp_path / f"wood_{disks.degrees[i]:06.2f}.tif", frame)
    np.savetxt(tmp_path / "angles.txt", 0.98 * disks.degrees)
    asked = next(note for note in inspect(tmp_path).notes if "disagree" in note)
    assert "Say which is right with --angles" in asked
    info = inspect(tmp_path, angles=str(tmp_path / "angles.txt"))
    assert "--angles" not in next(note for note in info.notes if "disagree" in note)
    assert not any("says something else" in origin for origin in info.provenance.values())


def test_views_to_leave_out_come_on_top_of_those_that_are(save, disks):
    degrees = disks.degrees.copy()
    degrees[[9, 11]] = np.nan
    path = save(angles_deg=degrees)
    assert "--exclude 9,11," in inspect(path).missing[0].remedy
    assert "--exclude 3,9,11," in inspect(path, exclude="3").missing[0].remedy
    assert inspect(path, exclude="3,9,11").ready
    degrees = disks.degrees.copy()
    degrees[20] = 170
    path = save(angles_deg=degrees)
    for given, advised in ((None, "20"), ("3", "3,20")):
        problem = inspect(path, exclude=given).missing[0].problem
        assert "of view 20 " in problem and f"--exclude {advised})" in problem
    assert inspect(path, exclude="3,20").ready
    degrees = disks.degrees.copy()
    degrees[-4:] = 0
    assert "views (56 to 59)" in inspect(save(angles_deg=degrees), exclude="0").missing[0].problem
    assert "--exclude 0,56:60)" in inspect(save(angles_deg=degrees), exclude="0").missing[0].problem
    frames = disks.frames.copy()
    frames[10:50] = 65535
    assert "--exclude 3,A:B" in inspect(save(projections=frames), exclude="3").missing[0].remedy


def test_a_scan_that_a_raw_file_of_the_esrf_does_not_hold(tmp_path, disks):
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["1.1/measurement/camera"] = disks.frames
        file["1.1/measurement/rot"] = disks.degrees
        file["1.1/title"] = "projections"
    with pytest.raises(AnswerNeeded, match=r"has no scan '7\.1', but 1\.1"):
        read_scan(tmp_path / "raw.h5", dataset="7.1")


def test_a_pattern_that_fits_every_image(tmp_path, disks):
    for i in range(3):
        tifffile.imwrite(tmp_path / f"flat_{i}.tif", disks.frames[i])
    with pytest.raises(ScanError, match="fits the flats alone"):
        read_scan(tmp_path, flats="flat_*.tif")
