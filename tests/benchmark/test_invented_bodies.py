"""Bodies without a body in the truth are counted, and nothing else is."""

import numpy as np
import pytest

from fewview.benchmark.quality.bodies import invented_bodies


def disks(*bodies):
    """A disk of value 1 with smaller ones in it: (x, y, radius, value added)."""
    y, x = np.mgrid[-64:64, -64:64] + 0.5
    image = (np.hypot(x, y) < 55).astype(np.float32)
    for cx, cy, radius, value in bodies:
        image[np.hypot(x - cx, y - cy) < radius] += value
    return image[None]


TRUE = ((-20, 0, 5, 0.8), (15, 20, 4, -0.8))


def test_what_is_there_is_not_invented_though_blurred_moved_and_noisy():
    from scipy.ndimage import gaussian_filter

    truth = disks(*TRUE)
    image = gaussian_filter(np.roll(truth, 1, axis=2), (0, 1.2, 1.2))
    image += np.random.default_rng(0).normal(0, 0.15, image.shape).astype(np.float32)
    invented, shown = invented_bodies(image, truth)
    assert invented == 0 and shown >= 2


@pytest.mark.parametrize("value", [0.8, -0.8])
def test_a_body_of_either_sign_that_is_not_there(value):
    truth = disks(*TRUE)
    assert invented_bodies(truth, truth)[0] == 0
    assert invented_bodies(disks(*TRUE, (20, -20, 4, value)), truth)[0] == 1


def test_a_bright_body_is_not_excused_by_a_dark_one_in_its_place():
    assert invented_bodies(disks((0, 0, 5, 0.8)), disks((0, 0, 5, -0.8)))[0] == 1


def test_specks_and_faint_bodies_do_not_count():
    truth = disks(*TRUE)
    assert invented_bodies(disks(*TRUE, (20, -20, 1.5, 0.9), (-20, 30, 5, 0.1)), truth)[0] == 0
