"""What a fixer is told: perpendicular views, mean attenuation along the rays, places on the detector, the misfit."""

import math

import numpy as np
import pytest
import torch

from fewview.methods.interface import Problem
from fewview.methods.repair.condition import biplanar_views, condition_of
from fewview.operators import parallel_beam


@pytest.mark.parametrize("views", [2, 5, 8, 16, 45])
def test_views_are_as_perpendicular_as_the_scan_has_them(views):
    angles = np.arange(views) * math.pi / views + 0.3
    first, second = biplanar_views(angles)
    between = abs(math.degrees(angles[second] - angles[first]))
    assert abs(between - 90) <= 90 / views + 1e-6


def test_one_view_stands_for_both():
    assert biplanar_views([0.4]) == (0, 0)


@pytest.fixture
def problem():
    A = parallel_beam(np.arange(8) * math.pi / 8, columns=32, pixel=0.1)
    across = torch.arange(32) - 15.5
    disc = (across[:, None] ** 2 + across**2 < 14**2).float() * 0.7
    return Problem(A, A(disc.expand(4, -1, -1).contiguous()))


def test_condition_is_in_units_of_the_object(problem):
    x = torch.full((4, 32, 32), 0.35)
    told = condition_of(problem, x, 0.7, "disc")
    assert told.projections.shape == (1, 2, 4, 32)
    # The central ray runs 28 of 32 pixels within the disc.
    assert float(told.projections[0, 0, 0, 15:17].mean()) == pytest.approx(28 / 32, abs=0.03)
    assert float(told.rows[:, :, 16, 16].mean()) == pytest.approx(28 / 32, abs=0.05)
    torch.testing.assert_close(told.height, torch.linspace(-1, 1, 4))


def test_places_follow_the_geometry(problem):
    told = condition_of(problem, torch.zeros(4, 32, 32), 1.0)
    views = biplanar_views(problem.operator.angles)
    across = (torch.arange(32) - 15.5) / 15.5
    for column, view in zip(told.columns[0], views, strict=True):
        t = problem.operator.angles[view]
        wanted = across[None, :] * math.cos(t) - across[:, None] * math.sin(t)
        inside = across[:, None] ** 2 + across**2 < 0.9
        assert float((column - wanted)[inside].abs().max()) < 0.03


def test_damage_is_the_misfit(problem):
    truth = condition_of(problem, torch.zeros(4, 32, 32), 1.0)
    torch.testing.assert_close(truth.damage, torch.ones(4))
