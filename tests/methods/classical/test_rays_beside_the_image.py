"""Rays that hardly meet the image, as of an axis far off the middle: no method makes of them what is not a number."""

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.methods.registry import method_names
from fewview.operators import parallel_beam

CLASSICAL = [name for name in method_names() if get_method(name).family == "classical"]


def an_angle_that_grazes_a_corner():
    """In radians; one of its rays meets less than a thousandth of what others meet."""
    angles = np.linspace(0, np.pi / 2, 3000)
    rows = parallel_beam(angles, columns=24, axis=18.0).row_sums()[0]
    grazing = ((rows > 0) & (rows < 5e-4 * rows.max())).any(dim=1)
    return angles[int(grazing.nonzero()[0])]


@pytest.mark.parametrize("name", CLASSICAL)
def test_dead_pixels_that_hardly_see_the_image_spoil_nothing(name):
    method = get_method(name)
    if lacking := method.missing():
        pytest.skip(lacking)
    across = torch.arange(24) - 11.5
    disc = ((across[:, None] ** 2 + across**2).sqrt() < 8).float()[None] * 0.05
    A = parallel_beam(np.append(np.arange(23) * np.pi / 11.5, an_angle_that_grazes_a_corner()), columns=24, axis=18.0)
    rows = A.row_sums()
    weights = torch.ones(1, 24, 24)
    weights[rows < 1e-3 * rows.max()] = 0
    problem = Problem(A, A(disc), weights=weights, auxiliary=disc if "aux" in method.needs else None)
    *_, last = method.run(problem, method.options())
    volume = torch.as_tensor(last.volume)
    assert bool(torch.isfinite(volume).all())
    assert float((volume - disc)[0, 4:20, 4:20].abs().max()) < 0.06
