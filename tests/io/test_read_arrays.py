"""npy, npz and MATLAB files: names, structs, axis order, damage."""

import numpy as np
import pytest
from scipy.io import savemat

from fewview.errors import ScanError
from fewview.io import inspect, read_scan

RNG = np.random.default_rng(2)
DATA = RNG.random((8, 3, 5)).astype(np.float32)
THETA = np.linspace(0, 157.5, 8)


@pytest.mark.parametrize("shape", [(9, 1, 6), (1, 9, 6), (9, 4, 1)])
def test_named_stacks_with_one_row_one_sinogram_or_one_column(tmp_path, shape):
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    np.savez(tmp_path / "a.npz", projections=values, angles_deg=np.arange(9) * 20.0)
    scan = read_scan(tmp_path / "a.npz")
    assert scan.read().shape == (9, 1 if 1 in shape[:2] else 4, shape[2])


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<u2", ">u2", "<f8"])
def test_npy_in_every_byte_order(tmp_path, dtype):
    data = (DATA * 900).astype(dtype)
    np.save(tmp_path / "a.npy", data)
    scan = read_scan(tmp_path / "a.npy", angles="0:180")
    np.testing.assert_array_equal(scan.select_views([6, 1]).rows(1, 3).read(), data[[6, 1], 1:3])
    assert scan.read().dtype == np.float32


def test_npy_stays_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    assert isinstance(read_scan(tmp_path / "a.npy", angles="0:180").frames.array, np.memmap)


def test_a_single_npy_image(tmp_path):
    np.save(tmp_path / "slice.npy", DATA[:, 0])
    with pytest.raises(ScanError, match=r"slice\.npy holds a single image of 8 x 5 pixels.*--layout sinogram --angles"):
        read_scan(tmp_path / "slice.npy")
    scan = read_scan(tmp_path / "slice.npy", layout="sinogram", angles="0:180")
    np.testing.assert_array_equal(scan.read()[:, 0], DATA[:, 0])
    assert read_scan(tmp_path / "slice.npy", angles="0:180").provenance["layout"].how == "assumed"


@pytest.mark.parametrize("data", [np.zeros(5), np.zeros((2, 2, 2, 2)), np.zeros((3, 3), complex), np.zeros((0, 3))])
def test_arrays_that_are_no_images(tmp_path, data):
    np.save(tmp_path / "odd.npy", data)
    with pytest.raises(ScanError, match=r"odd\.npy holds an array of shape"):
        read_scan(tmp_path / "odd.npy")


def test_damaged_numpy_files(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-50])
    with pytest.raises(ScanError, match=r"a\.npy cannot be read"):
        read_scan(tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", DATA)
    (tmp_path / "b.npz").write_bytes((tmp_path / "b.npz").read_bytes()[:100])
    with pytest.raises(ScanError, match=r"b\.npz cannot be read"):
        read_scan(tmp_path / "b.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ScanError, match=r"evil\.npy cannot be read"):
        read_scan(tmp_path / "evil.npy")


def test_npz_by_names(tmp_path):
    np.savez(tmp_path / "a.npz", projections=DATA, angles_deg=THETA, flats=DATA[:2], darks=DATA[:1], pixel_size_mm=0.05)
    scan = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(scan.read(), DATA)
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert (scan.flats.shape[0], scan.darks.shape[0], scan.geometry.pixel) == (2, 1, 0.05)


def test_a_pixel_size_without_a_unit_is_not_used(tmp_path):
    np.savez(tmp_path / "a.npz", projections=DATA, angles=THETA, pixel_size=0.05)
    assert read_scan(tmp_path / "a.npz").geometry.pixel is None


def test_a_segmented_volume_is_no_scan(tmp_path):
    np.savez(tmp_path / "grains.npz", grains=(DATA > 0.5).astype(np.uint8))
    with pytest.raises(ScanError, match=r"grains\.npz \(8 x 3 x 5\) holds only 0 and 1: a segmented volume"):
        read_scan(tmp_path / "grains.npz")


def test_matlab_detector_first_in_radians(tmp_path):
    sinogram = DATA[:, 0]
    savemat(tmp_path / "a.mat", {"sinoRD": sinogram.T, "anglesRad": np.deg2rad(THETA)[:, None], "Detectors": 5})
    scan = read_scan(tmp_path / "a.mat")
    np.testing.assert_array_equal(scan.read()[:, 0], sinogram)
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert "detector first" in scan.notes[0] and scan.provenance["angles"].how == "read"


def test_matlab_structs_and_the_choice_among_them(tmp_path):
    scan_struct = {"proj": DATA, "parameters": {"angles": THETA, "title": "rod"}}
    savemat(tmp_path / "a.mat", {"run": scan_struct, "other": np.zeros((4, 4))})
    np.testing.assert_array_equal(read_scan(tmp_path / "a.mat").read(), DATA)
    info = inspect(tmp_path / "a.mat", dataset="other", angles="0:180", layout="sinogram")
    assert info.shape == (4, 1, 4)


def test_a_truncated_matlab_file(tmp_path):
    savemat(tmp_path / "a.mat", {"sino": DATA[:, 0], "angles": THETA}, do_compression=True)
    (tmp_path / "a.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:200])
    with pytest.raises(ScanError, match=r"a\.mat cannot be read as MATLAB"):
        read_scan(tmp_path / "a.mat")


def test_two_arrays_of_the_same_right(tmp_path):
    np.savez(tmp_path / "a.npz", data_low=DATA, data_high=DATA, angles=THETA)
    with pytest.raises(
        ScanError, match=r"a\.npz holds several arrays.*data_low \(8, 3, 5\), data_high.*--dataset NAME"
    ):
        read_scan(tmp_path / "a.npz")
    assert read_scan(tmp_path / "a.npz", dataset="data_low").views == 8
