from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.inverse.masking import reciprocal


def test_cgls_residual_falls_with_every_step(make_problem):
    method = get_method("cgls")
    problem = make_problem(noise=0.05)
    values = [e.scalars["data_residual"] for e in method.run(problem, method.options(iterations=40))]
    assert all(b <= a * (1 + 1e-5) for a, b in pairwise(values))


def test_cgls_stops_by_itself_earlier_with_more_noise(make_problem, solve):
    few = solve("cgls", make_problem(noise=0.2)).chosen
    many = solve("cgls", make_problem(noise=0.005)).chosen
    assert 1 <= few["iterations"] < many["iterations"]
    curve = few["iterations_curve"]
    assert few["iterations"] <= 1 + min(range(len(curve)), key=curve.__getitem__)


def test_cgls_keeps_its_choice_when_resumed(make_problem, solve):
    problem = make_problem(noise=0.1)
    method = get_method("cgls")
    expected = solve("cgls", problem)
    for estimate in method.run(problem, method.options()):
        if estimate.stage == "iterating":
            break
    state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    resumed = solve("cgls", replace(problem, state=state))
    assert torch.equal(resumed.volume, expected.volume)
    assert resumed.chosen == expected.chosen


def test_cgls_with_positivity_is_not_negative(make_problem, solve, truth):
    problem = make_problem(noise=0.05)
    assert solve("cgls", problem, iterations=20).volume.min() < 0
    assert solve("cgls", problem, iterations=20, positivity=True).volume.min() >= 0


def test_cgls_solves_the_weighted_normal_equations(make_problem, solve):
    problem = make_problem(views=90, grid=24, noise=0.05)
    weights = 0.2 + torch.rand(problem.data.shape, generator=torch.Generator().manual_seed(0))
    A = problem.operator
    x = solve("cgls", replace(problem, weights=weights), iterations=300).volume
    slope = A.T(weights * (A(x) - problem.data))
    assert slope.norm() < 1e-3 * A.T(weights * problem.data).norm()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_solution_is_a_fixed_point_of_sirt(make_problem, weighted):
    problem = make_problem(views=20, grid=32)
    x = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(1))
    weights = 0.2 + torch.rand(problem.data.shape) if weighted else None
    consistent = replace(problem, data=problem.operator(x), weights=weights, state={"volume": x, "step": 0})
    method = get_method("sirt")
    *_, last = method.run(consistent, method.options(iterations=5))
    torch.testing.assert_close(last.volume, x, rtol=0, atol=1e-5)


def test_sirt_does_not_diverge_at_the_largest_relaxation(make_problem):
    problem = make_problem(noise=0.1)
    method = get_method("sirt")
    values = [
        e.scalars["data_residual"]
        for e in method.run(problem, method.options(iterations=60, relaxation=1.99, positivity=False))
    ]
    assert values[-1] < values[10] < 1


def test_grazing_rays_take_no_step():
    sums = torch.tensor([[[0.0, 1e-4, 1.0, 2.0]]])
    assert reciprocal(sums).flatten().tolist() == [0.0, 0.0, 1.0, 0.5]


def test_sart_order_depends_on_the_seed_only(make_problem, solve):
    problem = make_problem(noise=0.05)
    first = solve("sart", problem, iterations=2).volume
    assert torch.equal(first, solve("sart", problem, iterations=2).volume)
    assert not torch.equal(first, solve("sart", replace(problem, seed=1), iterations=2).volume)


def test_sart_in_one_subset_is_sirt(make_problem, solve):
    problem = make_problem(noise=0.05)
    sart = solve("sart", problem, iterations=4, relaxation=1.0, decay=1.0, subset=1000).volume
    torch.testing.assert_close(sart, solve("sirt", problem, iterations=4).volume, rtol=1e-5, atol=1e-6)
