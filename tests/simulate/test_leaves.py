"""Dead leaves: what they must have for a network to learn images in general from them."""

import numpy as np
import pytest

from fewview.simulate.leaves import _cuboid, _ellipsoid, leaves


@pytest.fixture(scope="module")
def stacks():
    return [leaves(np.random.default_rng(seed), 64, 6) for seed in range(24)]


def test_a_seed_makes_one_stack_in_zero_to_one(stacks):
    assert np.array_equal(stacks[3], leaves(np.random.default_rng(3), 64, 6))
    for stack in stacks:
        assert stack.shape == (6, 64, 64) and stack.dtype == np.float32
        assert stack.min() >= 0 and stack.max() == pytest.approx(1)


def test_neighbouring_slices_are_alike_and_not_the_same(stacks):
    near = [np.corrcoef(s[0].ravel(), s[1].ravel())[0, 1] for s in stacks]
    far = [np.corrcoef(s[0].ravel(), s[5].ravel())[0, 1] for s in stacks]
    assert min(near) > 0.6
    assert np.mean(near) > np.mean(far) + 0.02


def test_the_spectrum_is_that_of_natural_images(stacks):
    """Amplitude falls about as 1 / frequency: there is structure at every size."""
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)) * 64
    rings = [(frequency >= low) & (frequency < 2 * low) for low in (2, 4, 8, 16)]
    power = [np.mean([(abs(np.fft.fft2(s[0] - s[0].mean())) ** 2)[ring].mean() for s in stacks]) for ring in rings]
    slope = np.polyfit(np.log([3, 6, 12, 24]), np.log(power), 1)[0] / 2
    assert -1.6 < slope < -0.6


def test_distances_to_surfaces():
    point = [np.array([2.0]), np.array([0.0]), np.array([0.0])]
    assert _ellipsoid(point, np.array([1.5, 1.0, 1.0])) == pytest.approx(0.5, rel=0.2)  # to first order
    assert _cuboid(point, np.array([1.5, 1.0, 1.0])) == pytest.approx(0.5)
    middle = [np.zeros(1)] * 3
    assert _cuboid(middle, np.array([1.5, 1.0, 0.3])) == pytest.approx(-0.3)
    assert _ellipsoid(middle, np.array([1.5, 1.0, 0.3])) < 0
