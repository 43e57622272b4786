"""DINR: the field as data step of the one loop."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from fewview.methods import get_method
from fewview.methods.diffusion.field_step import FieldStep
from fewview.methods.diffusion.schedule import levels
from fewview.methods.fields.field import Field
from fewview.methods.fields.fit import Fit
from fewview.methods.inverse.consistency import ProximalCG
from fewview.methods.inverse.normalised import scaled
from fewview.methods.size import Size

LEVEL = levels(4, 300)[1]
SHORT = {"steps": 4, "trust": 1.0, "t_start": 300, "beside_share": 0.0, "adaptation": "none"}
PAPER = {"steps": 4, "inner": 1, "prefit": 20, "field_steps": 4, "width": 16, "layers": 2}


class Voxels(Field):
    """One parameter per voxel."""

    def __init__(self, first):
        super().__init__(tuple(first.shape))
        self.free = nn.Parameter(first.clone())

    def lattice(self, slab=None, finer=1):
        return self.free[slice(*(slab or (0, self.shape[0])))]

    def at(self, points):
        raise NotImplementedError


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=12, grid=48, slices=3, noise=0.01, pixel=0.05), seed=3)


@pytest.fixture
def proposals():
    """Two samples of three slices."""
    return 0.5 + 0.1 * torch.randn(6, 48, 48, generator=torch.Generator().manual_seed(1))


def _step(first, **settings):
    generator = torch.Generator().manual_seed(0)
    return FieldStep(Fit(Voxels(first), 0.01, generator), first, **settings)


def _last(step, x0, data):
    for image in step.solve(x0, data, LEVEL):  # noqa: B007
        pass
    return image


def test_a_field_that_can_be_every_volume_gives_the_proximal_step_of_the_mean(problem, proposals):
    data = scaled(problem, 1.4)
    mean = proposals.reshape(2, 3, 48, 48).mean(0)
    *_, expected = ProximalCG(60).solve(mean, data, LEVEL)
    step = _step(mean, steps=60, inner=6)
    image = _last(step, proposals, data)
    assert torch.equal(image[:3], image[3:])
    assert float((image[:3] - expected).norm() / (mean - expected).norm()) < 0.1


def test_samples_keep_what_they_differ_by(problem, proposals):
    data = scaled(problem, 1.4)
    mean = proposals.reshape(2, 3, 48, 48).mean(0)
    *_, own = ProximalCG(8).solve(proposals, data, LEVEL)
    image = _last(_step(mean, alone=ProximalCG(8)), proposals, data)
    torch.testing.assert_close(image[:3] - image[3:], own[:3] - own[3:], rtol=1e-4, atol=1e-5)


def test_the_published_weight_makes_the_proposal_that_part_of_the_loss(problem, proposals):
    data = scaled(problem, 1.4)
    step = _step(proposals[:3], ratio=1e-3)
    step._x = torch.zeros(3, 48, 48)
    rho = step._rho(proposals[:3], data, LEVEL)
    loss = float((data.misfit(step._x) ** 2).sum())
    assert rho * float(proposals[:3].square().sum()) == pytest.approx(1e-3 * loss, rel=1e-4)


@pytest.mark.parametrize("field", ["siren", "naf", "gaussians"])
def test_resumed_runs_end_bit_equal(field, problem, weights):
    method = get_method("dinr")
    options = method.options(prior=weights, samples=2, field=field, width=16, layers=2, **SHORT)
    *_, expected = method.run(problem, options)
    for estimate in method.run(problem, options):
        if estimate.step == 2 and estimate.state is not None:
            break
    state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    *_, last = method.run(replace(problem, state=state), options)
    assert torch.equal(last.volume, expected.volume)
    assert last.step == last.total == 4


def test_the_published_settings_end_with_the_field_and_fit_the_data(problem, weights):
    method = get_method("dinr-paper")
    *_, last = method.run(problem, method.options(prior=weights, **PAPER))
    assert last.step == last.total == 4 and not last.extra
    assert last.scalars["data_residual"] < 0.3


def test_slices_hang_together_and_the_field_takes_memory():
    dinr, d3ip = get_method("dinr"), get_method("d3ip")
    assert dinr.neighbours(dinr.options()) is None and d3ip.neighbours(d3ip.options()) == 4
    assert dinr.held(dinr.options())[0] > d3ip.held(d3ip.options())[0]
    size = Size(4, 16, 128, 128)
    wide, narrow = (dinr.beside(dinr.options(field="siren", width=w), size) for w in (256, 64))
    assert wide > narrow > d3ip.beside(d3ip.options(), size)
