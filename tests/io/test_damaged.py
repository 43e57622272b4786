"""Files damaged within: each is a refusal in words, or read; never an error of a library, nor its talk."""

import logging
import shutil

import h5py
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from scipy.io import savemat

from fewview.errors import FewviewError, ScanError
from fewview.io import read_scan, read_volume
from fewview.io.damaged import reading, unreadable

DEGREES = 15.0 * np.arange(12)
VALUES = (0.5 + 0.4 * np.random.default_rng(0).random((12, 3, 16))).astype(np.float32)


def _hdf5(path):
    with h5py.File(path, "w") as file:
        file["exchange/data"], file["exchange/theta"] = VALUES, DEGREES


def _packed_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("stack/projections", data=VALUES, compression="gzip", chunks=(1, 3, 16))
        file["stack/angles_deg"] = DEGREES


def _nxtomo(path):
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry/instrument/detector")
        detector["data"], detector["image_key"] = VALUES, np.zeros(12, int)
        file["entry/definition"] = "NXtomo"
        file["entry/sample/rotation_angle"] = DEGREES


def _edf(path):
    fabio = pytest.importorskip("fabio")
    fabio.edfimage.EdfImage(data=VALUES[0]).write(str(path))


def _mrc(path):
    mrcfile = pytest.importorskip("mrcfile")
    with mrcfile.new(path) as file:
        file.set_data(VALUES)


WRITERS = {
    "stack.tif": lambda path: tifffile.imwrite(path, VALUES),
    "packed.tif": lambda path: tifffile.imwrite(path, (VALUES * 1000).astype(np.uint16), compression="zlib"),
    "cube.fits": lambda path: fits.writeto(path, VALUES),
    "tiles.fits.fz": lambda path: fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU((VALUES * 1000).astype(np.int16))]
    ).writeto(path),
    "exchange.h5": _hdf5,
    "named.h5": _packed_hdf5,
    "tomo.nxs": _nxtomo,
    "scan.mat": lambda path: savemat(path, {"projections": VALUES, "angles": DEGREES}, do_compression=True),
    "scan.npy": lambda path: np.save(path, VALUES),
    "scan.npz": lambda path: np.savez(path, projections=VALUES, angles_deg=DEGREES),
    "one.edf": _edf,
    "stack.mrc": _mrc,
}


def _damages(content, tries=40):
    """What a disk, a program or a transfer leaves of a file: the same each time."""
    rng = np.random.default_rng(1)
    for k in range(tries):
        bad = bytearray(content)
        place = int(rng.integers(min(len(bad), 3000)))
        if k % 4 == 0:
            bad = bad[: int(rng.integers(1, len(bad)))]
        elif k % 4 == 1:
            bad += bad[:place]
        elif k % 4 == 2:
            bad[place : place + 60] = bytes(len(bad[place : place + 60]))
        else:
            for other in rng.integers(min(len(bad), 3000), size=8):
                bad[other] = rng.integers(256)
        yield bytes(bad)


@pytest.mark.parametrize("name", WRITERS)
def test_damage_is_a_refusal_in_words(tmp_path, capfd, caplog, name):
    whole = tmp_path / "whole" / name
    whole.parent.mkdir()
    WRITERS[name](whole)
    bad = tmp_path / name
    for content in _damages(whole.read_bytes()):
        bad.write_bytes(content)
        try:
            read_scan(bad, angles=np.radians(DEGREES), kind="transmission", layout="projections").line_integrals()
        except FewviewError as error:
            assert "\n" not in str(error) and str(error).endswith("."), error
    assert capfd.readouterr() == ("", "")
    assert not [one for one in caplog.records if one.name.startswith(("tifffile", "fabio"))]


def test_what_a_library_raises_is_told_and_what_we_raise_is_passed_on(tmp_path):
    told = pytest.raises(
        ScanError, match=r"scan\.xyz cannot be read as XYZ: it is damaged \(invalid literal .*\)\. Copy"
    )
    with told, reading(tmp_path / "scan.xyz", "XYZ"):
        int("no number")  # raised here, which is no part of fewview
    with pytest.raises(ScanError, match="No frames"), reading(tmp_path / "scan.xyz", "XYZ"):
        raise ScanError("No frames.", "Name them.")
    with pytest.raises(AttributeError), reading(tmp_path / "scan.xyz", "XYZ"):
        unreadable("no path", "XYZ", ValueError())  # a mistake within fewview is none of the file's
    assert logging.getLogger("tifffile").propagate


@pytest.mark.parametrize("name", ["exchange.h5", "named.h5", "tomo.nxs"])
def test_names_that_are_no_unicode_hinder_nobody(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    with h5py.File(path, "a") as file:
        for group in [file, *(node for node in file.values() if isinstance(node, h5py.Group))]:
            h5py.h5g.create(group.id, b"gr\xf6\xdfe")
            h5py.h5d.create(group.id, b"\xb5m", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((3, 4)))
    assert read_scan(path, kind="transmission").line_integrals().values.shape == VALUES.shape
    if name == "named.h5":
        assert read_volume(path).values.shape == VALUES.shape


def test_a_group_that_leads_back_to_itself_is_no_circle(tmp_path):
    path = tmp_path / "circle.h5"
    with h5py.File(path, "w") as file:
        file["a/b"], file["a/again"] = 1.0, h5py.SoftLink("/a")
    with pytest.raises(ScanError, match="holds no images"):
        read_scan(path)


def test_the_damaged_record_of_a_volume_is_told(tmp_path):
    np.save(tmp_path / "volume.npy", VALUES)
    record = tmp_path / "volume.npy.json"
    for content in (b'{"voxel_mm": 0.1', b"\xb6\xff"):
        record.write_bytes(content)
        with pytest.raises(ScanError, match=r"volume\.npy\.json cannot be read"):
            read_volume(tmp_path / "volume.npy")
    record.write_text('{"voxel_mm": 0.1}')
    assert read_volume(tmp_path / "volume.npy").voxel == 0.1


def test_a_zarr_that_is_no_image_is_told(tmp_path):
    zarr = pytest.importorskip("zarr")
    for k, attrs in enumerate(
        ({}, {"multiscales": [{}]}, {"multiscales": 3}, {"ome": {"multiscales": [{"datasets": []}]}})
    ):
        path = tmp_path / f"{k}.zarr"
        zarr.open_group(path, mode="w").attrs.update(attrs)
        with pytest.raises(ScanError, match="without a multiscale image"):
            read_volume(path)
    shutil.rmtree(path)
    zarr.open_group(path, mode="w").attrs.update({"multiscales": [{"datasets": [{"path": "0"}]}]})
    with pytest.raises(ScanError, match="cannot be read as Zarr"):
        read_volume(path)


def test_numbers_beyond_float32_become_endless(tmp_path):
    values = VALUES.astype(np.float64)
    values[3, 1, 4] = 1e300
    np.save(tmp_path / "scan.npy", values)
    scan = read_scan(tmp_path / "scan.npy", angles=np.radians(DEGREES), kind="transmission")
    assert np.isinf(scan.read()[3, 1, 4])


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    """The owner's, on a machine that several beamlines share; the tests may run as the superuser, who reads all."""
    _hdf5(tmp_path / "theirs.h5")
    opened = h5py.File

    def refused(path, *args, **more):
        if str(path).endswith("theirs.h5"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **more)

    monkeypatch.setattr(h5py, "File", refused)
    with pytest.raises(ScanError, match=r"theirs\.h5 may not be read by you") as told:
        read_scan(tmp_path / "theirs.h5")
    assert "damaged" not in str(told.value)
