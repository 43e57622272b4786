"""The torso: attenuation of tissues, one layout with other shapes, and the same body at every resolution."""

import numpy as np

from fewview.simulate import Simulation, make_phantom, simulate
from fewview.simulate.anatomy import BONE, LUNG, anatomy


def _body(seed, size=32):
    return anatomy(np.random.default_rng(seed), size, size)


def test_tissues_have_their_attenuation_and_the_corners_are_air():
    body = _body(0, 48)
    assert body.shape == (48, 48, 48) and body.dtype == np.float32
    assert body.min() >= 0 and BONE < body.max() < 1.2 * BONE
    assert body[:, :4, :4].max() == 0
    middle = body[20:28]
    lungs = (middle > 0.8 * LUNG) & (middle < 1.2 * LUNG)
    assert 0.05 < lungs.mean() < 0.25 and 0.005 < (middle > 0.8 * BONE).mean() < 0.1


def test_bodies_differ_but_share_their_layout():
    one, again, other = _body(1), _body(1), _body(2)
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    bodies = np.stack([_body(seed) for seed in range(8)])
    mean = bodies.mean(axis=0)
    explained = 1 - ((bodies - mean) ** 2).mean() / bodies.var()
    assert 0.6 < explained < 0.97  # the mean of others tells most of a body, and not all


def test_the_phantom_is_measured_as_it_is():
    done = simulate(Simulation(phantom="anatomy", size=32, views=2, counts=0, xray_views=0, seed=3))
    truth = make_phantom("anatomy", 32, 3).truth("neutron")
    assert np.allclose(done.truth_neutron, truth) and done.pixel == 200 / 32
    across = -np.log(done.neutron.projections[0].mean(axis=1) / done.neutron.flats.mean())
    assert across.min() > 0.5 and across.max() < 3  # such rays as 60 keV pass
