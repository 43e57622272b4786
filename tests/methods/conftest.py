"""A small phantom with values in 1/mm, projected analytically, so that no method sees its own discretisation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import Problem, get_method
from fewview.operators import parallel_beam

DISKS = ((6.0, -4.0, 17.0, 1.0), (-9.0, 12.0, 6.0, 0.5), (12.0, -10.0, 4.0, -0.4))  # X, Y, radius (px), value

LARGE = 256  # pixels on a side of a slice that is mostly air
SMALL_DISKS = ((30.0, -20.0, 34.0, 1.0), (20.0, -10.0, 10.0, -0.5), (45.0, -35.0, 8.0, 0.4))


def disk_sinogram(angles, columns, axis, pixel, disks=DISKS):
    """Chords averaged over each detector column."""
    fine = (np.arange(columns * 8) - 3.5) / 8 - axis
    out = np.zeros((len(angles), columns))
    for x, y, radius, value in disks:
        place = fine[None] - (x * np.cos(angles) + y * np.sin(angles))[:, None]
        chord = 2 * np.sqrt(np.clip(radius**2 - place**2, 0, None)) * value * pixel
        out += chord.reshape(len(angles), columns, 8).mean(2)
    return out


def disk_image(grid, disks=DISKS):
    g = (np.arange(grid * 4) - 1.5) / 4 - (grid - 1) / 2
    X, Y = np.meshgrid(g, -g)
    image = sum(value * (np.hypot(X - x, Y - y) < radius) for x, y, radius, value in disks)
    return image.reshape(grid, 4, grid, 4).mean((1, 3))


@pytest.fixture
def make_problem():
    """Build a problem: slices are copies of the disks, scaled by 1, 1.2, 1.4 ...; ``noise`` is relative to the peak."""

    def build(views=30, grid=64, slices=1, pixel=1.0, arc=np.pi, end=False, noise=0.0, axis=None, weights=None):
        angles = np.linspace(0, arc, views, endpoint=end)
        axis = (grid - 1) / 2 if axis is None else axis
        size = grid / 64
        disks = [(size * x, size * y, size * radius, value) for x, y, radius, value in DISKS]
        one = disk_sinogram(angles, grid, axis, pixel, disks)
        data = np.stack([(1 + 0.2 * k) * one for k in range(slices)])
        data += noise * one.max() * np.random.default_rng(0).standard_normal(data.shape)
        A = parallel_beam(angles, columns=grid, axis=axis, pixel=pixel)
        return Problem(A, torch.tensor(data, dtype=torch.float32), weights)

    return build


@pytest.fixture
def in_air(make_problem):
    """Small disks in a large field of view: a network looks at the part of it where they are."""
    angles = np.linspace(0, np.pi, 20, endpoint=False)
    sinogram = disk_sinogram(angles, LARGE, (LARGE - 1) / 2, 1.0, SMALL_DISKS)
    sinogram += 0.01 * sinogram.max() * np.random.default_rng(0).standard_normal(sinogram.shape)
    problem = make_problem(views=20, grid=LARGE)
    return replace(problem, data=torch.tensor(sinogram, dtype=torch.float32)[None])


@pytest.fixture
def truth():
    return disk_image(64)


@pytest.fixture
def solve():
    """Last estimate of a method, checked for the promises that every estimate makes."""

    def run(name, problem, **values):
        method = get_method(name)
        last = None
        for estimate in method.run(problem, method.options(**values)):
            if last is not None:
                assert estimate.stage != last.stage or estimate.step >= last.step
            assert estimate.step <= estimate.total
            last = estimate
        assert last is not None and last.step == last.total
        return last

    return run
