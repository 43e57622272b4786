"""TIFF and FITS: byte orders, stacks, folders, flats and darks by name, angles in names and headers, damage."""

import struct

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from fewview.errors import ScanError
from fewview.io import images, inspect, read_scan, tiff

RNG = np.random.default_rng(1)
FRAMES = RNG.integers(1, 60000, (11, 5, 7)).astype(np.uint16)  # 11: natural order differs from alphabetical
THETA = np.linspace(0, 165, 11)


@pytest.fixture
def folder(tmp_path):
    for i, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"tomo_{i}.tif", frame)
    tifffile.imwrite(tmp_path / "ob_0.tif", FRAMES[0] + 1)
    tifffile.imwrite(tmp_path / "dc_0.tif", FRAMES[0] * 0)
    np.savetxt(tmp_path / "angles.txt", THETA)
    return tmp_path


def test_a_folder_in_natural_order_with_flats_darks_and_angles(folder):
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.read(), FRAMES)
    np.testing.assert_array_equal(scan.read_flats(), FRAMES[:1] + 1)
    assert scan.darks.shape[0] == 1
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert scan.provenance["angles"].how == "assumed" and "taken for degrees" in scan.provenance["angles"].where
    assert scan.provenance["layout"].how == "found"


def test_only_the_asked_rows_and_files_are_read(folder, monkeypatch):
    scan = read_scan(folder).select_views([2, 9]).rows(1, 3)
    opened = []
    original = images.np.fromfile

    def counting(file, *args, **kwargs):
        values = original(file, *args, **kwargs)
        opened.append((file.name.rpartition("_")[2], values.size))
        return values

    monkeypatch.setattr(images.np, "fromfile", counting)
    np.testing.assert_array_equal(scan.read(), FRAMES[[2, 9], 1:3])
    assert opened == [("2.tif", 2 * 7), ("9.tif", 2 * 7)]


def test_subfolders_and_times_of_flats(tmp_path):
    for name, frames in {
        "Tomo": FRAMES,
        "Flat_Before": FRAMES[:2],
        "Flat_After": FRAMES[2:3],
        "Dark_Before": FRAMES[:1],
    }.items():
        (tmp_path / name).mkdir()
        for i, frame in enumerate(frames):
            tifffile.imwrite(tmp_path / name / f"img_{i:04d}.tif", frame)
    (tmp_path / "180deg").mkdir()
    tifffile.imwrite(tmp_path / "180deg" / "img.tif", FRAMES[0])
    scan = read_scan(tmp_path, angles="0:360")
    assert scan.views == 11 and scan.darks.shape[0] == 1
    times = dict(zip(map(float, scan.read_flats()[:, 0, 0]), scan.flat_times, strict=True))
    assert times == {float(FRAMES[0, 0, 0]): 0.0, float(FRAMES[1, 0, 0]): 0.0, float(FRAMES[2, 0, 0]): 1.0}
    assert any("180 degrees" in note for note in scan.notes)


def test_several_scans_in_a_folder_are_named(tmp_path):
    for name in ("sample_a", "sample_b"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "p_0.tif", FRAMES[0])
    with pytest.raises(ScanError, match=r"several scans: .*sample_a, .*sample_b\. Name one"):
        read_scan(tmp_path)
    for i in range(2):
        tifffile.imwrite(tmp_path / f"x_{i}.tif", FRAMES[0])
        tifffile.imwrite(tmp_path / f"y_{i}.tif", FRAMES[0])
    for name in ("sample_a", "sample_b"):
        (tmp_path / name / "p_0.tif").unlink()
    with pytest.raises(ScanError, match=r"several scans, not one numbered series.*2 like x_0\.tif; 2 like y_0\.tif"):
        read_scan(tmp_path)


def test_user_patterns_come_before_names(folder):
    scan = read_scan(folder, flats="tomo_1?.tif", angles="0:180")
    assert any(note == "ob_0.tif: left out, not of the pattern given." for note in scan.notes)
    assert scan.flats.shape[0] == 1 and scan.views == 10 and scan.provenance["flats"].how == "given"
    with pytest.raises(ScanError, match=r"--flats nothing\*: .* has no file"):
        read_scan(folder, flats="nothing*")


def test_a_sample_whose_name_sounds_like_a_flat(tmp_path):
    for i, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"white_cement_{i}.tif", frame)
    tifffile.imwrite(tmp_path / "beam_0.tif", FRAMES[0])
    scan = read_scan(tmp_path, flats="beam*", angles="0:180")
    assert (scan.views, scan.flats.shape[0]) == (11, 1)


def test_flats_from_elsewhere(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("ob")
    tifffile.imwrite(other / "anything.tif", FRAMES[3])
    for choice in (other, str(other / "anything.tif"), FRAMES[3]):
        np.testing.assert_array_equal(read_scan(folder, flats=choice).read_flats()[0], FRAMES[3])
    tifffile.imwrite(other / "small.tif", FRAMES[3][:2])
    with pytest.raises(ScanError, match=r"The flats are 2 x 7 pixels, the projections of .* 5 x 7"):
        read_scan(folder, flats=other / "small.tif")
    with pytest.raises(ScanError, match="no file or folder"):
        read_scan(folder, flats=other / "gone.tif")


def test_mixed_sizes_empty_folders_and_other_files(folder, tmp_path_factory):
    tifffile.imwrite(folder / "tomo_5.tif", FRAMES[0][:3])
    with pytest.raises(ScanError, match=r"tomo_0\.tif has 5 x 7 pixels, tomo_5\.tif 3 x 7"):
        read_scan(folder)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ScanError, match="is empty"):
        read_scan(empty)
    (empty / "notes.md").write_text("x")
    with pytest.raises(ScanError, match=r"holds no TIFF or FITS images \(notes\.md\)"):
        read_scan(empty)
    tifffile.imwrite(empty / "dark_1.tif", FRAMES[0])
    with pytest.raises(ScanError, match="only flats and darks"):
        read_scan(empty)


def test_missing_frames_are_counted_against_the_angles(folder):
    (folder / "tomo_10.tif").unlink()
    with pytest.raises(ScanError, match=r"angles\.txt holds 11 angles for the 10 projections"):
        read_scan(folder)


def test_a_frame_that_is_missing_in_the_middle_takes_its_angle_along(folder):
    (folder / "tomo_4.tif").unlink()
    scan = read_scan(folder)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.delete(THETA, 4))
    assert scan.provenance["angles"].how == "assumed"
    assert "Images are missing from the series: 1 between tomo_3.tif and tomo_5.tif." in scan.notes


def test_log_lines_of_flats_and_darks_are_recognised(folder):
    np.savetxt(folder / "angles.txt", np.r_[[THETA[0]] * 4, THETA, [THETA[-1]] * 2])
    scan = read_scan(folder)
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert "17 angles for 11 projections: the first 4 and the last 2" in scan.notes[0]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_multi_page_tiff_in_every_byte_order(tmp_path, byteorder, bigtiff, dtype):
    frames = (FRAMES % 200).astype(dtype)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, frames, byteorder=byteorder, bigtiff=bigtiff)
    scan = read_scan(path, angles="0:180")
    np.testing.assert_array_equal(scan.read(), frames)
    np.testing.assert_array_equal(scan.select_views([9, 2]).crop((1, 4), (2, 5)).read(), frames[[9, 2], 1:4, 2:5])


@pytest.mark.parametrize(
    "options", [{"compression": "zlib"}, {"imagej": True}, {"tile": (16, 16)}, {"rowsperstrip": 2}]
)
def test_compressed_tiled_and_imagej_stacks(tmp_path, options):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack", **options)
    np.testing.assert_array_equal(read_scan(path, angles="0:180").rows(2, 5).read(), FRAMES[:, 2:5])


def test_a_sinogram_stack_by_its_name_or_the_number_of_angles(tmp_path):
    sinograms = np.ascontiguousarray(np.moveaxis(FRAMES, 1, 0))  # (row, angle, column)
    tifffile.imwrite(tmp_path / "sino.tif", sinograms, photometric="minisblack")
    tifffile.imwrite(tmp_path / "stack.tif", sinograms, photometric="minisblack")
    tifffile.imwrite(tmp_path / "turned.tif", np.ascontiguousarray(sinograms.swapaxes(1, 2)), photometric="minisblack")
    for scan in (
        read_scan(tmp_path / "sino.tif", angles="0:180"),
        read_scan(tmp_path / "stack.tif", angles=np.deg2rad(THETA)),
        read_scan(tmp_path / "stack.tif", angles="0:180", layout="sinogram"),
        read_scan(tmp_path / "turned.tif", angles=np.deg2rad(THETA)),
    ):
        np.testing.assert_array_equal(scan.read(), FRAMES)
        np.testing.assert_array_equal(scan.select_views([8, 1]).rows(2, 4).read(), FRAMES[[8, 1], 2:4])
    assert "detector first" in read_scan(tmp_path / "turned.tif", angles=np.deg2rad(THETA)).notes[0]
    assert read_scan(tmp_path / "stack.tif", angles="0:180").views == 5  # without a hint, images are projections


def test_a_truncated_tiff_is_refused(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack")
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ScanError, match=r"stack\.tif (is truncated|cannot be read as TIFF).*Copy it again"):
            read_scan(path, angles="0:180")


def test_a_file_cut_off_after_it_was_opened_is_noticed(folder):
    scan = read_scan(folder)
    scan.read()
    path = folder / "tomo_3.tif"
    tiff._layout.cache_clear()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ScanError, match=r"tomo_3\.tif"):
        scan.read()


def test_colour_and_pages_of_several_sizes_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "rgb.tif", FRAMES[:3].astype(np.uint8).transpose(1, 2, 0), photometric="rgb")
    with pytest.raises(ScanError, match=r"rgb\.tif is a colour image"):
        read_scan(tmp_path / "rgb.tif")
    with tifffile.TiffWriter(tmp_path / "odd.tif") as file:
        file.write(FRAMES[0])
        file.write(FRAMES[0][:3])
    with pytest.raises(ScanError, match=r"odd\.tif holds pages of different sizes"):
        read_scan(tmp_path / "odd.tif")


def test_an_empty_file_and_a_wrong_extension(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"")
    with pytest.raises(ScanError, match=r"a\.tif is empty"):
        read_scan(tmp_path / "a.tif")
    (tmp_path / "b.tif").write_bytes(b"not a picture at all")
    with pytest.raises(ScanError, match=r"b\.tif is no TIFF file although its name says so"):
        read_scan(tmp_path / "b.tif")
    (tmp_path / "c.xyz").write_bytes(b"abc")
    with pytest.raises(ScanError, match=r"c\.xyz has no known format.*NXtomo"):
        read_scan(tmp_path / "c.xyz")


def test_byte_swapped_counts_are_refused(tmp_path):
    smooth = np.broadcast_to(20000 + 300 * np.sin(np.linspace(0, 3, 64)), (4, 32, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "right.tif", smooth, photometric="minisblack")
    tifffile.imwrite(tmp_path / "wrong.tif", smooth.byteswap(), photometric="minisblack")
    assert read_scan(tmp_path / "right.tif", angles="0:180").views == 4
    with pytest.raises(ScanError, match=r"wrong\.tif look byte-swapped"):
        read_scan(tmp_path / "wrong.tif", angles="0:180")


@pytest.mark.parametrize(
    ("template", "angles"),
    [
        ("ct_{i:04d}_{a:07.3f}.tif", [0.0, 2.88, 5.76, 8.64]),
        ("wood_{a:.2f}deg.tif", [-10.5, 0.25, 11.0, 21.75]),
        ("run7_0070_{w:03d}_{f:03d}_{i:04d}.tif", [0.0, 2.88, 5.76, 300.44]),
    ],
)
def test_angles_in_file_names(tmp_path, template, angles):
    for i, a in enumerate(angles):
        name = template.format(i=i, a=a, w=int(a), f=round((a % 1) * 1000))
        tifffile.imwrite(tmp_path / name, np.full((5, 7), i, np.uint16))
    scan = read_scan(tmp_path)
    pairs = sorted(zip(scan.read()[:, 0, 0], np.degrees(scan.geometry.angles), strict=True))
    np.testing.assert_allclose([a for _, a in pairs], angles, atol=1e-9)
    assert scan.provenance["angles"].how == "read"


def test_a_fits_folder_with_angles_in_headers_and_unsigned_integers(tmp_path):
    for i, frame in enumerate(FRAMES):
        header = fits.Header()
        header["ANGLE"] = (THETA[i], "deg")
        fits.writeto(tmp_path / f"ct_{i}.fits", frame, header)
    fits.writeto(tmp_path / "ob_0.fits", FRAMES[0])
    scan = read_scan(tmp_path)
    assert scan.frames.dtype == np.uint16
    np.testing.assert_array_equal(scan.read(), FRAMES)
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    np.testing.assert_array_equal(scan.select_views([10, 1]).crop((1, 2), (3, 6)).read(), FRAMES[[10, 1], 1:2, 3:6])


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8", "u2", "u4"])
def test_a_fits_cube_of_any_type(tmp_path, dtype):
    cube = (FRAMES // 2).astype(dtype)
    fits.writeto(tmp_path / "cube.fits", cube)
    scan = read_scan(tmp_path / "cube.fits", angles="0:180")
    assert scan.frames.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(scan.select_views([3, 7]).rows(2, 4).read(), cube[[3, 7], 2:4])


def test_scaled_fits_is_float(tmp_path):
    values = (FRAMES // 5).astype(np.float32)
    hdu = fits.PrimaryHDU(values.copy())
    hdu.scale("int16", bscale=0.5, bzero=10.0)
    hdu.writeto(tmp_path / "s.fits")
    scan = read_scan(tmp_path / "s.fits", angles="0:180")
    assert scan.frames.dtype == np.float32
    np.testing.assert_allclose(scan.read(), values, atol=0.5)


def test_a_tile_compressed_fits_cube_is_read_and_refused_where_it_is_cut_off(tmp_path):
    values = np.random.default_rng(0).integers(0, 9, (6, 40, 50)).astype(np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(values)]).writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.fits", angles="0:180").read(), values)
    whole = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "b.fits").write_bytes(whole[:-2880])
    with pytest.raises(ScanError, match="truncated"):
        read_scan(tmp_path / "b.fits", angles="0:180")


def test_truncated_and_damaged_fits(tmp_path):
    path = tmp_path / "a.fits"
    fits.writeto(path, FRAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(ScanError, match=r"a\.fits is truncated"):
        read_scan(path, angles="0:180")
    path.write_bytes(whole[:500])
    with pytest.raises(ScanError, match=r"a\.fits"):
        read_scan(path, angles="0:180")
    fits.HDUList([fits.PrimaryHDU()]).writeto(path, overwrite=True)
    with pytest.raises(ScanError, match="holds no image"):
        read_scan(path)


def test_an_open_beam_frame_alone_is_no_scan(tmp_path):
    fits.writeto(tmp_path / "OB_1_005.fits", FRAMES[0])
    info = inspect(tmp_path / "OB_1_005.fits")
    assert not info.ready and "open-beam" in info.missing[0].problem


def test_projections_beside_their_flats_get_a_hint(tmp_path):
    (tmp_path / "projections").mkdir()
    for i, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / "projections" / f"raw_{i}.tif", frame)
    tifffile.imwrite(tmp_path / "flat_0.tif", FRAMES[0])
    info = inspect(tmp_path / "projections", angles="0:180")
    assert any("Flats lie in the folder above" in note for note in info.notes)
    assert inspect(tmp_path, angles="0:180").flats == 1


def test_zero_pixels_of_a_flat_are_noted(folder):
    flat = FRAMES[0] + 1
    flat[0, 0] = 0
    tifffile.imwrite(folder / "ob_0.tif", flat)
    assert "1 pixel of the first flat is zero: masked in the preparation." in read_scan(folder).notes


def test_the_header_is_not_taken_from_a_stale_cache(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack")
    read_scan(path, angles="0:180").read()
    tifffile.imwrite(path, FRAMES[:, :, :5] // 3, photometric="minisblack", byteorder=">")
    np.testing.assert_array_equal(read_scan(path, angles="0:180").read(), FRAMES[:, :, :5] // 3)
    assert struct.unpack(">H", path.read_bytes()[:2])[0] == 0x4D4D
