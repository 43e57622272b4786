from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.classical.chambolle_pock import TVProblem, iterate
from fewview.methods.classical.fbp import preview
from fewview.methods.differences import gradient, gradient_adjoint, magnitude
from fewview.quality import psnr


@pytest.mark.parametrize("along_z", [0.0, 0.7])
def test_differences_and_their_adjoint(along_z):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(4, 7, 9, generator=rng, dtype=torch.float64)
    q = torch.rand(3 if along_z else 2, 4, 7, 9, generator=rng, dtype=torch.float64)
    assert float((gradient(x, along_z) * q).sum()) == pytest.approx(float((x * gradient_adjoint(q, along_z)).sum()))


@pytest.mark.parametrize(("weight", "along_z"), [(1e-3, 0.0), (1e-4, 0.0), (1e-3, 1.0)])
def test_objective_is_that_of_a_long_run(weight, along_z, make_problem):
    problem = make_problem(views=20, grid=48, slices=2, noise=0.03)
    formulated = TVProblem(problem, weight, along_z)
    start = {"volume": preview(problem)}
    default = get_method("tv").options.model_fields["iterations"].default
    *_, short = iterate(formulated, default, start)
    # The reference starts from zero: the minimum does not depend on the start.
    *_, reference = iterate(formulated, 2000)
    assert short.figures()[0] <= reference.figures()[0] * (1 + 1e-3)


def test_the_objective_is_what_it_says(make_problem):
    problem = make_problem(slices=2, noise=0.05, pixel=0.2)
    formulated = TVProblem(problem, 1e-3)
    *_, last = iterate(formulated, 5)
    A = problem.operator
    misfit = 0.5 * float(((A(last.x) - problem.data) ** 2).sum())
    roughness = float((formulated.strength() * magnitude(gradient(last.x))).sum())
    assert last.figures()[0] == pytest.approx(misfit + roughness, rel=1e-4)


def test_3d_tv_couples_slices_and_2d_does_not():
    method = get_method("tv")
    assert method.neighbours(method.options()) == 0
    assert method.neighbours(method.options(along_z=0.5)) == 8


def test_3d_tv_beats_2d_tv_on_equal_noisy_slices(make_problem, solve, truth):
    problem = make_problem(views=20)
    rng = torch.Generator().manual_seed(0)
    stack = problem.data.expand(6, -1, -1) + torch.randn(6, *problem.data.shape[1:], generator=rng)
    problem = replace(problem, data=stack)
    flat = solve("tv", problem, weight=5e-3, iterations=150).volume
    deep = solve("tv", problem, weight=5e-3, iterations=150, along_z=1.0).volume
    assert psnr(deep[3], truth) > psnr(flat[3], truth) + 1


@pytest.mark.parametrize("views", [4, 8, 24])
def test_auto_comes_near_the_best_weight(views, make_problem, solve, truth):
    problem = make_problem(views=views, noise=0.05)
    auto = solve("tv", problem, iterations=150)
    best = max(
        psnr(solve("tv", problem, weight=w, iterations=150).volume[0], truth) for w in np.geomspace(1e-4, 1e-1, 13)
    )
    assert psnr(auto.volume[0], truth) > best - 1.0
    assert auto.chosen["weight"] == auto.scalars["weight"] > 0
    weights = [w for w, _ in auto.chosen["weight_curve"]]
    assert weights == sorted(weights) and len(weights) >= 5


def test_auto_keeps_its_choice_when_resumed(make_problem, solve):
    problem = make_problem(views=8, noise=0.05)
    method = get_method("tv")
    stages = []
    for estimate in method.run(problem, method.options(iterations=20)):
        stages.append(estimate.stage)
        if estimate.stage == "iterating" and estimate.step == 10:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    assert stages[0] == "choosing the weight"
    resumed = solve("tv", replace(problem, state=state), iterations=20)
    assert torch.equal(resumed.volume, estimate.volume)
    assert resumed.chosen == estimate.chosen
