"""Concrete-like samples: packed without overlap, in range, the same for the same seed."""

import numpy as np
import pytest

from fewview.simulate.materials import ENERGIES, MATERIALS
from fewview.simulate.microstructure import halve, microstructure
from fewview.simulate.packing import Cylinder, random_grain


@pytest.fixture(scope="module")
def sample():
    return microstructure(48, seed=5, depth=16)


def test_everything_follows_from_the_seed(sample):
    again, other = microstructure(48, seed=5, depth=16), microstructure(48, seed=4, depth=16)
    assert np.array_equal(sample.neutron, again.neutron)
    assert np.array_equal(sample.xray, again.xray)
    assert not np.array_equal(sample.labels, other.labels)


def test_attenuation_lies_in_the_range_of_its_materials(sample):
    for volume, top in ((sample.neutron, 0.35), (sample.xray, 0.6)):
        assert volume.shape == (16, 48, 48) and volume.dtype == np.float32
        assert volume.min() >= 0 and np.isfinite(volume).all() and 0.02 < volume.max() < top


def test_there_is_air_around_a_cylinder(sample):
    corner = sample.neutron[:, :5, :5]
    assert corner.max() == 0
    assert (sample.neutron[:, 15:33, 15:33] > 0).mean() > 0.8


def test_volume_fractions(sample):
    for seed in (5, 6):
        facts = sample.facts if seed == 5 else microstructure(48, seed=seed, depth=16).facts
        assert 0.15 < facts["aggregate_fraction"] < 0.55
        assert 0.0 < facts["void_fraction"] < 0.09


def test_grains_do_not_overlap():
    rng = np.random.default_rng(0)
    cylinder = Cylinder((40, 64, 64), 28.0)
    grains = cylinder.fill(rng, np.array([9.0, 5.0, 3.0]), np.array([0.15, 0.1, 0.05]), (8, 20), 0.5, 0.5, False)
    assert len(grains) > 20
    count = np.zeros(cylinder.shape, int)
    for grain in grains:
        window, distance = grain.distance(cylinder.shape, 1.0, 0.0)
        count[window] += distance < 0
    assert count.max() == 1
    assert not (count.astype(bool) & ~cylinder.inside).any()  # cast: nothing sticks out of the mantle


def test_cuts_make_a_grain_smaller_but_not_empty():
    rng = np.random.default_rng(1)
    volumes = []
    for cuts in ((0, 0), (20, 20)):
        grain = random_grain(rng, 12.0, cuts, 1.0).at(np.full(3, 16.0))
        _, distance = grain.distance((32, 32, 32), 1.0, 0.0)
        volumes.append((distance < 0).sum())
    sphere = 4 / 3 * np.pi * 12**3
    assert abs(volumes[0] / sphere - 1) < 0.02
    assert 0.2 * sphere < volumes[1] < 0.95 * sphere


def test_moisture_shows_with_neutrons_alone_and_lithology_with_xrays():
    quartz, calcite, wet, dry = (MATERIALS[n] for n in ("quartz", "calcite", "paste_saturated", "paste_dry"))
    assert wet.neutron / dry.neutron > 2 > 1.3 > wet.xray[1] / dry.xray[1]
    assert calcite.xray[0] / quartz.xray[0] > 1.4
    assert abs(calcite.neutron - quartz.neutron) < 0.1
    assert ENERGIES == (60, 80, 100)


def test_neither_volume_follows_from_the_other(sample):
    inside = sample.neutron > 0.01
    correlation = np.corrcoef(sample.neutron[inside], sample.xray[inside])[0, 1]
    assert abs(correlation) < 0.9
    # Within the paste (bright to neutrons) X-rays explain little of the moisture.
    paste = halve((sample.labels == 0).astype(np.float32)) == 1
    assert abs(np.corrcoef(sample.neutron[paste], sample.xray[paste])[0, 1]) < 0.7


def test_truth_is_the_mean_of_the_fine_grid(sample):
    assert np.allclose(sample.neutron[3:5], halve(sample.fine("neutron", 6, 10)))


def test_prefix_of_slabs_does_not_matter(sample):
    whole = sample.fine(80, 0, 16)
    assert np.array_equal(whole[5:9], sample.fine(80, 5, 9))
