from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods import Problem, get_method
from fewview.methods.classical.chambolle_pock import TVProblem, iterate
from fewview.methods.classical.directions import across, directions
from fewview.operators import parallel_beam
from fewview.quality import psnr
from fewview.simulate import Simulation, simulate

VALIDATION = 150_001


@pytest.fixture(scope="module")
def pair():
    """A slice of a microstructure: 16 neutron views, its X-ray volume, the truth."""
    sample = simulate(Simulation(size=64, depth=8, views=16, seed=VALIDATION, xray_views=2))
    flat = (sample.neutron.flats - sample.neutron.darks).mean(0)
    transmission = np.clip(sample.neutron.projections / flat, 1e-3, None).swapaxes(0, 1)[3:4]
    A = parallel_beam(sample.neutron.angles, columns=64, pixel=sample.pixel)
    lines = torch.as_tensor(-np.log(transmission), dtype=torch.float32)
    weights = torch.as_tensor(transmission / transmission.mean(), dtype=torch.float32)
    xray = torch.as_tensor(sample.truth_xray[3:4])
    return Problem(A, lines, weights, xray), sample.truth_neutron[3:4]


@pytest.mark.parametrize("along_z", [0.0, 0.7])
def test_the_directed_gradient_and_its_adjoint(along_z, make_problem):
    rng = torch.Generator().manual_seed(0)
    guide, x = torch.rand(2, 4, 9, 9, generator=rng, dtype=torch.float64)
    q = torch.rand(3 if along_z else 2, 4, 9, 9, generator=rng, dtype=torch.float64)
    xi = 0.9 * directions(guide, 0.3, along_z)
    problem = TVProblem(make_problem(), 1e-3, along_z, directions=xi)
    forward, back = problem.gradient(x), problem.gradient_adjoint(q)
    assert float((forward * q).sum()) == pytest.approx(float((x * back).sum()), rel=1e-12)
    assert float(torch.linalg.vector_norm(across(q, xi))) <= float(torch.linalg.vector_norm(q))


def test_edges_of_the_guide_cost_nothing_and_others_their_full_length():
    ramp = torch.arange(9.0).expand(1, 9, 9)
    xi = directions(ramp, 1e-3)
    along, other = torch.zeros(2, 2, 1, 9, 9)
    along[1], other[0] = 1, 1
    inner = (slice(None), slice(None), slice(None), slice(None, -1))
    assert float(across(along, xi)[inner].abs().max()) < 1e-4
    assert torch.equal(across(other, xi), other)


def test_directions_take_no_side_where_the_guide_is_flat():
    guide = torch.zeros(2, 8, 8)
    guide[0, :, 4:] = 5.0
    xi = directions(guide, 0.1)
    assert not bool(xi[:, 1].any())  # a whole flat slice
    lengths = torch.linalg.vector_norm(xi[:, 0], dim=0)
    assert bool((lengths[:, 3] > 0.9).all()) and float(lengths[:, :3].max()) == 0
    torch.testing.assert_close(directions(100 * guide, 0.1), xi)  # the unit of the X-ray volume does not matter


@pytest.mark.parametrize("guide", ["flat", "off"])
def test_without_directions_it_is_tv(guide, pair, solve):
    problem, _ = pair
    if guide == "flat":
        problem = replace(problem, auxiliary=torch.full_like(problem.auxiliary, 0.3))
    gamma = 1.0 if guide == "flat" else 0.0
    plain = solve("tv", problem, weight=3e-3, iterations=30).volume
    directed = solve("dtv", problem, weight=3e-3, iterations=30, gamma=gamma, eta=0.3).volume
    torch.testing.assert_close(directed, plain, rtol=1e-5, atol=1e-6)


def test_the_objective_falls_to_that_of_a_long_run(pair):
    problem, _ = pair
    formulated = TVProblem(problem, 5e-3, directions=directions(problem.auxiliary, 0.3))
    *_, short = iterate(formulated, get_method("dtv").options().iterations)
    *_, reference = iterate(formulated, 1500)
    assert short.figures()[0] <= reference.figures()[0] * (1 + 1e-3)


def test_the_right_xray_helps_and_a_wrong_one_does_not_harm(pair, solve):
    problem, truth = pair
    plain = psnr(solve("tv", problem, iterations=150).volume, truth)
    right = solve("dtv", problem, iterations=150)
    assert psnr(right.volume, truth) > plain + 0.5
    assert right.chosen["gamma"] > 0 and right.chosen["weight"] > 0 and right.chosen["eta"] > 0
    turned = replace(problem, auxiliary=problem.auxiliary.transpose(1, 2).flip(1).contiguous())
    assert psnr(solve("dtv", turned, iterations=150).volume, truth) > plain - 0.2


def test_what_is_given_is_not_chosen(pair, solve):
    problem, _ = pair
    estimate = solve("dtv", problem, weight=4e-3, eta=0.2, iterations=10)
    assert set(estimate.chosen) == {"gamma"}
    assert (estimate.scalars["weight"], estimate.scalars["eta"]) == (4e-3, 0.2)


def test_resumed_after_a_choice_it_ends_bit_equal(pair, solve):
    problem, _ = pair
    method = get_method("dtv")
    options = method.options(weight=4e-3, iterations=12)
    for estimate in method.run(problem, options):
        if estimate.stage == "iterating" and estimate.step == 5:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    *_, resumed = method.run(replace(problem, state=state), options)
    assert torch.equal(resumed.volume, estimate.volume)
    assert resumed.chosen == estimate.chosen


def test_without_an_xray_volume_it_says_so(make_problem):
    method = get_method("dtv")
    assert method.needs == {"aux"}
    with pytest.raises(OptionError, match="--aux"):
        next(method.run(make_problem(), method.options()))
