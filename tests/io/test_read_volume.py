"""Volumes in: every format that fewview writes, those of others, single slices, damage."""

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from fewview.errors import ScanError, Stopped
from fewview.io import read_volume, write_volume

RNG = np.random.default_rng(4)
VOLUME = RNG.random((3, 8, 9)).astype(np.float32)


@pytest.mark.parametrize("name", ["v.npy", "v.tif", "v.h5", "v.zarr"])
@pytest.mark.parametrize("voxel", [0.043, None])
def test_what_fewview_writes_it_reads(tmp_path, name, voxel):
    write_volume(tmp_path / name, VOLUME, voxel=voxel)
    found = read_volume(tmp_path / name)
    np.testing.assert_array_equal(found.values, VOLUME)
    assert found.values.dtype == np.float32
    assert found.voxel == (None if voxel is None else pytest.approx(voxel))
    assert found.attrs["unit"] == ("per pixel" if voxel is None else "mm^-1")


def test_sixteen_bit_tiff_comes_back_in_its_own_unit(tmp_path):
    write_volume(tmp_path / "v.tif", VOLUME, voxel=0.1, bits=16)
    found = read_volume(tmp_path / "v.tif")
    np.testing.assert_allclose(found.values, VOLUME, atol=np.ptp(VOLUME) / 65535)


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_not_the_current_folder(path):
    with pytest.raises(ScanError, match="'path' is empty"):
        read_volume(path)


def test_slices_become_volumes_of_one(tmp_path):
    np.save(tmp_path / "s.npy", (VOLUME[0] * 9).astype(np.uint16))
    tifffile.imwrite(tmp_path / "s.tif", VOLUME[0])
    np.savez(tmp_path / "s.npz", VOLUME[0])
    for name in ("s.npy", "s.tif", "s.npz"):
        assert read_volume(tmp_path / name).values.shape == (1, 8, 9)


def test_a_folder_of_slices_keeps_its_voxel_size(tmp_path):
    for i, image in enumerate(VOLUME):
        tifffile.imwrite(
            tmp_path / f"slice_{i:03d}.tif", image, imagej=True, resolution=(1 / 12, 1 / 12), metadata={"unit": "um"}
        )
    found = read_volume(tmp_path)
    np.testing.assert_array_equal(found.values, VOLUME)
    assert found.voxel == pytest.approx(0.012)


def test_a_folder_of_slices(tmp_path):
    for i, image in enumerate(VOLUME):
        tifffile.imwrite(tmp_path / f"rec_{i}.tif", image)
    np.testing.assert_array_equal(read_volume(tmp_path).values, VOLUME)


def test_npz_with_several_arrays(tmp_path):
    np.savez(tmp_path / "v.npz", volume=VOLUME, mask=VOLUME > 0.5, voxel_mm=0.2)
    found = read_volume(tmp_path / "v.npz")
    np.testing.assert_array_equal(found.values, VOLUME)
    assert found.voxel == 0.2
    np.savez(tmp_path / "w.npz", a=VOLUME, b=VOLUME)
    with pytest.raises(ScanError, match=r"w\.npz holds the arrays a, b"):
        read_volume(tmp_path / "w.npz")


def test_a_dataset_of_an_hdf5_file_by_name(tmp_path):
    with h5py.File(tmp_path / "sim.h5", "w") as file:
        file["exchange/data"] = VOLUME[:, :2]
        file["truth/neutron"] = VOLUME
        file["truth/neutron"].attrs.update(voxel_mm=0.05, units="1/mm")
    found = read_volume(f"{tmp_path}/sim.h5:/truth/neutron")
    np.testing.assert_array_equal(found.values, VOLUME)
    assert (found.voxel, found.attrs["unit"]) == (0.05, "1/mm")
    with pytest.raises(ScanError, match=r"no volume 'volume'; it has: exchange/data, truth/neutron.*sim\.h5:/NAME"):
        read_volume(tmp_path / "sim.h5")
    with pytest.raises(ScanError, match="no volume 'truth/xray'"):
        read_volume(f"{tmp_path}/sim.h5:/truth/xray")


def test_imagej_stacks_of_others(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", VOLUME, imagej=True, resolution=(20, 20), metadata={"unit": "mm", "axes": "ZYX"}
    )
    assert read_volume(tmp_path / "a.tif").voxel == pytest.approx(0.05)
    tifffile.imwrite(tmp_path / "b.tif", VOLUME, imagej=True, resolution=(96, 96), metadata={"unit": "inch"})
    assert read_volume(tmp_path / "b.tif").voxel is None


def test_what_is_no_volume_is_refused(tmp_path):
    with pytest.raises(ScanError, match=r"no volume .*gone\.tif"):
        read_volume(tmp_path / "gone.tif")
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(ScanError, match=r"a\.xyz has no known volume format"):
        read_volume(tmp_path / "a.xyz")
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n1234")
    with pytest.raises(ScanError, match=r"bad\.h5 cannot be read as HDF5"):
        read_volume(tmp_path / "bad.h5")
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    with pytest.raises(ScanError, match=r"bad\.zarr"):
        read_volume(tmp_path / "bad.zarr")


@pytest.mark.parametrize("name", ["v.npy", "v.npz", "v.tif", "packed.tif", "v.h5", "packed.h5", "v.zarr", "slices"])
def test_reading_ends_between_two_pieces(tmp_path, monkeypatch, name):
    """A stop is heard while a large file is read, in every format; without one the volume is whole."""
    from fewview.io import read_volume as module_function

    volume = RNG.random((12, 40, 40)).astype(np.float32)
    path = tmp_path / name
    if name == "slices":
        path.mkdir()
        for i, image in enumerate(volume):
            tifffile.imwrite(path / f"rec_{i:02d}.tif", image)
    elif name == "v.npz":
        np.savez_compressed(path, volume=volume)
    elif name == "packed.tif":
        tifffile.imwrite(path, volume, compression="zlib", photometric="minisblack")
    elif name == "packed.h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("volume", data=volume, chunks=(3, 40, 40), compression="gzip")
    elif name == "v.zarr":
        zarr.open_array(path, mode="w", shape=volume.shape, chunks=(12, 10, 40), dtype="f4")[:] = volume
    else:
        write_volume(path, volume)
    monkeypatch.setitem(module_function.__globals__, "_AT_ONCE", 2 * 40 * 40 * 4)
    looks = []
    np.testing.assert_array_equal(read_volume(path, lambda: looks.append(1)).values, volume)
    assert len(looks) >= 3

    def stop():
        looks.append(1)
        if len(looks) == 3:
            raise Stopped

    looks.clear()
    with pytest.raises(Stopped):
        read_volume(path, stop)
    assert len(looks) == 3


def test_a_series_in_one_tiff_is_no_volume(tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", np.ones((2, 3, 8, 9), np.float32), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ScanError, match=r"\(2 x 3 x 8 x 9, float32\), not a volume"):
        read_volume(tmp_path / "t.tif")
