"""HDF5 as detectors and beamlines write it: filters, links, several entries, axes, positions, monitors."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.io import inspect, read_scan
from fewview.io.hdf5_frames import HDF5Frames

KEYS = np.r_[[2] * 3, [1] * 5, [0] * 60]


@pytest.fixture
def stack(disks):
    """Darks, flats and projections in one stack."""
    return np.concatenate([disks.darks(), disks.flats(), disks.frames])


@pytest.fixture
def nxtomo(tmp_path, disks, stack):
    """Write an entry of an NXtomo file; ``more`` are further datasets of the entry."""

    def write(entry="entry", name="scan.nxs", keys=KEYS, frames=None, angles=None, more=None):
        angles = np.r_[np.zeros(8), disks.degrees] if angles is None else angles
        with h5py.File(tmp_path / name, "a") as file:
            group = file.create_group(entry)
            group["instrument/detector/data"] = stack if frames is None else frames
            group["instrument/detector/image_key"] = keys
            group["sample/rotation_angle"] = angles
            group["sample/rotation_angle"].attrs["units"] = "deg"
            for path, value in (more or {}).items():
                group[path] = value
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "options",
    [hdf5plugin.Bitshuffle(), hdf5plugin.Blosc(), hdf5plugin.LZ4(), hdf5plugin.Zstd(), {"compression": "gzip"}],
)
@pytest.mark.parametrize("chunks", [(1, 2, 64), (60, 1, 64), (7, 2, 10)])
def test_compressed_frames_in_any_chunks(tmp_path, disks, options, chunks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=disks.frames, chunks=chunks, **options)
        source = HDF5Frames.of(tmp_path / "a.h5", file, "d")
    np.testing.assert_array_equal(source.read(np.arange(60), (0, 2), (0, 64)), disks.frames)
    which = np.array([50, 3, 3, 17, 59, 0])
    np.testing.assert_array_equal(source.read(which, (1, 2), (5, 40)), disks.frames[which, 1:2, 5:40])


def test_every_chunk_of_sinograms_is_read_once(tmp_path, monkeypatch):
    frames = np.random.default_rng(0).integers(0, 999, (200, 6, 8)).astype(np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=frames, chunks=(200, 2, 8), compression="gzip")
        source = HDF5Frames.of(tmp_path / "a.h5", file, "d")
    asked = []
    original = h5py.Dataset.__getitem__

    def counting(self, index):
        asked.append(index)
        return original(self, index)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counting)
    np.testing.assert_array_equal(source.read(np.arange(0, 200, 7), (0, 6), (0, 8)), frames[::7])
    assert len(asked) == 1


def test_a_virtual_dataset_behind_a_link_has_its_sources_beside_it(tmp_path, disks):
    (tmp_path / "frames").mkdir()
    with h5py.File(tmp_path / "frames" / "part.h5", "w") as file:
        file["d"] = disks.frames
    layout = h5py.VirtualLayout(disks.frames.shape, disks.frames.dtype)
    layout[:] = h5py.VirtualSource("part.h5", "d", disks.frames.shape)
    with h5py.File(tmp_path / "frames" / "master.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["exchange/data"] = h5py.ExternalLink("frames/master.h5", "/d")
        file["exchange/theta"] = disks.degrees
    scan = read_scan(tmp_path / "scan.h5", kind="transmission")
    np.testing.assert_array_equal(scan.read(), disks.frames)
    (tmp_path / "frames" / "part.h5").unlink()
    with pytest.raises(ScanError, match=r"is a link to the file part\.h5, which is not there"):
        read_scan(tmp_path / "scan.h5", kind="transmission")


def test_data_exchange_in_the_order_of_sinograms(tmp_path, disks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = disks.frames.swapaxes(0, 1)
        file["exchange/data"].attrs["axes"] = "y:theta:x"
        file["exchange/data_white"], file["exchange/theta"] = disks.flats(), disks.degrees
    scan = read_scan(tmp_path / "a.h5")
    np.testing.assert_array_equal(scan.read(), disks.frames)
    assert scan.provenance["layout"].how == "read"


def test_flats_before_and_after_in_data_exchange(tmp_path, disks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = disks.counts(disks.degrees, beam=np.linspace(1, 0.5, 60))
        file["exchange/theta"] = disks.degrees
        file["exchange/data_white_pre"] = disks.flats(3)
        file["exchange/data_white_post"] = disks.flats(2, beam=0.5)
    scan = read_scan(tmp_path / "a.h5")
    np.testing.assert_array_equal(scan.flat_times, [0, 0, 0, 1, 1])
    apart = scan.line_integrals(axis=31.5).values - disks.integrals(disks.degrees)
    assert np.abs(apart.mean(axis=(1, 2))).max() < 0.01


def test_flats_during_the_scan_are_interpolated_in_time(nxtomo, disks):
    beam = np.interp(np.arange(61), [0, 20, 40, 60], [1, 0.7, 1.1, 0.8])
    frames, keys, angles = [], [], []
    for i in range(61):
        if i % 20 == 0:
            frames.append(disks.flats(2, beam=beam[i]))
            keys += [1, 1]
            angles += [0.0, 0.0]
        if i < 60:
            frames.append(disks.counts(disks.degrees[i : i + 1], beam=beam[i : i + 1], seed=i))
            keys.append(0)
            angles.append(disks.degrees[i])
    scan = read_scan(nxtomo(keys=np.array(keys), frames=np.concatenate(frames), angles=np.array(angles)))
    np.testing.assert_allclose(np.unique(scan.flat_times), [0, 1 / 3, 2 / 3, 1])
    apart = scan.line_integrals(axis=31.5).values - disks.integrals(disks.degrees)
    assert np.abs(apart.mean(axis=(1, 2))).max() < 0.02
    part = scan.select_views(np.arange(40, 60)).line_integrals(axis=31.5).values  # times go with the views
    np.testing.assert_allclose(part, scan.line_integrals(axis=31.5).values[40:], atol=1e-6)


@pytest.mark.parametrize("shape", [(68, 1, 2, 64), (1, 68, 2, 64)])
def test_frames_with_an_empty_fourth_dimension(nxtomo, stack, disks, shape):
    np.testing.assert_array_equal(read_scan(nxtomo(frames=stack.reshape(shape))).read(), disks.frames)


def test_alignment_views_of_image_key_control(nxtomo, stack, disks):
    keys = np.r_[KEYS, [0] * 3]
    control = np.r_[KEYS, [-1] * 3]
    path = nxtomo(
        keys=keys,
        frames=np.concatenate([stack, disks.frames[:3]]),
        angles=np.r_[np.zeros(8), disks.degrees, 180, 90, 0],
        more={"instrument/detector/image_key_control": control},
    )
    scan = read_scan(path)
    assert scan.views == 60 and "3 views for alignment" in scan.notes[0]


def test_flats_in_an_entry_of_their_own(nxtomo, stack, disks):
    path = nxtomo("entry0000", keys=KEYS[:8], frames=stack[:8], angles=np.zeros(8))
    nxtomo("entry0001", keys=np.zeros(60, int), frames=disks.frames, angles=disks.degrees)
    scan = read_scan(path)
    assert (scan.views, scan.flats.shape[0], scan.darks.shape[0]) == (60, 5, 3)
    assert "flats and darks come from the entry entry0000" in scan.notes[0]


def test_flats_from_a_file_of_nothing_else(nxtomo, stack, tmp_path, disks):
    path = nxtomo(keys=KEYS[:8], frames=stack[:8], angles=np.zeros(8))
    np.save(tmp_path / "scan.npy", disks.frames)
    scan = read_scan(tmp_path / "scan.npy", angles="0:177", flats=path, darks=path)
    assert (scan.flats.shape[0], scan.darks.shape[0]) == (5, 3)


@pytest.mark.parametrize(
    ("position", "axis", "how"), [(26.0, 26.0, "read"), (-5.5, 26.0, "assumed"), (0.0, None, "missing")]
)
def test_the_position_of_the_axis_from_the_edge_or_the_middle(nxtomo, position, axis, how):
    scan = read_scan(nxtomo(more={"instrument/detector/x_rotation_axis_pixel_position": position}))
    assert scan.geometry.axis == axis and scan.provenance["axis"].how == how


def test_the_pixel_size_in_the_sample_goes_before_that_of_the_detector(nxtomo):
    more = {"instrument/detector/x_pixel_size": 5.5e-6, "sample/x_pixel_size": 5.5e-7}
    assert read_scan(nxtomo(more=more)).geometry.pixel == pytest.approx(0.00055)
    more = {"instrument/detector/x_pixel_size": 5.5e-6, "instrument/detector/magnification": 10.0}
    scan = read_scan(nxtomo(name="magnified.nxs", more=more))
    assert scan.geometry.pixel == pytest.approx(0.00055) and "magnification 10" in scan.provenance["pixel"].where


def test_counts_of_a_beam_monitor_are_used(nxtomo, disks, stack):
    beam = 1 + 0.4 * np.sin(np.arange(60))
    frames = np.concatenate([stack[:8], disks.counts(disks.degrees, beam=beam)])
    scan = read_scan(nxtomo(frames=frames, more={"control/data": np.r_[np.zeros(3), [1e5] * 5, 1e5 * beam]}))
    lines = scan.line_integrals(axis=31.5)
    assert np.abs((lines.values - disks.integrals(disks.degrees)).mean(axis=(1, 2))).max() < 0.01
    assert "dose correction by the beam monitor" in " ".join(lines.steps)


def test_the_detector_whose_frames_are_there(tmp_path, disks, stack):
    with h5py.File(tmp_path / "k11.nxs", "w") as file:
        instrument = file.create_group("entry/instrument")
        instrument["diffraction/data"] = h5py.ExternalLink("gone.h5", "/d")
        instrument["diffraction/image_key"] = KEYS
        instrument["imaging/data"], instrument["imaging/image_key"] = stack, KEYS
        instrument["gts_theta/value"] = np.r_[np.zeros(8), disks.degrees]
        instrument["gts_theta/value"].attrs["units"] = "deg"
        file["entry/imaging/data"] = h5py.SoftLink("/entry/instrument/imaging/data")
    for dataset in (None, "entry/instrument/imaging", "/entry/instrument/imaging/data"):
        scan = read_scan(tmp_path / "k11.nxs", dataset=dataset)
        np.testing.assert_array_equal(scan.read(), disks.frames)
        np.testing.assert_allclose(np.degrees(scan.geometry.angles), disks.degrees)
    with pytest.raises(ScanError, match=r"link to the file gone\.h5"):
        read_scan(tmp_path / "k11.nxs", dataset="entry/instrument/diffraction")


def test_angles_behind_a_link_that_leads_nowhere(nxtomo):
    path = nxtomo()
    with h5py.File(path, "a") as file:
        del file["entry/sample/rotation_angle"]
        file["entry/sample/rotation_angle"] = h5py.ExternalLink("motors_gone.h5", "/angle")
    assert "motors_gone.h5, which is not there" in inspect(path).missing[0].problem


def test_a_scan_that_was_ended_before_its_first_frame(nxtomo):
    path = nxtomo(keys=np.zeros(0, int), frames=np.zeros((0, 2, 64), np.uint16), angles=np.zeros(0))
    with pytest.raises(ScanError, match="holds no frames: its data are empty"):
        read_scan(path)


def test_a_file_without_images_is_refused_in_few_words(tmp_path):
    with h5py.File(tmp_path / "motors.nxs", "w") as file:
        for i in range(300):
            file[f"entry/instrument/motor_number_{i}/position"] = np.arange(30.0)
    with pytest.raises(ScanError, match=r"holds no images, but .* and 294 more") as caught:
        read_scan(tmp_path / "motors.nxs")
    assert len(str(caught.value)) < 500


def test_a_raw_file_of_bliss(tmp_path, disks):
    scans = {
        "1.1": ("dark images", disks.darks(), None),
        "2.1": ("reference images", disks.flats(), None),
        "3.1": ("projections 0 - 180", disks.frames, disks.degrees),
        "4.1": ("static images", disks.frames[:1], None),
    }
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        for entry, (title, frames, angles) in scans.items():
            file[f"{entry}/title"] = title
            file[f"{entry}/instrument/pco/data"] = frames
            file[f"{entry}/measurement/pco"] = h5py.SoftLink(f"/{entry}/instrument/pco/data")
            if angles is not None:
                file[f"{entry}/measurement/hrsrot"] = angles
                file[f"{entry}/measurement/epoch"] = np.arange(60.0)
    scan = read_scan(tmp_path / "raw.h5")
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), disks.degrees)
    assert (scan.flats.shape[0], scan.darks.shape[0]) == (5, 3)
