"""The rotation axis of measured scans, as published or as the 0/180 pairs tell."""

import h5py
import numpy as np
import pytest
import tifffile

from fewview.prepare import PrepareOptions, find_axis, line_integrals


def axis_of(prepared, angles):
    rows = prepared.values.swapaxes(0, 1), prepared.weights.swapaxes(0, 1)
    return find_axis(rows[0], angles, rows[1])


@pytest.fixture(scope="module")
def tooth(shared_data):
    with h5py.File(shared_data / "xray_tooth_dataexchange" / "tooth.h5") as file:
        group = file["exchange"]
        prepared = line_integrals(group["data"][:], group["data_white"][:], group["data_dark"][:], "counts")
        return prepared, np.deg2rad(group["theta"][:])


@pytest.fixture(scope="module")
def pin(shared_data):
    folder = shared_data / "xray_i13_24737_tiff"
    frames = np.stack([tifffile.imread(f) for f in sorted((folder / "projections").glob("*.tiff"))])
    flat, dark = (tifffile.imread(folder / f"{name}_00001.tiff")[None] for name in ("flat", "dark"))
    angles = np.deg2rad(np.loadtxt(folder / "angles.txt")[10:101])
    return line_integrals(frames, flat, dark, "counts"), angles


def wood(shared_data, name):
    lines = tifffile.imread(shared_data / "neutron_psi_wood_sinogram" / name)
    return lines, np.linspace(0, 2 * np.pi, len(lines))


@pytest.mark.parametrize("every", [1, 4, 9])
def test_tooth(tooth, every):
    prepared, angles = tooth
    found = find_axis(prepared.values.swapaxes(0, 1)[:, ::every], angles[::every])
    assert abs(found.column - 295.0) <= 1
    assert found.confidence > 0.9


@pytest.mark.parametrize("every", [1, 4])
def test_pin_as_tiff(pin, every):
    prepared, angles = pin
    found = find_axis(prepared.values.swapaxes(0, 1)[:, ::every], angles[::every])
    assert abs(found.column - 85.5) <= 0.5


def test_pin_as_nxtomo(shared_data):
    with h5py.File(shared_data / "xray_i13_24737_nxtomo" / "24737_rebuilt.nxs") as file:
        found = {}
        file.visititems(lambda name, item: found.update({name.split("/")[-1]: item}))
        key, angles = found["image_key"][:], np.deg2rad(found["rotation_angle"][:])
        data = next(item for item in found.values() if isinstance(item, h5py.Dataset) and item.ndim == 3)[:]
    prepared = line_integrals(data[key == 0], data[key == 1], data[key == 2], "counts")
    assert abs(axis_of(prepared, angles[key == 0]).column - 85.5) <= 0.5


@pytest.mark.parametrize(("name", "axis"), [("woodsino_0100.tif", 257.75), ("woodsino_0200_crop448.tif", 252.25)])
def test_wood(shared_data, name, axis):
    lines, angles = wood(shared_data, name)
    assert abs(find_axis(lines[None], angles).column - axis) <= 0.5
    assert abs(find_axis(lines[None, ::8], angles[::8]).column - axis) <= 1
    assert abs(find_axis(lines[None, ::32], angles[::32]).column - axis) <= 1


def test_wood_cut_on_both_sides(shared_data):
    """A full turn holds opposite views, which agree about the axis however much of the object they miss."""
    lines, angles = wood(shared_data, "woodsino_0100.tif")
    found = find_axis(lines[None, ::8, 110:-110], angles[::8])
    assert abs(found.column - 147.75) <= 0.5
    assert "truncated" in found.reason


def test_dendrites_on_a_background_of_arbitrary_scale(shared_data):
    from scipy.io import loadmat

    data = loadmat(shared_data / "xray_dendrite" / "RealDataDend.mat")
    prepared = line_integrals(data["sinoRD"].T[:, None], None, None, "attenuation", PrepareOptions())
    angles = data["anglesRad"].ravel()
    assert prepared.counts == {}
    assert np.all(prepared.weights == 1)
    for every in (1, 8):
        found = find_axis(prepared.values[::every].swapaxes(0, 1), angles[::every])
        assert 625 < found.column < 632
