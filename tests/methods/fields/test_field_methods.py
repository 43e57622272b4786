"""The methods that fit a field: values in 1/mm from an analytic sinogram upwards, resume, masks, stop."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.errors import Stopped
from fewview.methods import Problem, get_method
from fewview.operators import fan_beam
from fewview.quality import psnr
from fewview.runs.kept import remarks

# As in the parallel problem: X, Y and radius in voxels, and value.
DISKS = ((6.0, -4.0, 17.0, 1.0), (-9.0, 12.0, 6.0, 0.5), (12.0, -10.0, 4.0, -0.4))
# Few steps, a fixed smoothness: short, and still right.
SHORT = {
    "inr": {"steps": 8, "width": 32, "layers": 2, "smoothness": 1e-4, "rate": 3e-3},
    "naf": {"steps": 60, "smoothness": 1e-4},
    "r2gaussian": {"steps": 60, "smoothness": 1e-4},
}
TINY = {name: {**values, "steps": 4} for name, values in SHORT.items()}


def fan_problem(views=64, columns=64, pitch=0.075, sod=60.0, sdd=90.0):
    """The disks of the parallel problem, by their chords along the rays of a fan; voxels of 0.05 mm."""
    angles = np.linspace(0, 2 * np.pi, views, endpoint=False)
    A = fan_beam(angles, columns=columns, pixel=pitch, sod=sod, sdd=sdd)
    voxel = pitch * sod / sdd
    across = np.stack([np.cos(angles), np.sin(angles)], 1)[:, None]
    along = np.stack([-np.sin(angles), np.cos(angles)], 1)[:, None]
    u = ((np.arange(columns * 8) - 3.5) / 8 - (columns - 1) / 2)[None, :, None] * pitch
    d = sdd * along + u * across
    d /= np.linalg.norm(d, axis=2, keepdims=True)
    data = np.zeros((views, columns))
    for x, y, radius, value in DISKS:
        q = voxel * np.array([x, y]) + sod * along
        apart = q[..., 0] * d[..., 1] - q[..., 1] * d[..., 0]
        chord = 2 * np.sqrt(np.clip((voxel * radius) ** 2 - apart**2, 0, None)) * value
        data += chord.reshape(views, columns, 8).mean(2)
    return Problem(A, torch.tensor(data[None], dtype=torch.float32))


@pytest.mark.parametrize("beam", ["parallel", "fan"])
@pytest.mark.parametrize("name", SHORT)
def test_a_disk_comes_out_right_from_its_exact_line_integrals(name, beam, make_problem, solve, truth):
    problem = make_problem(views=64, pixel=0.05) if beam == "parallel" else fan_problem()
    volume = solve(name, problem, **SHORT[name]).volume[0].numpy()
    x, y = np.meshgrid(np.arange(64) - 31.5, 31.5 - np.arange(64))
    inside = (np.hypot(x - 6, y + 4) < 13) & (np.hypot(x - 12, y + 10) > 8)
    assert float(volume[inside].mean()) == pytest.approx(1.0, abs=0.01)
    assert psnr(volume[None], truth[None]) > 30


@pytest.mark.parametrize("name", SHORT)
def test_resumed_runs_end_bit_equal(name, make_problem):
    method = get_method(name)
    problem = make_problem(views=12, grid=32, slices=2, noise=0.02)
    options = method.options(**{**SHORT[name], "steps": 12, "start": "fbp"})
    *_, expected = method.run(problem, options)
    state = None
    # From step 10 on, the Gaussians are others.
    for stage, stop in (("starting image", 0), ("field", 3), ("field", 11), ("all pixels", 1)):
        for estimate in method.run(replace(problem, state=state), options):
            if estimate.state is not None and stage in estimate.stage and estimate.step >= stop:
                break
        state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    *_, last = method.run(replace(problem, state=state), options)
    assert torch.equal(last.volume, expected.volume)
    assert last.step == last.total


@pytest.mark.parametrize("name", TINY)
def test_what_lies_under_weight_zero_does_not_matter(name, make_problem, solve):
    problem = make_problem(views=12, grid=32, noise=0.01)
    weights = torch.ones_like(problem.data)
    weights[:, 3, :], weights[:, :, 20] = 0, 0
    clean = solve(name, replace(problem, weights=weights), **TINY[name]).volume.clone()
    data = torch.where(weights > 0, problem.data, torch.full_like(problem.data, float("nan")))
    again = solve(name, replace(problem, data=data, weights=weights), **TINY[name]).volume
    assert torch.equal(again, clean)


@pytest.mark.parametrize("name", TINY)
def test_empty_data_give_an_empty_image(name, make_problem, solve):
    problem = make_problem(views=8, grid=32)
    assert solve(name, replace(problem, data=torch.zeros_like(problem.data)), **TINY[name]).volume.abs().max() == 0


def test_it_stops_where_held_out_pixels_are_predicted_worse(make_problem):
    method = get_method("naf")
    problem = make_problem(views=10, grid=32, noise=0.1)
    options = method.options(steps=400, smoothness=0.0, start="fbp")
    run = list(method.run(problem, options))
    fitted = [e for e in run if e.stage == "fitting the field" and e.state is not None]
    errors = [error for _, error in fitted[-1].chosen["steps_curve"]]
    assert len(fitted) < 400
    assert min(errors) < errors[-1]
    assert "ended_early" not in fitted[-1].chosen
    assert run[-1].chosen["ended_early"] == (
        f"The fit ended after {len(fitted)} of 400 steps, because held-out pixels were no longer predicted better."
    )
    assert remarks(run[-1].chosen) == []  # it is the rule without a budget
    assert remarks({"within_budget": "The budget.", **run[-1].chosen})[1].startswith("The fit ended")


@pytest.mark.parametrize(("name", "iterations"), [("naf", 100), ("diffnr-naf", 100), ("r2gaussian", 600), ("inr", 600)])
def test_only_fields_that_hang_on_their_start_wait_until_it_has_come_to_rest(name, iterations, make_problem):
    method, problem = get_method(name), make_problem(views=12, grid=24)
    options = method.options(smoothness=1e-4, scale=1.0, start_iterations=10)
    assert next(iter(method.solve(problem, options))).total == iterations


@pytest.mark.parametrize("name", SHORT)
def test_a_field_that_predicts_worse_than_its_start_says_so(name, make_problem, solve):
    """A single bright voxel, far above all that such a field reaches in a few steps."""
    problem = make_problem(views=12, grid=24)
    volume = torch.zeros(1, 24, 24)
    volume[0, 9, 14] = 1
    spike = replace(problem, data=problem.operator(volume))
    (said,) = remarks(solve(name, spike, **TINY[name]).chosen)
    assert said.startswith("The `tv` volume that the field began at predicts held-out pixels with an error that is ")


@pytest.mark.parametrize("name", SHORT)
def test_a_field_that_predicts_better_than_its_start_does_not(name, make_problem, solve):
    chosen = solve(name, make_problem(views=20, grid=32), **{**SHORT[name], "start": "fbp", "steps": 25}).chosen
    assert remarks(chosen) == []


def test_what_a_resumed_run_says_of_its_start_is_what_the_whole_run_says(make_problem):
    method, problem = get_method("r2gaussian"), make_problem(views=12, grid=24)
    options = method.options(**{**TINY["r2gaussian"], "count": 4, "steps": 12})
    run = list(method.run(problem, options))
    ending = next(e for e in run if e.stage == "fitting with all pixels" and e.state is not None)
    *_, again = method.run(replace(problem, state=ending.state), options)
    assert again.chosen["behind_start"] == run[-1].chosen["behind_start"]


def test_the_error_of_its_own_held_out_pixels_is_relative_and_goes_by_a_name_of_its_own(make_problem, solve):
    problem = make_problem(views=20, grid=32)
    large = replace(problem, data=100 * problem.data)
    told, of_large = (solve("naf", one, **SHORT["naf"]).scalars for one in (problem, large))
    assert "heldout_error" not in told
    assert 0 < told["own_error"] < 0.5
    assert of_large["own_error"] == pytest.approx(told["own_error"], rel=0.2)


def test_the_stop_flag_ends_a_fit(make_problem):
    method = get_method("r2gaussian")
    problem = make_problem(views=8, grid=32, slices=2)
    runs = method.run(problem, method.options(**TINY["r2gaussian"]))
    for estimate in runs:
        if estimate.stage == "fitting the field":
            break

    def stop():
        raise Stopped

    problem.operator.on_chunk = stop
    with pytest.raises(Stopped):
        next(runs)


def test_slices_are_coupled_and_the_start_is_the_users(make_problem, solve):
    method = get_method("naf")
    assert method.neighbours(method.options()) is None
    problem = make_problem(views=8, grid=32, slices=2, noise=0.02)
    starts = {start: solve("naf", problem, **{**TINY["naf"], "start": start}).volume for start in ("fbp", "tv")}
    assert not torch.equal(starts["fbp"], starts["tv"])


def test_denormal_numbers_are_left_as_they_were(make_problem, solve):
    solve("naf", make_problem(views=8, grid=32), **TINY["naf"])
    assert float(torch.tensor(1e-40) * 1.0) > 0


@pytest.mark.parametrize("name", TINY)
def test_a_field_is_shown_finer_and_is_the_same_field(name, make_problem):
    problem = make_problem(views=12, grid=32, slices=2, noise=0.01)
    method = get_method(name)
    *_, last = method.run(problem, method.options(**{**TINY[name], "finer": 2}))
    fine = last.extra["finer"]
    assert fine.shape == (4, 64, 64)
    means = fine.reshape(2, 2, 32, 2, 32, 2).mean(dim=(1, 3, 5))
    assert float((means - last.volume).norm() / last.volume.norm()) < 0.15
    assert method.held(method.options(finer=4))[0] > method.held(method.options())[0] + 64
