"""Image files of many programs: extensions of FITS, sets of OME-TIFF, codecs, thumbnails, planes; EDF, MRC, TXRM."""

import gzip
import io
import sys

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from fewview.errors import ScanError
from fewview.io import read_scan, txrm

DEGREES = 0.5 + 5.9 * np.arange(30)
ARC = "0.5:177.5"


@pytest.fixture(scope="module")
def frames(disks):
    return disks.counts(DEGREES)


def assert_read(path, frames, **said):
    scan = read_scan(path, angles=ARC, **said)
    np.testing.assert_array_equal(scan.read(), frames)
    np.testing.assert_array_equal(scan.select_views([20, 3]).crop((1, 2), (5, 40)).read(), frames[[20, 3], 1:2, 5:40])
    return scan


def test_one_extension_per_view_with_errors_and_a_preview_beside(tmp_path, frames):
    views = [fits.ImageHDU(frame, name=f"V{i}") for i, frame in enumerate(frames)]
    errors = fits.ImageHDU(frames, name="ERR")
    fits.HDUList([fits.PrimaryHDU(np.zeros((4, 4), np.uint8)), *views, errors]).writeto(tmp_path / "a.fits")
    scan = assert_read(tmp_path / "a.fits", frames)
    assert "2 other image extensions are left out" in scan.notes[0]


@pytest.mark.parametrize(("kind", "scale", "zero"), [("int16", 2, 32768), ("int16", 1, 32768), ("float32", 1, 0)])
def test_scaled_fits_that_is_written_anew_between_reads(tmp_path, frames, kind, scale, zero):
    for values in (frames, frames[::-1]):
        unit = fits.PrimaryHDU((values // scale * scale).astype(np.float64 if kind == "int16" else np.float32))
        if kind == "int16":
            unit.scale(kind, bscale=scale, bzero=zero)
        unit.writeto(tmp_path / "a.fits", overwrite=True)
        scan = read_scan(tmp_path / "a.fits", angles=ARC, kind="transmission")
        np.testing.assert_array_equal(scan.read(), values // scale * scale)


def test_compressed_fits(tmp_path, frames):
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(frames)]).writeto(tmp_path / "a.fits.fz")
    assert_read(tmp_path / "a.fits.fz", frames)
    whole = io.BytesIO()
    fits.writeto(whole, frames)
    (tmp_path / "b.fits.gz").write_bytes(gzip.compress(whole.getvalue()))
    assert_read(tmp_path / "b.fits.gz", frames)
    (tmp_path / "c.fits.gz").write_bytes(gzip.compress(whole.getvalue())[:-500])
    with pytest.raises(ScanError, match=r"c\.fits\.gz cannot be read as FITS"):
        read_scan(tmp_path / "c.fits.gz", angles=ARC)


def test_a_set_of_ome_tiff_files(tmp_path, frames):
    with tifffile.TiffWriter(tmp_path / "first.ome.tif", ome=True) as file:
        file.write(frames, metadata={"axes": "TYX"}, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "first.ome.tif") as file:
        said = file.ome_metadata
    (tmp_path / "first.ome.tif").unlink()
    for i, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"tomo_{i:04d}.ome.tif", frame, description=said, metadata=None)
    assert_read(tmp_path, frames)


@pytest.mark.parametrize("codec", ["lzw", "zstd", "zlib"])
def test_codecs_of_tiff(tmp_path, frames, codec):
    tifffile.imwrite(tmp_path / "a.tif", frames, compression=codec, photometric="minisblack")
    assert_read(tmp_path / "a.tif", frames)


def test_packed_pixels_of_12_bits(tmp_path, frames):
    small = (frames[0] // 8).astype(np.uint16)
    packed = _packed(small)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((2, 96), np.uint8), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        tags = file.pages[0].tags
        offset = file.pages[0].dataoffsets[0]
        tags["ImageWidth"].overwrite(64)
        tags["BitsPerSample"].overwrite(12)
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(packed)] = packed
    path.write_bytes(raw)
    scan = read_scan(path, angles="0:180", layout="sinogram", kind="transmission")
    np.testing.assert_array_equal(scan.read()[:, 0], small)


def _packed(values):
    """12 bits each, the high ones first, rows filled up to whole bytes."""
    bits = "".join(f"{value:012b}" for value in values.reshape(-1))
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_the_thumbnail_in_each_file(tmp_path, frames):
    for i, frame in enumerate(frames):
        with tifffile.TiffWriter(tmp_path / f"p_{i:04d}.tif") as file:
            file.write(frame)
            file.write(frame[:, ::4])
    assert_read(tmp_path, frames)


def test_grey_images_that_were_saved_in_colour(tmp_path, frames):
    for i, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"p_{i:04d}.tif", np.repeat(frame[..., None], 3, axis=2), photometric="rgb")
    assert_read(tmp_path, frames)


def test_three_frames_that_were_saved_as_the_planes_of_a_colour(tmp_path, disks):
    tifffile.imwrite(tmp_path / "dark.tif", disks.darks(), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "a.tif", disks.frames, photometric="minisblack")
    scan = read_scan(tmp_path / "a.tif", angles=ARC, flats=disks.flats(), darks=tmp_path / "dark.tif")
    np.testing.assert_array_equal(scan.read_darks(), disks.darks())


def test_edf_with_the_positions_of_motors(tmp_path, frames, disks):
    edf = pytest.importorskip("fabio.edfimage")
    for i, frame in enumerate(frames):
        header = {"motor_mne": "sx srot", "motor_pos": f"0.1 {DEGREES[i]}"}
        edf.EdfImage(data=frame, header=header).write(str(tmp_path / f"wood{i:04d}.edf"))
    for i, flat in enumerate(disks.flats()):
        edf.EdfImage(data=flat).write(str(tmp_path / f"refHST{i:04d}.edf"))
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.read(), frames)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), DEGREES)
    assert scan.flats.shape[0] == 5


def test_mrc_with_its_tilts_beside(tmp_path, disks):
    mrcfile = pytest.importorskip("mrcfile")
    values = disks.integrals(DEGREES)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(values[:, ::-1])
        file.voxel_size = 10.0
    np.savetxt(tmp_path / "a.rawtlt", DEGREES)
    scan = read_scan(tmp_path / "a.mrc", kind="attenuation")
    np.testing.assert_array_equal(scan.read(), values)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), DEGREES)
    assert scan.geometry.pixel == pytest.approx(1e-6)


class Streams:
    """A compound document of these streams, as olefile shows it."""

    def __init__(self, streams):
        self.streams = streams

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def exists(self, name):
        return name in self.streams

    def get_size(self, name):
        return len(self.streams[name])

    def openstream(self, name):
        return io.BytesIO(self.streams[name])


def test_txrm_by_its_streams(tmp_path, monkeypatch, frames, disks):
    numbers = {"ImageWidth": 64, "ImageHeight": 2, "NoOfImages": 30, "DataType": 5}
    streams = {f"ImageInfo/{name}": np.int32(value).tobytes() for name, value in numbers.items()}
    streams |= {f"ImageData1/Image{i + 1}": frame[::-1].tobytes() for i, frame in enumerate(frames)}
    streams["ImageInfo/Angles"] = DEGREES.astype("<f4").tobytes()
    streams["ImageInfo/pixelsize"] = np.float32(0.65).tobytes()
    streams["ReferenceData/Image"] = disks.flats()[0, ::-1].astype("<f4").tobytes()
    monkeypatch.setattr(txrm, "_open", lambda path: Streams(streams))
    (tmp_path / "a.txrm").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    scan = read_scan(tmp_path / "a.txrm")
    np.testing.assert_array_equal(scan.read(), frames)
    np.testing.assert_array_equal(scan.read_flats(), disks.flats()[:1])
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), DEGREES, atol=1e-4)
    assert scan.geometry.pixel == pytest.approx(0.00065)
    streams["ImageInfo/StoRADistance"] = np.full(30, -40.0, "<f4").tobytes()
    streams["ImageInfo/DtoRADistance"] = np.full(30, 160.0, "<f4").tobytes()
    fan = read_scan(tmp_path / "a.txrm").geometry
    assert (fan.facts()["sod"], fan.facts()["sdd"], fan.voxel) == (40.0, 200.0, pytest.approx(0.00065))


def test_a_format_whose_package_is_missing_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "olefile", None)
    (tmp_path / "a.txrm").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(ScanError, match=r"a\.txrm is TXRM, which fewview reads with olefile.*fewview\[formats\]"):
        read_scan(tmp_path / "a.txrm")
