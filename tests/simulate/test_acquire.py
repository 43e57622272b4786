"""Acquisition: geometry, statistics, and no inverse crime."""

import h5py
import numpy as np
import pytest
import torch

from fewview.errors import FewviewError, OptionError
from fewview.operators import parallel_beam
from fewview.simulate import Beam, Simulation, make_phantom, measure, simulate, write_simulated
from fewview.simulate.acquire import transmission
from fewview.simulate.phantoms import PHANTOMS, VoxelPhantom
from fewview.simulate.project import project

SMALL = Simulation(size=32, depth=8, views=6, xray_views=8, seed=2)


def _disc(n, cx, cy, radius, fine=8):
    c = (np.arange(n * fine) + 0.5) / fine - n / 2
    x, y = np.meshgrid(c, c[::-1])
    inside = (x - cx) ** 2 + (y - cy) ** 2 < radius**2
    return inside.reshape(n, fine, n, fine).mean((1, 3)).astype(np.float32)


def test_projection_of_a_disc_is_its_chords():
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False) + 0.05
    sinogram = project(_disc(128, 20, -11, 17)[None], angles)[0]
    u = (np.arange(128 * 16) + 0.5) / 16 - 64
    chords = [2 * np.sqrt(np.maximum(289 - (u - 20 * np.cos(a) + 11 * np.sin(a)) ** 2, 0)) for a in angles]
    exact = np.stack([c.reshape(128, 16).mean(1) for c in chords])
    assert np.sqrt(np.mean((sinogram - exact) ** 2)) < 0.15
    assert np.allclose(sinogram.sum(1), np.pi * 289, rtol=2e-3)


def test_the_view_at_zero_sums_along_image_columns():
    image = np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)
    at_zero, at_right_angle = project(image, np.array([0.0, np.pi / 2]))[0]
    assert np.corrcoef(at_zero, image[0].sum(0))[0, 1] > 0.9
    assert np.corrcoef(at_right_angle, image[0].sum(1)[::-1])[0, 1] > 0.9


def test_measurement_and_reconstruction_disagree_a_little():
    """No inverse crime: our operator on the truth is near the noiseless measurement, but by far not equal."""
    phantom = make_phantom("microstructure", 64, 1, depth=4)
    angles = np.arange(16) * np.pi / 16
    measured = -np.log(transmission(phantom, angles, Beam(counts=None))).transpose(1, 0, 2)
    operator = parallel_beam(angles, columns=64, grid=64, pixel=phantom.pixel)
    ours = operator(torch.from_numpy(phantom.truth("neutron"))).numpy()
    difference = np.linalg.norm(measured - ours) / np.linalg.norm(ours)
    assert 1e-3 < difference < 3e-2


def test_ellipses_are_measured_exactly():
    phantom = make_phantom("ellipses", 64, 1, depth=4)
    angles = np.arange(9) * np.pi / 9 + 0.1
    exact = phantom.integrals("neutron", angles, 1, 3)
    fine = np.repeat(phantom.truth("neutron")[1:3], 2, axis=1).repeat(2, axis=2)
    assert np.linalg.norm(exact - project(fine, angles) * phantom.pixel / 2) < 0.02 * np.linalg.norm(exact)


def test_counts_are_poisson_around_the_expectation():
    phantom = VoxelPhantom(lambda r, a, b: np.zeros((b - a, 64, 64), np.float32), 32, 0.1)
    scan = measure(phantom, np.zeros(40), Beam(counts=400.0, dark=0.0), np.random.default_rng(0), frames=40)
    for frames in (scan.projections, scan.flats):
        spread = frames.var(axis=0, ddof=1) / frames.mean(axis=0)
        assert abs(spread.mean() - 1) < 0.03
    assert abs(scan.flats.mean() / 400 - 1) < 0.02


def test_the_flat_field_takes_the_profile_out():
    scan = simulate(SMALL.model_copy(update={"counts": 1e5})).neutron
    air = scan.projections[:, :, 0] / scan.flats.mean(0)[:, 0]
    assert np.allclose(air, 1, atol=0.02)
    assert scan.flats.mean(0)[:, 16].mean() > 1.02 * scan.flats.mean(0)[:, 0].mean()


def test_every_imperfection_shows():
    phantom = make_phantom("microstructure", 32, 5, depth=8)
    angles = np.arange(6) * np.pi / 6

    def scan(**changes):
        beam = Beam(**{"counts": None, **changes})
        return measure(phantom, angles, beam, np.random.default_rng(1)).projections

    plain = scan()
    assert np.abs(np.diff(scan(blur=1.0), axis=2)).sum() < np.abs(np.diff(plain, axis=2)).sum()
    assert (scan(scatter=0.05) - plain).min() >= -1e-6 and (scan(scatter=0.05) - plain).mean() > 0.005
    assert (scan(zingers=0.01) - plain > 0.4).mean() == pytest.approx(0.01, abs=0.006)
    ring = scan(rings=0.02) / plain
    assert np.allclose(ring, ring[:1], atol=1e-5) and ring.std() == pytest.approx(0.02, rel=0.4)
    assert np.allclose(scan(dark=30.0) - plain, 30, atol=1e-4)
    moved = scan(offset=(0.0, 0.0, 2.0))
    assert np.allclose(moved[0, :, 6:26], plain[0, :, 4:24], atol=0.02)
    assert not np.allclose(scan(turn=0.3), plain, atol=0.02)


def test_a_wide_spectrum_hardens_the_beam():
    thick = VoxelPhantom(
        lambda r, a, b: np.full((b - a, 64, 64), {60: 0.95, 80: 0.47, 100: 0.29}[r], np.float32), 2, 0.1
    )
    beam = Beam(spectrum={60: 0.5, 100: 0.5}, counts=None)
    middle = -np.log(transmission(thick, np.zeros(1), beam))[0, 0, 16]
    assert middle < 0.99 * 3.2 * (0.95 + 0.29) / 2


def test_a_misplaced_sample_moves_by_the_geometry_of_the_operator():
    """Offset +y (downwards) in the image moves the view at 90 degrees as the operator says."""
    image = np.repeat(_disc(64, 6, 4, 8)[None], 4, 0)
    phantom = VoxelPhantom(lambda r, a, b: image[: b - a], 2, 0.1)
    shifted = VoxelPhantom(lambda r, a, b: np.roll(image, (4, -8), (1, 2))[: b - a], 2, 0.1)
    angles = np.array([0.0, 0.6, np.pi / 2, 2.5])
    moved = transmission(phantom, angles, Beam(counts=None, offset=(0.0, 2.0, -4.0)))
    assert np.allclose(moved, transmission(shifted, angles, Beam(counts=None)), atol=0.03)


def test_the_same_options_give_the_same_bytes_and_streams_are_apart():
    first, second = simulate(SMALL), simulate(SMALL)
    assert np.array_equal(first.neutron.projections, second.neutron.projections)
    without = simulate(SMALL.model_copy(update={"xray_views": 0}))
    assert without.xray is None
    assert np.array_equal(first.neutron.projections, without.neutron.projections)


@pytest.mark.parametrize("phantom", PHANTOMS)
def test_every_phantom_can_be_measured(phantom):
    done = simulate(SMALL.model_copy(update={"phantom": phantom, "preset": "real"}))
    assert done.neutron.projections.shape == (6, 8, 32)
    assert done.xray.projections.shape == (8, 8, 32)
    assert done.truth_neutron.shape == done.truth_xray.shape == (8, 32, 32)
    assert done.xray_beam.offset != (0.0, 0.0, 0.0)


def test_an_unknown_phantom_is_named():
    with pytest.raises(OptionError, match="no phantom 'brick'"):
        simulate(SMALL.model_copy(update={"phantom": "brick"}))


def test_a_written_scan_holds_everything(tmp_path):
    done = simulate(SMALL)
    write_simulated(done, tmp_path / "scan.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["scan.h5"]
    with h5py.File(tmp_path / "scan.h5") as file:
        assert np.array_equal(file["exchange/data"], done.neutron.projections)
        assert file["exchange/data"].dtype == np.uint16
        assert np.allclose(file["exchange/theta"], np.arange(6) * 30)
        assert np.allclose(file["truth/neutron"], done.truth_neutron)
        assert file["xray/exchange/data"].shape == (8, 8, 32)
        assert file["exchange"].attrs["pixel_size_mm"] == pytest.approx(19.2 / 32)


def test_writing_elsewhere_is_refused(tmp_path):
    done = simulate(SMALL.model_copy(update={"xray_views": 0}))
    with pytest.raises(FewviewError, match="does not exist"):
        write_simulated(done, tmp_path / "no" / "scan.h5")
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(FewviewError, match="is a folder"):
        write_simulated(done, tmp_path / "folder.h5")
    with pytest.raises(FewviewError, match=r"\.h5"):
        write_simulated(done, tmp_path / "scan.tif")
