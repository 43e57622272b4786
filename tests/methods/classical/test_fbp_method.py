from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.errors import ScanError
from fewview.methods import get_method
from fewview.methods.classical.fbp import bridge


@pytest.mark.parametrize(("name", "theirs"), [("ram-lak", "ram-lak"), ("shepp-logan", "shepp-logan"), ("hann", "hann")])
@pytest.mark.parametrize("pixel", [1.0, 0.1])
def test_fbp_is_that_of_astra(name, theirs, pixel, make_problem, solve):
    astra = pytest.importorskip("astra", exc_type=ImportError)
    problem = make_problem(views=90, pixel=pixel)
    beam = astra.create_proj_geom("parallel", 1.0, 64, problem.operator.angles)
    grid = astra.create_vol_geom(64, 64)
    projector = astra.create_projector("linear", beam, grid)
    data = [astra.data2d.create("-sino", beam, problem.data[0].numpy()), astra.data2d.create("-vol", grid)]
    config = astra.astra_dict("FBP")
    config.update(ProjectorId=projector, ProjectionDataId=data[0], ReconstructionDataId=data[1], FilterType=theirs)
    solver = astra.algorithm.create(config)
    astra.algorithm.run(solver)
    expected = astra.data2d.get(data[1]) / pixel
    astra.algorithm.delete(solver)
    astra.data2d.delete(data)
    astra.projector.delete(projector)
    ours = solve("fbp", problem, filter=name).volume[0].numpy()
    assert np.sqrt(np.mean((ours - expected) ** 2)) < 0.02 * np.ptp(expected)
    assert np.linalg.norm(ours - expected) < 0.02 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["astra-fbp", "astra-sirt", "astra-cgls"])
@pytest.mark.parametrize("axis", [31.5, 30.0, 33.3])
def test_methods_of_astra_keep_axis_and_unit(name, axis, make_problem, solve):
    if get_method(name).missing() is not None:
        pytest.skip(get_method(name).missing())
    problem = make_problem(views=90, pixel=0.1, axis=axis, slices=2)
    options = {} if name == "astra-fbp" else {"iterations": 30}
    own = solve({"astra-fbp": "fbp", "astra-sirt": "sirt", "astra-cgls": "cgls"}[name], problem, **options).volume
    other = solve(name, problem, **options).volume
    assert float((own - other).norm() / own.norm()) < (0.05 if name == "astra-fbp" else 0.1)


@pytest.mark.parametrize("name", ["astra-fbp", "astra-sirt", "astra-cgls"])
def test_methods_of_astra_bridge_what_is_unusable(name, make_problem, solve):
    if get_method(name).missing() is not None:
        pytest.skip(get_method(name).missing())
    options = {} if name == "astra-fbp" else {"iterations": 20}
    problem = make_problem(views=30, slices=2)
    whole = solve(name, problem, **options).volume.clone()
    weights = torch.ones_like(problem.data)
    weights[..., 40] = 0
    weights[1, 7] = 0  # a view of one slice
    data = torch.where(weights > 0, problem.data, torch.full_like(problem.data, torch.nan))
    holed = solve(name, replace(problem, data=data, weights=weights), **options).volume
    assert float((holed - whole).norm() / whole.norm()) < 0.1


def test_cgls_of_astra_ends_where_nothing_is_left_to_explain(make_problem, solve):
    if get_method("astra-cgls").missing() is not None:
        pytest.skip(get_method("astra-cgls").missing())
    last = solve("astra-cgls", make_problem(views=1), iterations=50)
    assert bool(torch.isfinite(last.volume).all()) and last.volume.max() > 0 and last.step == last.total
    assert last.scalars["data_residual"] < 0.01


def test_positivity_and_smoother_filters(make_problem, solve):
    problem = make_problem(noise=0.05)
    plain = solve("fbp", problem).volume.clone()
    assert plain.min() < 0 <= solve("fbp", problem, positivity=True).volume.min()
    spread = [
        float(solve("fbp", problem, filter=f).volume[0, :8].std()) for f in ("ram-lak", "shepp-logan", "cosine", "hann")
    ]
    assert spread == sorted(spread, reverse=True)


def test_holes_are_bridged_linearly():
    y = torch.tensor([[[9.0, 1.0, 9.0, 9.0, 4.0, 9.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [7.0] * 6]])
    usable = torch.tensor([[[0, 1, 0, 0, 1, 0], [1] * 6, [0] * 6]], dtype=torch.bool)
    expected = [[[1.0, 1.0, 2.0, 3.0, 4.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [7.0] * 6]]
    assert bridge(y, usable).tolist() == expected


def test_a_slice_without_any_usable_pixel_is_named(make_problem, solve):
    problem = make_problem()
    with pytest.raises(ScanError, match="no usable pixel"):
        solve("fbp", replace(problem, weights=torch.zeros_like(problem.data)))


def test_values_that_are_not_numbers_are_named(make_problem, solve):
    problem = make_problem()
    problem.data[0, 3, 3] = float("nan")
    with pytest.raises(ScanError, match="not numbers"):
        solve("sirt", problem)
