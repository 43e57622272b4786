"""Writers: the values, the scale, the unit and the record come back; nothing is half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from fewview.atomic_write import check_writable, clear_abandoned, written_whole
from fewview.errors import FewviewError
from fewview.io import read_scan, read_volume, write_volume
from fewview.io.write_volume import check_output

RECORD = {
    "method": "tv",
    "options": {"weight": 0.1},
    "seed": 3,
    "versions": {"fewview": "0.1.0"},
    "note": "90° — x" * 3,
}
ENDINGS = ("volume.npy", "volume.tif", "volume.h5", "volume.zarr")


@pytest.fixture
def volume():
    rng = np.random.default_rng(0)
    return (rng.standard_normal((3, 20, 24)) * 0.02 + 0.01).astype(np.float32)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_volume_of_our_own_is_no_scan(tmp_path, volume, name):
    path = write_volume(tmp_path / name, volume, voxel=0.01, record=RECORD)
    with pytest.raises(FewviewError, match="is a volume that fewview reconstructed, not a scan"):
        read_scan(path, angles="0:180")


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("voxel", [0.0125, None])
def test_round_trip(tmp_path, volume, name, voxel):
    path = write_volume(tmp_path / name, volume, voxel=voxel, record=RECORD)
    found = read_volume(path)
    assert np.array_equal(found.values, volume)
    assert found.voxel == pytest.approx(voxel, rel=1e-9) if voxel else found.voxel is None
    assert found.attrs["unit"] == ("mm^-1" if voxel else "per pixel")
    assert found.attrs["record"] == RECORD
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name, "volume.npy.json"} if name.endswith("npy") else {name}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_slice_is_a_volume_of_one(tmp_path, volume, name):
    write_volume(tmp_path / name, volume[0])
    assert read_volume(tmp_path / name).values.shape == (1, 20, 24)


def test_hdf5_in_detail(tmp_path, volume):
    with h5py.File(write_volume(tmp_path / "v.h5", volume, voxel=0.5, record=RECORD)) as file:
        assert file["volume"].dtype == np.float32
        assert file["volume"].attrs["voxel_mm"] == 0.5
        assert file["volume"].attrs["unit"] == "mm^-1"
        assert json.loads(file["record"][()]) == RECORD


def test_a_record_longer_than_an_hdf5_attribute(tmp_path, volume):
    long = {"angles_deg": list(range(40_000))}
    assert read_volume(write_volume(tmp_path / "v.h5", volume, record=long)).attrs["record"] == long


def test_tiff_opens_in_imagej_with_its_scale(tmp_path, volume):
    with tifffile.TiffFile(write_volume(tmp_path / "v.tif", volume, voxel=0.25, record=RECORD)) as file:
        assert file.is_imagej
        about = file.imagej_metadata
        assert about["unit"] == "mm"
        assert about["spacing"] == 0.25
        assert about["slices"] == 3
        assert json.loads(about["Info"])["record"] == RECORD
        resolution = file.pages[0].tags["XResolution"].value
        assert resolution[0] / resolution[1] == pytest.approx(4.0)
        assert file.series[0].axes == "ZYX"


def test_16_bit_has_one_slope_and_offset_for_the_volume(tmp_path, volume):
    volume[1] = 0.0  # an empty slice stays at zero instead of being stretched
    volume[2] *= 3
    path = write_volume(tmp_path / "v.tif", volume, voxel=0.25, bits=16)
    with tifffile.TiffFile(path) as file:
        stored, about = file.asarray(), file.imagej_metadata
        slope, offset = (json.loads(about["Info"])[name] for name in ("slope", "offset"))
        assert (about["c1"], about["c0"], about["cf"]) == (pytest.approx(slope), pytest.approx(offset), 0)
    assert stored.dtype == np.uint16
    assert (stored.min(), stored.max()) == (0, 65535)
    error = np.abs(stored.astype(np.float64) * slope + offset - volume)
    assert error.max() <= slope / 2 * (1 + 1e-6)
    assert len(np.unique(stored[1])) == 1
    np.testing.assert_allclose(read_volume(path).values, volume, atol=slope * 0.51)


def test_16_bit_of_a_constant_volume(tmp_path):
    found = read_volume(write_volume(tmp_path / "v.tif", np.full((2, 8, 8), 0.5, np.float32), bits=16))
    assert (found.values == 0.5).all()


def test_ome_zarr_levels_scales_and_units(tmp_path):
    rng = np.random.default_rng(0)
    volume = rng.random((3, 600, 300)).astype(np.float32)
    group = zarr.open_group(write_volume(tmp_path / "v.zarr", volume, voxel=0.5, record=RECORD), mode="r")
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert [axis["unit"] for axis in image["axes"]] == ["millimeter"] * 3
    assert [d["path"] for d in image["datasets"]] == ["0", "1", "2"]
    assert [group[p].shape for p in "012"] == [(3, 600, 300), (2, 300, 150), (1, 150, 75)]
    scales = [d["coordinateTransformations"][0]["scale"] for d in image["datasets"]]
    assert scales == [[0.5] * 3, [1.0] * 3, [2.0] * 3]
    assert image["datasets"][1]["coordinateTransformations"][1]["translation"] == [0.25] * 3
    np.testing.assert_allclose(group["1"][0, 0, 0], volume[:2, :2, :2].mean(), rtol=1e-6)
    assert group.attrs["fewview"]["record"] == RECORD


def test_ome_zarr_is_what_the_standards_library_expects(tmp_path, volume):
    models = pytest.importorskip("ome_zarr_models.v05", reason="the validator of OME-Zarr is not installed")
    path = write_volume(tmp_path / "v.zarr", volume, voxel=0.5)
    models.Image.from_zarr(zarr.open_group(path, mode="r"))


@pytest.mark.parametrize("name", ENDINGS)
def test_an_older_file_is_replaced_whole(tmp_path, volume, name):
    write_volume(tmp_path / name, np.zeros((5, 40, 40), np.float32), record={"old": True})
    write_volume(tmp_path / name, volume, record={"new": True})
    found = read_volume(tmp_path / name)
    assert np.array_equal(found.values, volume)
    assert found.attrs["record"] == {"new": True}


FULL = """
import resource, sys
import numpy as np
from fewview.errors import FewviewError
from fewview.io import write_volume
import h5py, tifffile, zarr
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
rng = np.random.default_rng(0)
try:
    write_volume(sys.argv[1], rng.random((4, 100, 100)).astype(np.float32))
except FewviewError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
@pytest.mark.parametrize("name", ENDINGS)
def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_else(tmp_path, volume, name):
    write_volume(tmp_path / name, volume)
    before = {path.name for path in tmp_path.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / name)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 7, done.stderr
    assert "could not be written" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == before
    assert np.array_equal(read_volume(tmp_path / name).values, volume)


def test_a_folder_never_gives_way_to_a_file(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("of the user")
    with pytest.raises(FewviewError, match="it is a folder"), written_whole(tmp_path / "kept") as temporary:
        temporary.write_text("{}")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "notes.txt"]


def test_a_link_stays_a_link(tmp_path, volume):
    (tmp_path / "large_disk").mkdir()
    (tmp_path / "v.npy").symlink_to(tmp_path / "large_disk" / "v.npy")
    for _ in range(2):  # a new file behind the link, and one that is replaced
        write_volume(tmp_path / "v.npy", volume)
        assert (tmp_path / "v.npy").is_symlink() and not (tmp_path / "large_disk" / "v.npy").is_symlink()
        np.testing.assert_array_equal(read_volume(tmp_path / "v.npy").values, volume)


def test_names_that_would_fail_at_the_end_are_refused_at_the_start(tmp_path):
    (tmp_path / "v.zarr").write_text("of the user")
    with pytest.raises(FewviewError, match="is a file; OME-Zarr is a folder"):
        check_output(tmp_path / "v.zarr", 1)
    with pytest.raises(FewviewError, match="too long"):
        check_output(tmp_path / f"{'v' * 240}.npy", 1)


def test_too_little_space_is_told_before_the_work(tmp_path):
    with pytest.raises(FewviewError, match="GiB free, the volume needs"):
        check_writable(tmp_path / "v.npy", 2**60)


def test_read_only_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(FewviewError, match="is read-only"):
        check_output(tmp_path / "v.npy", 10)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder where nobody can make files")
def test_a_folder_that_refuses_files(volume):
    with pytest.raises(FewviewError, match="/proc"):
        write_volume("/proc/volume.npy", volume)


def test_mistakes_in_the_name(tmp_path, volume):
    with pytest.raises(FewviewError, match=r"ending '\.xyz'.*\.npy, \.tif, \.h5 or \.zarr"):
        write_volume(tmp_path / "v.xyz", volume)
    with pytest.raises(FewviewError, match="does not exist"):
        write_volume(tmp_path / "nowhere" / "v.npy", volume)
    with pytest.raises(FewviewError, match="16 bits"):
        write_volume(tmp_path / "v.npy", volume, bits=16)
    with pytest.raises(FewviewError, match="three axes"):
        write_volume(tmp_path / "v.npy", np.zeros(3))
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(FewviewError, match="is a folder"):
        write_volume(tmp_path / "folder.npy", volume)
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(FewviewError, match="holds something else"):
        write_volume(tmp_path / "mine.zarr", volume)
    assert (tmp_path / "mine.zarr" / "thesis.txt").exists()


def test_an_input_is_never_overwritten(tmp_path):
    scan = tmp_path / "scan.h5"
    scan.write_bytes(b"precious")
    link = tmp_path / "link.h5"
    link.symlink_to(scan)
    folder = tmp_path / "frames.zarr"
    folder.mkdir()
    for output, inputs in ((scan, (scan,)), (link, (scan,)), (scan, (link,)), (folder, (folder / "a.tif", folder))):
        with pytest.raises(FewviewError, match="is an input of this run"):
            check_output(output, 10, inputs)
    check_output(tmp_path / "other.h5", 10, (scan,))


KILLED = """
import os, signal, sys
from pathlib import Path
from fewview.atomic_write import written_whole
with written_whole(Path(sys.argv[1])) as temporary:
    if temporary.suffix == ".zarr":
        temporary.mkdir()
        temporary /= "zarr.json"
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["v.npy", "v [1].npy.checkpoint", "v.zarr"])
def test_what_a_killed_run_left_is_removed_by_the_next_one(tmp_path, name):
    path, others = tmp_path / name, tmp_path / ".v.mine.partial.npy"
    others.write_text("of the user's own")
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert not path.exists() and len(list(tmp_path.iterdir())) == 2
    with written_whole(path) as temporary:
        temporary.write_text("whole")
        with written_whole(path) as second:  # of this process, which lives
            second.write_text("")
            assert temporary.exists()
    assert set(tmp_path.iterdir()) == {path, others}


def test_a_volume_that_had_stepped_aside_comes_back(tmp_path):
    """A run was killed between the two renamings that replace a folder."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "v.zarr")], check=False)
    (partial,) = tmp_path.iterdir()
    partial.rename(tmp_path / f"{partial.name}.old")
    clear_abandoned(tmp_path / "v.zarr")
    assert [one.name for one in tmp_path.iterdir()] == ["v.zarr"]
