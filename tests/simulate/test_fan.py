"""Simulated fan beams: exact integrals of ellipsoids, and a scan that reads and reconstructs as what it is."""

import numpy as np
import pytest

import fewview
from fewview.io import read_scan
from fewview.simulate import Simulation, simulate, write_simulated
from fewview.simulate.fan import FanPhantom
from fewview.simulate.project import project

ANGLES = np.array([0.0, 0.7, 2.9, 4.4, 6.1])


class Bump:
    """A smooth bump off the centre, on a grid of half-size voxels."""

    depth, pixel, size = 2, 0.3, 40

    def integrals(self, radiation, angles, first, last):
        place = (np.arange(2 * self.size) - self.size + 0.5) * self.pixel / 2
        image = np.exp(-((place - 1.5) ** 2 + (-place[:, None] - 0.8) ** 2) / 2).astype(np.float32)
        return project(np.repeat(image[None], last - first, 0), angles) * np.float32(self.pixel / 2)


def test_rays_of_the_fan_are_lines_of_the_phantom():
    seen = FanPhantom(Bump(), 40, 30.0, 75.0)
    found = seen.integrals("neutron", ANGLES, 0, 2)
    beam = seen.beam.finer(2)
    assert found.shape == (2, 5, 80) and beam.voxel == pytest.approx(0.15)
    for view, angle in enumerate(ANGLES):
        start, direction = beam.select_views([0]).with_angles([angle]).rays(0)
        beside = (start[:, 0] - 1.5) * direction[:, 1] - (start[:, 1] - 0.8) * direction[:, 0]
        np.testing.assert_allclose(found[0, view], np.sqrt(2 * np.pi) * np.exp(-(beside**2) / 2), atol=5e-3)


def test_a_simulated_fan_scan_reconstructs(tmp_path):
    options = Simulation(phantom="ellipses", size=64, depth=2, views=48, counts=0, xray_views=0, beam="fan", seed=3)
    made = simulate(options)
    write_simulated(made, tmp_path / "fan.h5")
    scan = read_scan(tmp_path / "fan.h5")
    geometry = scan.geometry
    assert (geometry.name, geometry.sod, geometry.sdd) == ("fan", 40, 120)
    assert geometry.voxel == pytest.approx(made.pixel)
    *_, last = fewview.reconstruct(scan.line_integrals(axis=31.5), "sirt", {"iterations": 100})
    x = last.volume
    # No mirror image and no turn agrees as well.
    right = fewview.quality.psnr(x, made.truth_neutron)
    wrong = [
        fewview.quality.psnr(other, made.truth_neutron) for other in (x[:, ::-1], x[:, :, ::-1], np.rot90(x, 2, (1, 2)))
    ]
    assert right > 24 and right > max(wrong) + 5
