"""Gridrec of the real tomopy: place, value and unit. Skipped where tomopy is not installed (it is not on PyPI)."""

import numpy as np
import pytest
import torch

from fewview.errors import MethodUnavailable
from fewview.methods import Problem
from fewview.methods.external.tomopy import GridrecOptions
from fewview.operators import parallel_beam
from fewview.prepare.stripes import load_tomopy

X, Y, RADIUS, VALUE = 14.0, -9.0, 20.0, 0.6  # of the disc: pixels, and per unit of length


@pytest.fixture(autouse=True)
def tomopy():
    try:
        return load_tomopy()
    except MethodUnavailable as error:
        pytest.skip(f"{error}")


def disc(columns, axis, angles, pixel=1.0, weights=None):
    fine = (np.arange(columns * 8) - 3.5) / 8 - axis
    place = fine - (X * np.cos(angles) + Y * np.sin(angles))[:, None]
    chord = 2 * VALUE * pixel * np.sqrt(np.clip(RADIUS**2 - place**2, 0, None))
    views = chord.reshape(len(angles), columns, 8).mean(2)
    A = parallel_beam(angles, columns=columns, axis=axis, pixel=pixel)
    return Problem(A, torch.tensor(np.stack([views, 2 * views]), dtype=torch.float32), weights)


def value_and_centre(image):
    """Mean well within the disc, and its centre of mass (x to the right, y upwards) over what is brighter than half."""
    g = np.arange(len(image)) - (len(image) - 1) / 2
    distance = np.hypot(g - X, -g[:, None] - Y)
    bright = np.where(image > image.max() / 2, image, 0)
    centre = (bright * g).sum() / bright.sum(), (bright * -g[:, None]).sum() / bright.sum()
    return image[distance < RADIUS - 4].mean(), centre


@pytest.mark.parametrize("columns", [100, 101, 128])  # 128: tomopy itself would not pad
@pytest.mark.parametrize("off", [0.0, 7.3])
@pytest.mark.parametrize("arc", [180, 360])
def test_a_disc_has_its_value_and_its_place(columns, off, arc, solve):
    angles = np.radians(np.arange(0, arc, 1.0))
    problem = disc(columns, (columns - 1) / 2 + off, angles, pixel=0.2)
    image = solve("tomopy-gridrec", problem).volume
    value, centre = value_and_centre(image[0].numpy())
    assert value == pytest.approx(VALUE, rel=0.01)
    np.testing.assert_allclose(centre, (X, Y), atol=0.1)
    np.testing.assert_allclose(image[1], 2 * image[0], atol=0.01 * VALUE)


@pytest.mark.parametrize("axis", [49.5, 46.2])
def test_it_is_our_fbp(axis, solve):
    problem = disc(100, axis, np.radians(np.arange(0, 180, 1.0)))
    ours = solve("fbp", problem, filter="hann").volume
    theirs = solve("tomopy-gridrec", problem, filter="hann").volume
    g = torch.arange(100.0) - 49.5
    seen = torch.hypot(g, g[:, None]) < 44  # by all views
    assert float((ours - theirs)[:, seen].norm() / ours[:, seen].norm()) < 0.02
    assert float((ours - theirs)[0, seen].mean()) == pytest.approx(0, abs=0.002 * VALUE)


def test_value_holds_from_the_middle_to_the_rim(solve):
    """tomopy 1.15.2 by itself gives 0.66 in the middle and 0.81 at the rim."""
    angles = np.radians(np.arange(0, 180, 0.5))
    columns = 128
    fine = np.arange(columns) - 63.5
    chord = 2 * np.sqrt(np.clip(60.0**2 - fine**2, 0, None))
    A = parallel_beam(angles, columns=columns)
    problem = Problem(A, torch.tensor(np.tile(chord, (1, len(angles), 1)), dtype=torch.float32), None)
    image = solve("tomopy-gridrec", problem).volume[0].numpy()
    distance = np.hypot(*np.meshgrid(fine, fine))
    rings = [image[(distance >= r) & (distance < r + 8)].mean() for r in range(0, 56, 8)]
    np.testing.assert_allclose(rings, 1, atol=0.005)


def test_uneven_views_and_unusable_pixels_are_those_of_fbp(solve):
    """A dense quarter and a sparse one, a dead column, and a view without beam."""
    angles = np.radians(np.concatenate([np.arange(0, 90, 0.5), np.arange(90, 180, 1.5)]))
    weights = torch.ones(2, len(angles), 100)
    weights[:, :, 40] = 0
    weights[1, 7] = 0
    problem = disc(100, 49.5, angles, weights=weights)
    problem.data[weights == 0] = 99
    ours, theirs = (solve(name, problem, filter="hann").volume for name in ("fbp", "tomopy-gridrec"))
    assert float((ours - theirs).norm() / ours.norm()) < 0.05
    assert value_and_centre(theirs[0].numpy())[0] == pytest.approx(VALUE, rel=0.01)


@pytest.mark.parametrize("name", GridrecOptions.model_json_schema()["properties"]["filter"]["enum"])
def test_every_filter_runs(name, solve):
    problem = disc(100, 49.5, np.radians(np.arange(0, 180, 1.0)))
    value, centre = value_and_centre(solve("tomopy-gridrec", problem, filter=name).volume[0].numpy())
    assert value == pytest.approx(VALUE, rel=0.01)
    np.testing.assert_allclose(centre, (X, Y), atol=0.1)
