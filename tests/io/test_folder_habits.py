"""Folders as beamlines and users leave them: names of flats, results, other samples, logs that disagree, tags."""

import numpy as np
import pytest
import tifffile
from astropy.io import fits

import fewview
from fewview.errors import ScanError
from fewview.io import inspect, read_scan

DEGREES = 0.5 + 5.9 * np.arange(30)
ARC = "0.5:177.5"


@pytest.fixture(scope="module")
def frames(disks):
    return disks.counts(DEGREES)


@pytest.fixture
def fill(tmp_path, frames, disks):
    """Write a folder of projections, flats and darks by the names given."""

    def write(name="p_{i:04d}.tif", flat="flats/flat_{i}.tif", dark="darks/dark_{i}.tif", **options):
        for form, images in ((name, frames), (flat, disks.flats()), (dark, disks.darks())):
            for i, image in enumerate(images):
                path = tmp_path / form.format(i=i, a=DEGREES[i], A=round(DEGREES[i]))
                path.parent.mkdir(exist_ok=True)
                more = {key: value(i) for key, value in options.items()} if images is frames else {}
                tifffile.imwrite(path, image, **more)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("flat", "dark"),
    [
        ("FF_{i}.tif", "DF_{i}.tif"), ("flatfield{i}.tif", "darkfield{i}.tif"), ("refHST{i:04d}.tif", "darkend{i}.tif"),
        ("OpenBeam/img_{i}.tif", "DarkCurrent/img_{i}.tif"), ("bright_{i}.tif", "bkg_{i}.tif"),
        ("I0_{i}.tif", "offset_{i}.tif"), ("shading/img_{i}.tif", "black/img_{i}.tif"),
    ],
)  # fmt: skip
def test_names_of_flats_and_darks(fill, frames, flat, dark):
    scan = read_scan(fill(flat=flat, dark=dark), angles=ARC)
    assert (scan.views, scan.flats.shape[0], scan.darks.shape[0]) == (30, 5, 3)


def test_a_sample_that_is_called_like_a_flat(fill):
    scan = read_scan(fill("steel_beam_{i:04d}.tif", "ob_{i}.tif"), angles=ARC)
    assert (scan.views, scan.flats.shape[0]) == (30, 5)


def test_what_was_made_from_the_scan_is_left_out(fill):
    path = fill()
    fewview.write_volume(path / "volume.tif", np.zeros((2, 64, 64), np.float32), voxel=0.1)
    fewview.write_volume(path / "volume.zarr", np.zeros((2, 64, 64), np.float32))
    (path / "recon").mkdir()
    for i in range(3):
        tifffile.imwrite(path / "recon" / f"slice_{i}.tif", np.zeros((64, 64), np.float32))
    scan = read_scan(path, angles=ARC)
    assert scan.views == 30 and "volume.tif: left out" in scan.notes[0]


def test_another_sample_in_a_sub_folder_is_left_out(fill, frames):
    path = fill()
    for name in ("reference", "calibration"):
        (path / name).mkdir()
        for i in range(4):
            tifffile.imwrite(path / name / f"cal_{i}.tif", frames[i, :, ::-1])
    scan = read_scan(path, angles=ARC)
    assert (scan.views, scan.flats.shape[0]) == (30, 5)
    assert any("reference (cal_0.tif" in note for note in scan.notes)
    assert any("calibration are left out" in note for note in scan.notes)


def test_a_series_up_to_180_degrees_keeps_its_last_view(fill, frames, tmp_path):
    for i in range(31):
        tifffile.imwrite(tmp_path / f"wood_{6 * i:03d}deg.tif", frames[min(i, 29)])
    scan = read_scan(tmp_path)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), 6 * np.arange(31))


def test_a_range_goes_by_the_numbers_of_the_images(fill):
    path = fill()
    for i in range(12, 18):
        (path / f"p_{i:04d}.tif").unlink()
    scan = read_scan(path, angles=ARC)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.delete(DEGREES, range(12, 18)))
    assert scan.provenance["angles"].how == "assumed"
    assert scan.notes[0] == "Images are missing from the series: 6 between p_0011.tif and p_0018.tif."


def test_logs_of_the_axis_and_the_tilt_are_no_angle_logs(fill):
    path = fill()
    np.savetxt(path / "angles.txt", DEGREES)
    np.savetxt(path / "rotation_axis.txt", np.full(30, 31.5))
    np.savetxt(path / "tilt_angle.txt", np.linspace(0, 0.1, 30))
    np.testing.assert_allclose(np.degrees(read_scan(path).geometry.angles), DEGREES)


def test_a_log_that_names_the_images_is_sorted_by_them(fill):
    path = fill()
    order = np.random.default_rng(0).permutation(30)
    lines = [f"p_{i:04d}.tif;{DEGREES[i]:.2f}" for i in order]
    (path / "log.csv").write_text("file;angle [deg]\n" + "\n".join(lines))
    np.testing.assert_allclose(np.degrees(read_scan(path).geometry.angles), DEGREES)


def test_sources_that_disagree_are_assumed_and_told(fill):
    path = fill("wood_{a:06.2f}.tif")
    np.savetxt(path / "angles.txt", 1.5 * DEGREES)
    info = inspect(path)
    assert info.angles.origin.startswith("assumed")
    assert any("angles.txt and the file names disagree on the angles" in note for note in info.notes)


def test_a_log_that_cannot_be_read_is_the_reason_for_no_angles(fill):
    path = fill()
    (path / "angles.csv").write_text("frame,angle\n0,0.5\n1,\n2,12.3\n")
    assert "angles.csv holds no angles: there is no angle in line 3" in inspect(path).missing[0].problem


@pytest.mark.parametrize(
    "options",
    [
        {"description": lambda i: f"Rotation angle = {DEGREES[i]:.4f} deg"},
        {"description": lambda i: f'{{"exposure": 2.0, "angle": {DEGREES[i]:.4f}}}'},
        {"extratags": lambda i: [(65010, 2, None, f"SampleRotation:{np.radians(DEGREES[i]):.6f} rad", False)]},
    ],
)
def test_angles_in_the_tags_of_a_tiff(fill, options):
    scan = read_scan(fill(**options))
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), DEGREES, atol=1e-4)
    assert scan.provenance["angles"].how == "read"


def test_angles_in_the_cards_of_fits(tmp_path, frames):
    for i, frame in enumerate(frames):
        header = fits.Header()
        header["TILTANG"], header["EXPTIME"] = 0.1 * i, 2.0
        header["ROTANGLE"] = (np.radians(DEGREES[i]), "[rad] stage")
        fits.writeto(tmp_path / f"p_{i:03d}.fits", frame, header)
    np.testing.assert_allclose(np.degrees(read_scan(tmp_path).geometry.angles), DEGREES)


def test_flats_during_the_scan_by_a_common_count(tmp_path, frames, disks):
    for i, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"p_{i + i // 10:04d}.tif", frame)
    for i, flat in zip((10, 21), disks.flats(2), strict=True):
        tifffile.imwrite(tmp_path / f"flat_{i:04d}.tif", flat)
    scan = read_scan(tmp_path, angles=ARC)
    np.testing.assert_allclose(scan.flat_times, [1 / 3, 2 / 3])
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), DEGREES)


def test_flats_by_a_pattern_a_dataset_or_another_scan(fill, tmp_path, disks):
    import h5py

    scan = fill(flat="other/flat_{i}.tif")
    (tmp_path / "elsewhere").mkdir()
    for i, flat in enumerate(disks.flats()):
        tifffile.imwrite(tmp_path / "elsewhere" / f"flat_{i}.tif", flat)
    tifffile.imwrite(tmp_path / "elsewhere" / "wood.tif", disks.frames[0])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["exchange/data"], file["exchange/theta"] = disks.frames, disks.degrees
        file["exchange/data_white"], file["open"] = disks.flats(), disks.flats()[:2]
    counted = {
        str(tmp_path / "elsewhere" / "flat_*.tif"): 5,
        str(tmp_path / "b.h5"): 5,
        f"{tmp_path / 'b.h5'}:/open": 2,
    }
    for choice, number in counted.items():
        assert read_scan(scan, angles=ARC, flats=choice).flats.shape[0] == number
    with h5py.File(tmp_path / "b.h5", "a") as file:
        del file["exchange/data_white"]
    with pytest.raises(ScanError, match=r"b\.h5 is a scan .60 images with angles. without flats of its own"):
        read_scan(scan, angles=ARC, flats=tmp_path / "b.h5")


def test_a_name_that_may_mean_a_flat_is_told_alike_by_itself_and_in_a_folder(tmp_path, frames):
    folder = tmp_path / "scan"
    folder.mkdir()
    alone = folder / "exp20s_empty.tif"
    tifffile.imwrite(alone, frames[0])
    told = []
    for path in (alone, folder):
        with pytest.raises(ScanError, match=r"holds a single image of .* and no angles") as caught:
            read_scan(path)
        told.append(str(caught.value).removeprefix(path.name))
    assert told[0] == told[1]
    tifffile.imwrite(folder / "exp20s_ob.tif", frames[0])
    with pytest.raises(ScanError, match=r"a single projection of .* beside its flats"):
        read_scan(folder)
