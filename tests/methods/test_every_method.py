"""What holds for each method: values in 1/mm, rows of the whole, resume, masks, noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.quality import psnr

# Options that keep a method short here, and treat slices apart where it would couple them.
FAST = {
    "fbp": {},
    "sirt": {"iterations": 150},
    "sart": {"iterations": 12},
    "cgls": {"iterations": 15},
    "asd-pocs": {"iterations": 15},
    "tv": {"weight": 1e-4, "iterations": 150},
    "mbir": {"sharpness": 2.0, "iterations": 80, "interslice": 0.0},
}
ITERATIVE = sorted(set(FAST) - {"fbp"})
SHORT = {name: {**values, "iterations": 12} for name, values in FAST.items() if name != "fbp"}


def _inside(image):
    """Mean and spread of the large disk, away from its edge and from the small one inside."""
    x, y = np.meshgrid(np.arange(64) - 31.5, 31.5 - np.arange(64))
    region = (np.hypot(x - 6, y + 4) < 13) & (np.hypot(x - 12, y + 10) > 8)
    return float(image[region].mean()), float(image[region].std())


@pytest.mark.parametrize("name", sorted(FAST))
@pytest.mark.parametrize("pixel", [1.0, 0.05, 7.0])
@pytest.mark.parametrize(("arc", "end"), [(180, False), (180, True), (270, False), (360, False), (360, True)])
def test_a_unit_block_comes_out_as_one_per_mm(name, pixel, arc, end, make_problem, solve):
    problem = make_problem(views=91 if name == "fbp" else 31, pixel=pixel, arc=np.radians(arc), end=end)
    mean, spread = _inside(solve(name, problem, **FAST[name]).volume[0].numpy())
    assert mean == pytest.approx(1.0, abs=0.01 if name == "fbp" else 0.05)
    assert spread < 0.05


@pytest.mark.parametrize("name", sorted(FAST))
def test_some_rows_are_those_rows_of_the_whole(name, make_problem, solve):
    problem = make_problem(slices=4, noise=0.01)
    part = replace(problem, data=problem.data[1:3])
    whole = solve(name, problem, **SHORT.get(name, {})).volume[1:3].clone()
    torch.testing.assert_close(solve(name, part, **SHORT.get(name, {})).volume, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ITERATIVE)
def test_resumed_runs_end_bit_equal(name, make_problem):
    method = get_method(name)
    assert method.resumable
    problem = make_problem(slices=2, noise=0.02)
    options = method.options(**{**FAST[name], "iterations": 30})
    *_, expected = method.run(problem, options)
    state = None
    for stop in (10, 20, 30):
        for estimate in method.run(replace(problem, state=state), options):
            if estimate.step == stop:
                break
        # As a checkpoint does: a copy, since the method goes on in the same memory.
        state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    assert torch.equal(estimate.volume, expected.volume)


def test_fbp_resumes(make_problem, solve):
    method = get_method("fbp")
    problem = make_problem(slices=20)
    first = next(iter(method.run(problem, method.options())))
    assert (first.step, first.total) == (1, 2)
    state = {"volume": first.volume.clone(), "step": 1}
    resumed = list(method.run(replace(problem, state=state), method.options()))
    assert len(resumed) == 1
    assert torch.equal(resumed[0].volume, solve("fbp", problem).volume)


@pytest.mark.parametrize("name", sorted(FAST))
def test_what_lies_under_weight_zero_does_not_matter(name, make_problem, solve, truth):
    problem = make_problem(noise=0.01)
    weights = torch.ones_like(problem.data)
    weights[:, :, 40] = 0
    weights[:, 7] = 0
    weights[:, 3:6, 10:20] = 0
    clean = solve(name, replace(problem, weights=weights), **SHORT.get(name, {})).volume.clone()
    for garbage in (1e6, float("nan"), float("-inf")):
        data = torch.where(weights > 0, problem.data, torch.full_like(problem.data, garbage))
        again = solve(name, replace(problem, data=data, weights=weights), **SHORT.get(name, {})).volume
        assert torch.equal(again, clean)
    # and the holes leave no scar: nearly as good as with all pixels
    whole = solve(name, problem, **SHORT.get(name, {})).volume
    assert psnr(clean[0], truth) > psnr(whole[0], truth) - 1.5


@pytest.mark.parametrize("name", sorted(FAST))
def test_fewer_counts_give_a_worse_but_finite_image(name, make_problem, solve, truth):
    problem = make_problem(pixel=0.05)
    values = []
    for counts in (1e4, 1e3, 1e2):
        rng = np.random.default_rng(7)
        frames = np.maximum(rng.poisson(counts * np.exp(-problem.data.numpy())), 0.5)
        data = torch.tensor(-np.log(frames / counts), dtype=torch.float32)
        weights = torch.tensor(frames / frames.mean(), dtype=torch.float32)
        options = dict(FAST[name])
        if name == "tv":
            options["weight"] = 1e-3
        volume = solve(name, replace(problem, data=data, weights=weights), **options).volume
        assert torch.isfinite(volume).all()
        values.append(psnr(volume[0], truth))
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("name", sorted(FAST))
def test_empty_data_give_an_empty_image(name, make_problem, solve):
    problem = make_problem()
    nothing = replace(problem, data=torch.zeros_like(problem.data))
    assert solve(name, nothing, **SHORT.get(name, {})).volume.abs().max() == 0


@pytest.mark.parametrize("name", sorted(FAST))
def test_the_residual_is_that_of_the_estimate(name, make_problem, solve):
    problem = make_problem(noise=0.05)
    estimate = solve(name, problem, **SHORT.get(name, {}))
    residual = problem.operator(estimate.volume) - problem.data
    assert estimate.scalars["data_residual"] == pytest.approx(float(residual.norm() / problem.data.norm()), rel=1e-3)


@pytest.mark.parametrize("name", sorted(FAST))
def test_the_caller_keeps_its_gradients(name, make_problem):
    method = get_method(name)
    for _ in method.run(make_problem(), method.options(**SHORT.get(name, {}))):
        assert torch.is_grad_enabled()
        break


@pytest.mark.parametrize("name", ["tv", "mbir"])
def test_weights_carry_over_between_units(name, make_problem, solve):
    in_mm = solve(name, make_problem(noise=0.02, pixel=0.05), **SHORT[name]).volume
    per_pixel = solve(name, make_problem(noise=0.02, pixel=1.0), **SHORT[name]).volume
    torch.testing.assert_close(in_mm, per_pixel, rtol=1e-3, atol=1e-3)
