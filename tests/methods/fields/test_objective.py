"""The step on the lattice: its gradient, where it ends, and what a field that can be every volume makes of it."""

import pytest
import torch
from torch import nn

from fewview.methods.fields.field import Field
from fewview.methods.fields.fit import Fit
from fewview.methods.fields.loop import Pace, Splitting, advance
from fewview.methods.fields.objective import ROUND, Objective
from fewview.methods.inverse.normalised import scaled


class Voxels(Field):
    """A field of one parameter per voxel: every volume is one of it."""

    def __init__(self, first):
        super().__init__(tuple(first.shape))
        self.values_ = nn.Parameter(first.clone())

    def lattice(self, slab=None, finer=1):
        return self.values_[slice(*(slab or (0, self.shape[0])))]

    def at(self, points):
        raise NotImplementedError


@pytest.fixture
def data(make_problem):
    problem = make_problem(views=9, grid=24, slices=3, noise=0.02)
    weights = torch.rand(problem.data.shape, generator=torch.Generator().manual_seed(4)) + 0.5
    return scaled(type(problem)(problem.operator, problem.data, weights), 1.4)


@pytest.fixture
def near():
    return torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(5))


def test_the_slope_is_the_gradient(data, near):
    objective = Objective(data, 1e-3, near, 0.05)
    x = near.flip(2).clone().requires_grad_()
    misfit = data.misfit(x)
    z = torch.cat([x.diff(dim=0), torch.zeros_like(x[:1])])
    y = torch.cat([x.diff(dim=1), torch.zeros_like(x[:, :1])], dim=1)
    across = torch.cat([x.diff(dim=2), torch.zeros_like(x[:, :, :1])], dim=2)
    rough = (x.new_tensor(ROUND) ** 2 + z**2 + y**2 + across**2).sqrt().sum()
    value = 0.5 * (data.weighted(misfit) * misfit).sum() + 1e-3 * rough + 0.025 * (x - near).square().sum()
    expected = torch.autograd.grad(value, x)[0]
    torch.testing.assert_close(objective.slope(x.detach()), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("smooth", [0.0, 1e-3])
def test_steps_end_where_the_slope_is_zero(data, near, smooth):
    objective = Objective(data, smooth, near, 0.05)
    x = torch.zeros_like(near)
    before = float(objective.slope(x).norm())
    for _ in range(40):
        x = objective.towards(x, 8)
    assert float(objective.slope(x).norm()) < 1e-2 * before


def test_without_iterations_it_is_a_step_down_the_gradient(data, near):
    objective = Objective(data, 0.0, near, 0.05)
    torch.testing.assert_close(objective.towards(near, 0), near - objective.slope(near))


def test_a_field_that_can_be_every_volume_reaches_the_minimum(data, near):
    objective = Objective(data, 0.0, near, 0.05)
    expected = torch.zeros_like(near)
    for _ in range(60):
        expected = objective.towards(expected, 10)
    field = Voxels(torch.zeros_like(near))
    splitting = Splitting(Fit(field, 0.03, torch.Generator().manual_seed(0)), field.values())
    told = [progress for progress in advance(splitting, objective, Pace(60, 6, 5)) if progress.done]
    assert len(told) == splitting.step == 60
    assert float((splitting.x - expected).norm() / expected.norm()) < 0.02
