"""What the pixels of a scan tell before it is called ready: left out, noted, or asked."""

import numpy as np
import pytest

from fewview.errors import ScanError
from fewview.io import inspect, read_scan


def integrals_of(path, **said):
    return read_scan(path, **said).line_integrals(axis=31.5).values


def test_a_scan_without_oddities_has_no_notes(save, disks):
    scan = read_scan(save())
    assert scan.notes == () and scan.provenance["angles"].how == "read"
    assert np.abs(scan.line_integrals(axis=31.5).values - disks.integrals(disks.degrees)).mean() < 0.02


def test_a_dark_or_an_odd_one_among_the_flats_is_left_out(save, disks):
    for odd in (disks.darks(1), disks.flats(1, beam=0.75)):
        scan = read_scan(save(flats=np.concatenate([disks.flats(), odd])))
        assert scan.flats.shape[0] == 5 and "1 of the 6 flats are left out: flat 5 reads" in scan.notes[0]
    scan = read_scan(save(darks=np.concatenate([disks.darks(), disks.flats(1)])))
    assert scan.darks.shape[0] == 3 and "as bright as flats" in scan.notes[0]


def test_flats_and_darks_without_a_number_are_refused_and_single_pixels_are_not(save, disks):
    for name, frames in (("flats", disks.flats()), ("darks", disks.darks())):
        with pytest.raises(ScanError, match=f"The {name} of scan.npz hold no numbers"):
            read_scan(save(**{name: np.full(frames.shape, np.nan, np.float32)}))
    flats = disks.flats().astype(np.float32)
    flats[0, 0, 3] = np.nan
    assert read_scan(save(flats=flats)).notes == ()
    flats[:, 0, 3] = np.nan
    assert read_scan(save(flats=flats)).notes == (
        "1 pixel of the first flat is zero or no number: masked in the preparation.",
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda d: {"flats": d.darks(), "darks": d.flats()}, "The flats are darker than the darks"),
        (lambda d: {"darks": np.full((3, 2, 64), 15000, np.uint16)}, "% of the pixels of the views are darker"),
        (lambda d: {"flats": d.frames[:20]}, "like views of a sample"),
        (
            lambda d: {"flats": np.full((5, 2, 64), 107, np.uint16), "darks": np.full((3, 2, 64), 100, np.uint16)},
            "only 7 counts",
        ),
        (lambda d: {"projections": (d.frames.astype(np.int64) * 4 % 65536).astype(np.uint16)}, "wrap around"),
        (
            lambda d: {"projections": (41000 - d.frames.astype(int)).astype(np.uint16), "darks": None},
            "greys are inverted",
        ),
        (
            lambda d: {"projections": 65535 - d.frames, "flats": 65535 - d.flats(), "darks": 65535 - d.darks()},
            "All greys of scan.npz are inverted",
        ),
        (lambda d: {"projections": -d.integrals(d.degrees), "flats": None, "darks": None}, "without its minus"),
        (lambda d: {"angles_deg": 0.001 * np.arange(60)}, "cover no more than"),
        (lambda d: {"projections": np.full((60, 2, 64), 65535, np.uint16)}, "views 0:60 are saturated"),
    ],
)
def test_what_needs_an_answer_is_refused(save, disks, wrong, said):
    path = save(**wrong(disks))
    with pytest.raises(ScanError, match=said):
        read_scan(path)
    assert not inspect(path).ready


def test_another_exposure_of_the_flats_is_noted_with_its_remedy(save, disks):
    for beam in (0.1, 2.0):
        note = read_scan(save(flats=disks.flats(beam=beam))).notes[0]
        assert f"the views read {1 / beam:.3g} times the flats" in note or "times the flats" in note
        assert "--prepare dose=edges" in note
    note = read_scan(save(flats=np.concatenate([disks.flats(3), disks.flats(3, beam=0.5)]))).notes[0]
    assert "several exposures" in note


def test_a_transmission_that_is_dark_beside_the_sample_is_asked_about(save, disks):
    path = save(projections=1 - np.exp(-disks.integrals(disks.degrees)), flats=None, darks=None)
    with pytest.raises(ScanError, match="beside the sample, where it should be 1"):
        read_scan(path, kind="transmission")


@pytest.mark.parametrize("beam", [np.linspace(1, 0.7, 60), np.r_[np.ones(20), np.full(8, 0.6), np.ones(32)]])
def test_a_beam_that_changes_from_view_to_view_is_noted_with_its_remedy(save, disks, beam):
    path = save(projections=disks.counts(disks.degrees, beam=beam))
    (note,) = read_scan(path).notes
    assert "The beam beside the sample changes" in note and "dose=edges" in note


def test_views_that_cannot_be_used_are_left_out(save, disks):
    frames = disks.frames.copy()
    frames[[3, 4]] = disks.flats(2)
    frames[20:23] = 65535
    scan = read_scan(save(projections=frames))
    assert scan.views == 55
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.delete(disks.degrees, [3, 4, 20, 21, 22]))
    assert "views 20:23 are saturated" in scan.notes[0] and "views 3:5 show the open beam" in scan.notes[0]
    info = inspect(save(projections=frames))
    assert info.shape[0] == 55 and info.angles.count == 55


def test_what_is_saturated_in_all_views_leaves_none_of_them_out(save, disks):
    frames, flats = (np.minimum(one.astype(int) * 4, 65535).astype(np.uint16) for one in (disks.frames, disks.flats()))
    flats[:, :, :8] = 60000
    scan = read_scan(save(projections=frames, flats=flats))
    assert scan.views == 60
    assert any("of the flats are saturated at 65535" in note for note in scan.notes)
    assert any("in 60 views are saturated" in note for note in scan.notes)


def test_a_pixel_that_is_no_number_is_no_zinger(save, disks):
    frames = disks.frames.astype(np.float32)
    frames[:, 0, 30] = np.inf
    (note,) = read_scan(save(projections=frames)).notes
    assert "not numbers" in note


def test_views_without_beam_are_left_out_or_asked_about(save, disks):
    frames = disks.frames.copy()
    frames[40:43] = disks.darks(3)
    scan = read_scan(save(projections=frames))
    assert scan.views == 57 and "views 40:43 have no beam" in scan.notes[0]
    frames[20:50] = disks.darks(1)
    with pytest.raises(ScanError, match=r"of 60 views, views 20:50 have no beam"):
        read_scan(save(projections=frames))


def test_zingers_of_flats_and_a_stuck_camera_are_noted(save, disks):
    flats = disks.flats()
    flats[2, 0, 30] = 60000
    assert "--prepare flat=median" in read_scan(save(flats=flats)).notes[0]
    frames = disks.frames.copy()
    frames[11:14] = frames[10]
    assert "3 views are the same frame as the view before" in read_scan(save(projections=frames)).notes[0]


def test_a_list_about_the_axis_is_no_list_of_angles(save, disks):
    lists = {"rotation_axis": np.full(60, 31.5), "angle_error": np.linspace(0, 0.1, 60)}
    scan = read_scan(save(**lists))
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), disks.degrees)


def test_missing_numbers_of_a_transmission(save, disks):
    values = np.exp(-disks.integrals(disks.degrees))
    values[5, :, 30:33] = np.nan
    values[17] = np.nan
    scan = read_scan(save(projections=values, flats=None, darks=None))
    assert scan.views == 59
    assert any("% of the pixels are not numbers" in note for note in scan.notes)
    assert any("1 is left out: view 17 holds no numbers" in note for note in scan.notes)


def test_zingers_are_noted_with_their_remedy(save, disks):
    frames = disks.frames.copy()
    frames.reshape(-1)[np.random.default_rng(3).integers(0, frames.size, 60)] = 60000
    note = next(note for note in read_scan(save(projections=frames)).notes if "zingers" in note)
    assert "--prepare zingers=0.3" in note


def test_counts_without_flats_are_offered_the_beam_beside_the_sample(save, disks):
    for frames in (disks.frames, (disks.frames / 25).astype(np.float32)):
        path = save(projections=frames, flats=None, darks=None)
        info = inspect(path)
        assert info.kind == "counts" and "--kind transmission --prepare dose=edges" in info.missing[0].remedy


def test_unsigned_integers_that_were_written_as_signed(save, disks):
    large = {name: (3 * getattr(disks, name)().astype(np.int64)).astype(np.uint16) for name in ("flats", "darks")}
    frames = (3 * disks.frames.astype(np.int64)).astype(np.uint16)
    right = integrals_of(save(projections=frames, **large))
    signed = {name: array.view(np.int16) for name, array in large.items()}
    path = save(projections=frames.view(np.int16), **signed)
    np.testing.assert_allclose(integrals_of(path), right, atol=1e-6)
    assert any("read as unsigned" in note for note in read_scan(path).notes)


def test_views_are_left_out_mirrored_and_reversed_on_request(save, disks):
    scan = read_scan(save(), exclude="3, 7,10:14")
    assert scan.notes == ()  # the user knows of the gaps
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.delete(disks.degrees, [3, 7, 10, 11, 12, 13]))
    with pytest.raises(ScanError, match=r"--exclude 70 names no views of this scan, which are 0 to 59"):
        read_scan(save(), exclude="70")
    np.testing.assert_allclose(np.degrees(read_scan(save(), reverse_angles=True).geometry.angles), -disks.degrees)
    right = integrals_of(save())
    turned = {
        "projections": disks.frames[:, :, ::-1],
        "flats": disks.flats()[:, :, ::-1],
        "darks": disks.darks()[:, :, ::-1],
    }
    np.testing.assert_array_equal(integrals_of(save(**turned), mirror=True), right)


def test_a_horizontal_axis_is_turned_upright_and_nothing_mirrored(save, disks):
    right = integrals_of(save())
    lying = {
        "projections": np.rot90(disks.frames, -1, axes=(1, 2)),
        "flats": np.rot90(disks.flats(), -1, axes=(1, 2)),
        "darks": np.rot90(disks.darks(), -1, axes=(1, 2)),
    }
    path = save(**lying)
    np.testing.assert_array_equal(integrals_of(path, horizontal_axis=True), right)
    part = read_scan(path, horizontal_axis=True, mirror=True).crop((1, 2), (10, 30)).read()
    np.testing.assert_array_equal(part, disks.frames[:, 1:2, ::-1][:, :, 10:30])


def test_labels_of_a_segmentation_are_no_views(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (60, 20, 20)).astype(np.uint8) * 127
    np.save(tmp_path / "labels.npy", labels)
    info = inspect(tmp_path / "labels.npy")
    assert info.hopeless and "holds only 0 and 127: a segmented volume" in info.missing[0].problem


def test_info_tells_the_axis_that_a_reconstruction_would_take(save, disks):
    info = inspect(save(projections=disks.counts(disks.degrees, axis=27.0)), find_axis=True)
    assert info.axis == pytest.approx(27, abs=0.2) and info.provenance["axis"].startswith("found")
    shuffled = np.random.default_rng(0).permutation(disks.degrees)
    info = inspect(save(angles_deg=shuffled), find_axis=True)
    assert info.provenance["axis"].startswith("assumed")
    assert any("The rotation axis cannot be told" in note for note in info.notes)


def test_a_flat_or_dark_without_a_number_is_left_out_as_what_it_is(save, disks):
    for name, frames in (("flats", disks.flats()), ("darks", disks.darks(4))):
        frames = frames.astype(np.float32)
        frames[1] = np.nan
        scan = read_scan(save(**{name: frames}))
        assert getattr(scan, name).shape[0] == len(frames) - 1
        said = f"1 of the {len(frames)} {name} are left out: {name[:-1]} 1 without a single number."
        assert scan.notes == (said,)


def test_a_pixel_that_one_flat_or_dark_does_not_know_is_not_masked(save, disks):
    for name, frames in (("flats", disks.flats()), ("darks", disks.darks())):
        frames = frames.astype(np.float32)
        frames[0, 1, 7] = np.nan
        lines = read_scan(save(**{name: frames})).line_integrals(axis=31.5)
        assert lines.masked == {}
        frames[:, 1, 7] = np.nan
        lines = read_scan(save(**{name: frames})).line_integrals(axis=31.5)
        assert lines.masked == {"no number in any flat or dark": len(disks.degrees)}


@pytest.mark.parametrize("text", ["0:1e308", "0:1e9", "-1e300:1", "0:1e5", "0:1e-300", "0:1e-3"])
def test_angles_that_no_scan_has_are_refused_whoever_gives_them(save, disks, text):
    info = inspect(save(), angles=text)
    assert not info.ready and not info.notes
    with pytest.raises(ScanError, match="--angles"):
        read_scan(save(), angles=text)
    start, stop = (float(part) for part in text.split(":"))
    with pytest.raises(ScanError, match="degrees"):
        read_scan(save(), angles=np.radians(np.linspace(start, stop, len(disks.degrees))))


def test_steps_of_the_golden_ratio_over_many_turns_are_a_scan(save, disks):
    assert inspect(save(), angles=np.radians(111.246 * np.arange(len(disks.degrees)))).ready
