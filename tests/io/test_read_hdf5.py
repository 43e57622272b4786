"""HDF5 of every layout: Data Exchange, NXtomo, CIL, MATLAB 7.3, plain datasets; links, units, damage."""

import h5py
import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.io import inspect, read_scan

VIEWS, ROWS, COLUMNS = 9, 4, 6
RNG = np.random.default_rng(0)
DATA = RNG.integers(1, 60000, (VIEWS, ROWS, COLUMNS)).astype(np.uint16)
THETA = np.linspace(0, 160, VIEWS)


@pytest.fixture
def exchange(tmp_path):
    """A Data Exchange file; keywords replace or (None) leave out datasets."""

    def make(name="scan.h5", units="deg", **replaced):
        values = {"data": DATA, "data_white": DATA[:3] // 2 + 9, "data_dark": DATA[:2] * 0, "theta": THETA, **replaced}
        with h5py.File(tmp_path / name, "w") as file:
            group = file.create_group("exchange")
            for key, value in values.items():
                if value is not None:
                    group[key] = value
            if units and "theta" in group:
                group["theta"].attrs["units"] = units
        return tmp_path / name

    return make


def test_data_exchange(exchange):
    scan = read_scan(exchange())
    assert scan.frames.shape == (VIEWS, ROWS, COLUMNS)
    np.testing.assert_array_equal(scan.read(), DATA)
    np.testing.assert_array_equal(scan.read_flats(), DATA[:3] // 2 + 9)
    assert scan.darks.shape[0] == 2
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert scan.provenance["angles"].how == "read"
    assert scan.kind == "counts" and scan.provenance["kind"].how == "read"


def test_data_exchange_without_a_white_field_leaves_what_the_values_are_to_a_guess(exchange):
    assert read_scan(exchange(data_white=None)).provenance["kind"].how == "assumed"


def test_rows_and_views_of_an_hdf5_scan_are_those_of_the_whole(exchange):
    scan = read_scan(exchange())
    whole = scan.read()
    np.testing.assert_array_equal(
        scan.select_views([7, 0, 3, 4, 5]).crop((1, 3), (2, 5)).read(), whole[[7, 0, 3, 4, 5], 1:3, 2:5]
    )
    np.testing.assert_array_equal(scan.select_views([2, 2, 8]).read(), whole[[2, 2, 8]])


def test_only_the_frames_asked_for_leave_an_hdf5_file(exchange, monkeypatch):
    scan = read_scan(exchange())
    read = []
    original = h5py.Dataset.__getitem__

    def counting(self, key, *more):
        out = original(self, key, *more)
        read.append(np.size(out))
        return out

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counting)
    scan.select_views([0, 4, 8]).rows(1, 2).read()
    assert sum(read) == 3 * 1 * COLUMNS


def test_theta_without_unit_is_in_degrees_unless_it_looks_like_radians(exchange):
    scan = read_scan(exchange(units=None))
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    scan = read_scan(exchange(units=None, theta=np.deg2rad(THETA)))
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert scan.provenance["angles"].how == "assumed"
    assert "radians" in " ".join(scan.notes)


def test_radians_by_unit(exchange):
    scan = read_scan(exchange(units="rad", theta=np.deg2rad(THETA)))
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA))
    assert scan.provenance["angles"].how == "read"


def test_no_theta_is_refused_but_shown(exchange):
    path = exchange(theta=None)
    with pytest.raises(ScanError, match=r"scan\.h5 says no angles for its 9 views.*--angles START:STOP"):
        read_scan(path)
    info = inspect(path)
    assert info.shape == (VIEWS, ROWS, COLUMNS) and info.angles is None and not info.ready
    assert "--angles" in info.missing[0].remedy
    assert inspect(path, angles="0:180").ready
    np.testing.assert_allclose(
        read_scan(path, angles="0:180").geometry.angles, np.linspace(0, np.pi, 9, endpoint=False)
    )


def test_nan_angles_are_named(exchange):
    theta = THETA.copy()
    theta[[3, 5]] = np.nan
    with pytest.raises(ScanError, match="angle of view 3 is not a number"):
        read_scan(exchange(theta=theta))
    assert inspect(exchange(theta=theta)).angles is None
    assert read_scan(exchange(theta=theta), angles="0:180").views == VIEWS


def test_wrong_number_of_angles(exchange):
    with pytest.raises(ScanError, match=r"holds 7 angles for the 9 projections of scan\.h5"):
        read_scan(exchange(theta=THETA[:7]))


def test_dangling_flats_are_said(exchange, tmp_path):
    path = exchange(data_white=h5py.ExternalLink("flats.h5", "/data"))
    info = inspect(path)
    assert any("flats.h5" in note for note in info.notes)
    assert "no flats" in info.missing[0].problem and "--flats" in info.missing[0].remedy


def test_pixel_size_of_data_exchange(exchange):
    path = exchange()
    with h5py.File(path, "a") as file:
        file["measurement/instrument/detector/pixel_size_x"] = 6.5
    scan = read_scan(path)
    assert scan.geometry.pixel == pytest.approx(0.0065)
    assert scan.provenance["pixel"].how == "assumed"
    with h5py.File(path, "a") as file:
        file["measurement/instrument/detector/pixel_size_x"].attrs["units"] = "mm"
    assert read_scan(path).geometry.pixel == 6.5
    assert read_scan(path, pixel=0.1).geometry.pixel == 0.1


def test_a_second_exchange_group_by_name(exchange):
    path = exchange()
    with h5py.File(path, "a") as file:
        file.copy("exchange", "xray/exchange")
        file["xray/exchange/data"][...] = 7
    for name in ("xray", "/xray/exchange", "/xray/exchange/data"):
        assert np.all(read_scan(path, dataset=name).read() == 7)
    assert not np.all(read_scan(path).read() == 7)


@pytest.mark.parametrize(
    ("data", "says"),
    [(DATA[:0], r"data is empty \(0 x 4 x 6\)"), (DATA + 0j, "complex128, no real numbers")],
)
def test_frames_that_are_none(exchange, data, says):
    with pytest.raises(ScanError, match=says):
        read_scan(exchange(data=data))


def test_a_truncated_hdf5_file_is_refused(exchange):
    path = exchange()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScanError, match=r"scan\.h5 cannot be read as HDF5: it is truncated.*Copy it again"):
        read_scan(path)


def nxtomo(path, *, keys=None, units="degree", entry="entry", link=None, pixel=None, nested=False):
    keys = np.array([2, 1, *[0] * 5, 1, 2]) if keys is None else np.asarray(keys)
    with h5py.File(path, "a") as file:
        name = f"{entry}/tomo_entry" if nested else entry
        detector = file.create_group(f"{name}/instrument/detector")
        if link is not None:
            detector["data"] = link
        else:
            detector["data"] = DATA[: len(keys)]
        detector["image_key"] = keys
        angles = file.create_dataset(f"{name}/sample/rotation_angle", data=THETA[: len(keys)])
        if units:
            angles.attrs["units"] = units
        if pixel is not None:
            detector["x_pixel_size"] = pixel[0]
            detector["x_pixel_size"].attrs["units"] = pixel[1]
    return path


@pytest.mark.parametrize("nested", [False, True])
def test_nxtomo_sorts_frames_by_image_key(tmp_path, nested):
    scan = read_scan(nxtomo(tmp_path / "a.nxs", nested=nested, pixel=(12.5, "um")))
    np.testing.assert_array_equal(scan.read(), DATA[2:7])
    np.testing.assert_array_equal(scan.read_flats(), DATA[[1, 7]])
    np.testing.assert_array_equal(scan.read_darks(), DATA[[0, 8]])
    np.testing.assert_array_equal(scan.flat_times, [0, 1])
    np.testing.assert_allclose(scan.geometry.angles, np.deg2rad(THETA[2:7]))
    assert scan.geometry.pixel == pytest.approx(0.0125)
    np.testing.assert_array_equal(scan.select_views([4, 1]).rows(2, 3).read(), DATA[[6, 3], 2:3])


def test_nxtomo_leaves_invalid_frames_out(tmp_path):
    scan = read_scan(nxtomo(tmp_path / "a.nxs", keys=[1, 0, 0, 3, 0]))
    np.testing.assert_array_equal(scan.read(), DATA[[1, 2, 4]])
    assert "1 frames are marked invalid" in scan.notes[0]
    assert scan.flat_times is None


@pytest.mark.parametrize("keys", [[1] * 9, [2, 1, -1, -1]])
def test_nxtomo_without_a_projection_is_refused(tmp_path, keys):
    with pytest.raises(ScanError, match="marks no frame as a projection"):
        read_scan(nxtomo(tmp_path / "a.nxs", keys=keys))


def test_several_entries_need_a_name(tmp_path):
    path = nxtomo(tmp_path / "a.nxs", entry="entry0000")
    nxtomo(path, entry="entry0001", keys=[0, 0, 0])
    with pytest.raises(ScanError, match=r"a\.nxs holds 2 scans: entry0000, entry0001\. Name one with --dataset"):
        read_scan(path)
    assert read_scan(path, dataset="entry0001").views == 3
    with pytest.raises(ScanError, match="no NXtomo entry 'entry7'"):
        read_scan(path, dataset="entry7")


def test_a_dangling_link_names_the_missing_file(tmp_path):
    link = h5py.ExternalLink("/beamline/raw/pco1-24888.hdf", "entry/data")
    path = nxtomo(tmp_path / "a.nxs", link=link)
    with pytest.raises(
        ScanError, match=r"a\.nxs holds no pixels.*/beamline/raw/pco1-24888\.hdf, which is not there.*Copy"
    ):
        read_scan(path)
    info = inspect(path)
    assert info.angles.count == 5 and info.shape is None and not info.ready
    assert (info.flats, info.darks) == (2, 2) and info.provenance["flats"].startswith("missing")


def test_a_link_that_leads_somewhere_is_followed(tmp_path):
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["d"] = DATA
    scan = read_scan(nxtomo(tmp_path / "a.nxs", link=h5py.ExternalLink("raw.h5", "d")))
    np.testing.assert_array_equal(scan.read(), DATA[2:7])


def test_a_virtual_dataset_without_its_source_is_not_read_as_zeros(tmp_path):
    layout = h5py.VirtualLayout(shape=DATA.shape, dtype="u2")
    layout[:] = h5py.VirtualSource("gone.h5", "d", shape=DATA.shape)
    path = tmp_path / "a.nxs"
    nxtomo(path, link=h5py.SoftLink("/virtual"))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("virtual", layout)
    with pytest.raises(ScanError, match=r"gone\.h5"):
        read_scan(path)


def test_image_key_and_data_must_agree(tmp_path):
    path = nxtomo(tmp_path / "a.nxs")
    with h5py.File(path, "a") as file:
        del file["entry/instrument/detector/data"]
        file["entry/instrument/detector/data"] = DATA[:4]
    with pytest.raises(ScanError, match="9 entries of image_key for data of shape 4 x 4 x 6"):
        read_scan(path)


def cil(path, data, axes, geometry="parallel", kind="AcquisitionData"):
    with h5py.File(path, "w") as file:
        node = file.create_dataset("entry1/tomo_entry/data/data", data=data.astype("f4"))
        node.attrs["data_type"] = kind
        node.attrs["geometry"] = geometry
        for i, name in enumerate(axes):
            node.attrs[f"dim{i}"] = name
        node.attrs["pixel_size_h"] = 0.05
        angles = file.create_dataset("entry1/tomo_entry/config/angles", data=THETA.astype("f4"))
        angles.attrs["angle_unit"] = "degree"
        file["entry1/tomo_entry/config/source/position"] = [0.0, 99.9]
        file["entry1/tomo_entry/config/detector/position"] = [0.0, -200.0]
    return path


def test_cil_parallel_beam_in_its_own_axis_order(tmp_path):
    stored = np.moveaxis(DATA, 0, 1)
    scan = read_scan(cil(tmp_path / "a.nxs", stored, ("vertical", "angle", "horizontal")))
    np.testing.assert_array_equal(scan.read(), DATA)
    assert scan.geometry.pixel == 0.05 and scan.kind == "attenuation"
    single = read_scan(cil(tmp_path / "b.nxs", DATA[:, 0], ("angle", "horizontal")))
    np.testing.assert_array_equal(single.read(), DATA[:, :1])


def test_cil_images_and_channels_are_refused_by_name(tmp_path):
    path = cil(tmp_path / "fbp.nxs", DATA[0], ("horizontal_y", "horizontal_x"), kind="ImageData")
    with pytest.raises(ScanError, match=r"fbp\.nxs holds a reconstructed image \(4 x 6.*--reference"):
        read_scan(path)
    path = cil(tmp_path / "time.nxs", DATA, ("channel", "angle", "horizontal"))
    with pytest.raises(ScanError, match=r"time\.nxs holds 9 channels"):
        read_scan(path)


def test_any_hdf5_by_the_names_of_its_datasets(tmp_path):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file["run/projections"] = DATA
        file["run/angles_deg"] = THETA
        file["run/flat_fields"] = DATA[:2]
        file["volume"] = np.zeros((3, 6, 6))
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.read(), DATA)
    assert scan.flats.shape[0] == 2 and scan.provenance["angles"].how == "read"
    assert read_scan(path, dataset="/run/flat_fields", angles="0:90").views == 2
    with pytest.raises(ScanError, match=r"own\.h5 has no dataset 'nope'.*run/projections.*--dataset"):
        read_scan(path, dataset="nope")


def test_several_candidates_are_not_guessed(tmp_path):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file["data_a"] = DATA
        file["data_b"] = DATA
    with pytest.raises(ScanError, match=r"several arrays that could be the scan: data_a.*data_b.*--dataset"):
        read_scan(path, angles="0:180")


def test_plain_hdf5_with_a_link_that_leads_nowhere(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["data"] = h5py.ExternalLink("detector_001.h5", "/d")
    with pytest.raises(ScanError, match=r"own\.h5 holds no pixels.*detector_001\.h5"):
        read_scan(tmp_path / "own.h5")


def test_matlab73_is_hdf5_with_reversed_axes(tmp_path):
    path = tmp_path / "new.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["proj"] = DATA.transpose(2, 1, 0)  # what MATLAB writes for an array (angle, row, column)
        file["angles"] = THETA[None]
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.read(), DATA)
    assert inspect(path).format == "MATLAB 7.3"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("axis", np.nan, "says nan, which is no column of the detector (0 to"),
        ("axis", 4000.0, "says 4000, which is no column of the detector (0 to"),
        ("axis", "middle", "attribute axis, says nan"),
        ("pixel_size_mm", -1.0, "says -1, which is no size of a pixel"),
        ("pixel_size_mm", "0.05 um", "pixel_size_mm, says nan"),
    ],
)
def test_numbers_that_cannot_be_are_told_and_not_used(exchange, name, value, says):
    path = exchange()
    with h5py.File(path, "r+") as file:
        file["exchange"].attrs[name] = value
    scan = read_scan(path)
    assert any(says in note and "it is not used" in note for note in scan.notes)
    assert (scan.geometry.axis, scan.geometry.pixel) == (None, None)
    assert scan.provenance[name.removesuffix("_size_mm")].how == "missing"


def test_an_angle_unit_that_is_not_known_is_told(exchange):
    how = read_scan(exchange(units="gon")).provenance["angles"]
    assert how.how == "assumed" and "whose unit 'gon' is not known" in how.where
