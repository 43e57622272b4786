"""Fan beams in every dialect: the same disk, written by each, lands at its place with its value."""

import json
import math
import re

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from fewview.errors import ScanError
from fewview.geometry import FanBeam
from fewview.io import inspect, read_scan
from fewview.operators import filtered_backprojection, projector

VIEWS, COLUMNS, PIXEL, SOD, SDD = 90, 80, 0.5, 60.0, 110.0
ANGLES = np.arange(VIEWS) * 2 * np.pi / VIEWS
DISK = (3.0, -5.0, 2.0)  # X, Y, radius, mm; its attenuation is 0.2 per mm


def sinogram(beam):
    """Exact line integrals of the disk, (views, columns)."""
    rows = []
    for view in range(beam.views):
        start, direction = beam.rays(view)
        beside = (start[:, 0] - DISK[0]) * direction[:, 1] - (start[:, 1] - DISK[1]) * direction[:, 0]
        rows.append(0.4 * np.sqrt(np.maximum(DISK[2] ** 2 - beside**2, 0)))
    return np.array(rows, np.float32)


def fan(axis=39.5, principal=None, angles=ANGLES):
    return FanBeam(angles, 1, COLUMNS, axis, PIXEL, principal=principal, sod=SOD, sdd=SDD)


def check(scan, place=DISK[:2]):
    """The disk is where it was, with its value."""
    A = projector(scan.geometry, memory_budget=0)
    rays = torch.from_numpy(scan.read().swapaxes(0, 1).copy())
    image = filtered_backprojection(A, rays)[0].numpy()
    along = (np.arange(A.grid) - (A.grid - 1) / 2) * A.volume.voxel
    inside = np.hypot(along - place[0], -along[:, None] - place[1]) < 2 * DISK[2]
    mass = np.where(inside, image, 0)
    assert (mass * along).sum() / mass.sum() == pytest.approx(place[0], abs=0.05 * A.volume.voxel)
    assert (mass * -along[:, None]).sum() / mass.sum() == pytest.approx(place[1], abs=0.05 * A.volume.voxel)
    core = np.hypot(along - place[0], -along[:, None] - place[1]) < 0.6 * DISK[2]
    assert image[core].mean() == pytest.approx(0.2, rel=0.01)


def write_cil(path, values, source, detector, step=(1.0, 0.0), origin="bottom-left", angles=ANGLES, **attributes):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("entry1/tomo_entry/data/data", data=values)
        names = ("channel", "angle", "horizontal")[-values.ndim :]
        data.attrs.update({f"dim{i}": name for i, name in enumerate(names)})
        data.attrs.update(data_type="AcquisitionData", geometry="cone", dimension="2D", panel_origin=origin)
        data.attrs.update(pixel_size_h=PIXEL, **attributes)
        config = "entry1/tomo_entry/config"
        file[f"{config}/angles"] = np.degrees(angles)
        file[f"{config}/angles"].attrs.update(angle_unit="degree", initial_angle=0.0)
        for name, where in (("source", source), ("detector", detector), ("rotation_axis", (0.0, 0.0))):
            file[f"{config}/{name}/position"] = np.array(where)
        file[f"{config}/detector/direction_x"] = np.array(step)


def test_cil_with_the_source_where_it_puts_it(tmp_path):
    """Source at negative Y of CIL's, which is above the slice; CIL's columns then run against ours."""
    seen = sinogram(fan(angles=ANGLES + np.pi))
    write_cil(tmp_path / "a.nxs", seen[:, ::-1], (0, -SOD), (0, SDD - SOD))
    check(read_scan(tmp_path / "a.nxs"))
    assert "above the slice" in inspect(tmp_path / "a.nxs").beam
    write_cil(tmp_path / "b.nxs", seen, (0, -SOD), (0, SDD - SOD), origin="bottom-right")
    check(read_scan(tmp_path / "b.nxs"))


def test_cil_with_source_and_detector_aside(tmp_path):
    """The perpendicular meets column 39.5 of the detector, the axis casts its shadow beside it."""
    seen = sinogram(fan(39.5 - 4, 39.5))
    source = (4 * PIXEL * SOD / SDD, SOD)
    write_cil(tmp_path / "a.nxs", seen, source, (source[0], SOD - SDD))
    scan = read_scan(tmp_path / "a.nxs")
    assert (scan.geometry.axis, scan.geometry.principal) == (pytest.approx(35.5), pytest.approx(39.5))
    check(scan)
    cut = scan.columns(2, 78)
    assert cut.geometry.principal == pytest.approx(37.5)


def test_one_channel_of_several(tmp_path):
    seen = sinogram(fan())
    write_cil(tmp_path / "a.nxs", np.stack([0 * seen, seen]), (0, SOD), (0, SOD - SDD))
    with pytest.raises(ScanError, match=r"2 channels.*--dataset 0 to --dataset 1"):
        read_scan(tmp_path / "a.nxs")
    check(read_scan(tmp_path / "a.nxs", dataset="1"))


def test_a_matlab_struct_with_distances(tmp_path):
    facts = {"geometryType": "Cone", "distanceSourceOrigin": SOD, "distanceSourceDetector": SDD, "distanceUnit": "mm"}
    facts |= {"pixelSize": PIXEL / 4, "pixelSizePost": PIXEL, "angles": np.degrees(ANGLES)}
    savemat(tmp_path / "a.mat", {"ct": {"sinogram": sinogram(fan()), "parameters": facts}})
    scan = read_scan(tmp_path / "a.mat", axis=39.5)
    assert scan.geometry.pixel == PIXEL and scan.geometry.principal is None
    check(scan)
    del facts["distanceSourceDetector"]
    savemat(tmp_path / "b.mat", {"ct": {"sinogram": sinogram(fan()), "parameters": facts}})
    with pytest.raises(ScanError, match=r"does not say how far the source is.*--geometry"):
        read_scan(tmp_path / "b.mat")


def test_rows_of_a_cone_beam_are_fans_and_which_are_right_is_said(tmp_path):
    rows = np.stack([sinogram(fan())] * 101, axis=1)
    facts = {"geometryType": "cone", "distanceSourceOrigin": SOD, "distanceSourceDetector": SDD, "pixelSize": PIXEL}
    savemat(tmp_path / "a.mat", {"proj": rows, "parameters": facts | {"angles": np.degrees(ANGLES)}})
    scan = read_scan(tmp_path / "a.mat")
    check(scan.rows(50, 51))
    field = COLUMNS / 2 * PIXEL * SOD / SDD
    reach = int(0.5 * SOD / field)  # rows whose rays rise by less than half a voxel
    assert f"only rows {50 - reach} to {50 + reach} " in scan.notes[0] and "cone beam" in scan.notes[0]
    few = read_scan(tmp_path / "a.mat").rows(48, 53)
    assert few.geometry.rows == 5


def test_a_short_scan_of_a_fan_needs_more_than_half_a_turn(tmp_path):
    facts = {"distanceSourceOrigin": SOD, "distanceSourceDetector": SDD, "pixelSize": PIXEL}
    part = ANGLES[np.degrees(ANGLES) < 120]
    savemat(tmp_path / "a.mat", {"sinogram": sinogram(fan(angles=part)), "p": facts | {"angles": np.degrees(part)}})
    enough = 180 + 2 * np.degrees(np.arctan(COLUMNS / 2 * PIXEL / SDD))
    (note,) = [one for one in read_scan(tmp_path / "a.mat").notes if "directions not seen" in one]
    assert f"of {enough:.4g} degrees" in note and "values are not quantitative" in note


def vectors(beam, reverse=False):
    """ASTRA's fanflat_vec of a geometry; reversed: the columns are counted from the other end."""
    across = np.stack([np.cos(beam.angles), np.sin(beam.angles)], 1)
    along = np.stack([-across[:, 1], across[:, 0]], 1)
    middle = beam.sources() + beam.sdd * along + (beam.middle - beam.foot) * beam.pitch * across
    return np.hstack([beam.sources(), middle, (-1 if reverse else 1) * beam.pitch * across])


@pytest.mark.parametrize("reverse", [False, True])
def test_a_geometry_file_beside_the_data(tmp_path, reverse):
    beam = fan(36.0, 41.0)
    seen = sinogram(beam)
    np.save(tmp_path / "scan.npy", seen[:, ::-1] if reverse else seen)
    said = {"type": "fanflat_vec", "DetectorCount": COLUMNS, "Vectors": vectors(beam, reverse).tolist()}
    (tmp_path / "beam.json").write_text(json.dumps(said))
    scan = read_scan(tmp_path / "scan.npy", geometry=tmp_path / "beam.json", layout="sinogram", kind="attenuation")
    assert (scan.geometry.axis, scan.geometry.principal) == (pytest.approx(36), pytest.approx(41))
    check(scan)
    said["Vectors"][7][0] += 3
    (tmp_path / "beam.json").write_text(json.dumps(said))
    with pytest.raises(ScanError, match=r"leave a circle.*circular orbits"):
        read_scan(tmp_path / "scan.npy", geometry=tmp_path / "beam.json", layout="sinogram")


def test_a_geometry_file_in_yaml_and_the_mirror(tmp_path):
    np.save(tmp_path / "scan.npy", sinogram(fan())[:, ::-1])
    lines = ["type: fanflat", f"DetectorCount: {COLUMNS}", f"DetectorWidth: {PIXEL}", f"DistanceOriginSource: {SOD}"]
    where = tmp_path / "beam.yaml"
    where.write_text("\n".join([*lines, f"DistanceOriginDetector: {SDD - SOD}"]))
    how = {"geometry": where, "layout": "sinogram", "angles": "0:360", "kind": "attenuation"}
    check(read_scan(tmp_path / "scan.npy", mirror=True, **how))
    info = inspect(tmp_path / "scan.npy", **how)
    assert info.beam.startswith("fan, source 60 mm from the axis and 110 mm from the flat detector; below the slice")
    assert info.axis == 39.5 and info.ready
    where.write_text("\n".join(lines))
    with pytest.raises(ScanError, match="DistanceOriginDetector is missing"):
        read_scan(tmp_path / "scan.npy", **how)
    where.write_text("type: helix")
    with pytest.raises(ScanError, match="type 'helix' is not known"):
        read_scan(tmp_path / "scan.npy", **how)
    where.write_text("type: fanflat\nDetectorWidth: wide")
    with pytest.raises(ScanError, match="DetectorWidth is 'wide', not a number"):
        read_scan(tmp_path / "scan.npy", **how)
    with pytest.raises(ScanError, match="cannot be read"):
        read_scan(tmp_path / "scan.npy", **{**how, "geometry": tmp_path / "none.json"})


def test_a_fan_without_pixel_size_says_so(tmp_path):
    np.save(tmp_path / "scan.npy", sinogram(fan()))
    (tmp_path / "beam.yaml").write_text("type: fanflat\nDistanceOriginSource: 60\nDistanceOriginDetector: 50")
    how = {"geometry": tmp_path / "beam.yaml", "layout": "sinogram", "angles": "0:360"}
    with pytest.raises(ScanError, match="--pixel"):
        read_scan(tmp_path / "scan.npy", **how)
    assert read_scan(tmp_path / "scan.npy", pixel=0.5, **how).geometry.voxel == pytest.approx(0.5 * 60 / 110)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DistanceOriginSource": -40}, "DistanceOriginSource cannot be -40"),
        ({"DistanceOriginDetector": math.nan}, "DistanceOriginDetector cannot be nan"),
        ({"DetectorWidth": 0}, "DetectorWidth cannot be 0"),
        ({"DetectorCount": 31}, "DetectorCount is 31, the frames are "),
        ({"DetectorCount": "many"}, "DetectorCount is 'many'"),
        ({"ProjectionAngles": ["a"] * 24}, "ProjectionAngles holds something else than numbers"),
        ({"ProjectionAngles": [[1, 2], [3]]}, "ProjectionAngles holds something else than numbers"),
        ({"type": "fanflat_vec", "Vectors": "x"}, "Vectors holds something else than numbers"),
        ({"type": "fanflat_vec", "Vectors": [[0] * 6] * 24}, "line 0 of Vectors is no beam"),
        ({"type": "fanflat_vec", "Vectors": [[0, -40, 0, 40, math.nan, 0]] * 24}, "line 0 of Vectors is no beam"),
    ],
)
def test_mistakes_in_a_geometry_file(tmp_path, change, says):
    np.save(tmp_path / "scan.npy", np.ones((24, 32)))
    good = {"type": "fanflat", "DetectorCount": 32, "DistanceOriginSource": 40, "DistanceOriginDetector": 40}
    (tmp_path / "beam.json").write_text(json.dumps({**good, **change}))
    with pytest.raises(ScanError, match=re.escape(f"beam.json: {says}")):
        read_scan(tmp_path / "scan.npy", geometry=tmp_path / "beam.json", layout="sinogram", kind="attenuation")


def test_small_numbers_in_json_are_numbers(tmp_path):
    np.save(tmp_path / "scan.npy", np.ones((24, 32)))
    said = {"type": "fanflat", "DistanceOriginSource": 40, "DistanceOriginDetector": 40, "DetectorWidth": 1e-05}
    angles = [1e-05, *np.arange(1, 24) * math.pi / 12]
    (tmp_path / "beam.json").write_text(json.dumps({**said, "ProjectionAngles": angles}))
    scan = read_scan(tmp_path / "scan.npy", geometry=tmp_path / "beam.json", layout="sinogram", kind="attenuation")
    assert scan.geometry.pixel == 1e-05 and scan.geometry.angles[0] == 1e-05
