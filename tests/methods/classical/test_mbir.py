import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods import get_method
from fewview.methods.classical.fbp import preview
from fewview.methods.classical.qggmrf import QGGMRF


def _prior(**values):
    return QGGMRF(torch.tensor([[[0.3]]], dtype=torch.float64), **values)


@pytest.mark.parametrize("values", [{}, {"p": 1.5, "T": 2.0}, {"p": 1.1, "q": 1.8}, {"p": 2.0}])
def test_curvature_is_the_derivative_over_the_difference(values):
    prior = _prior(**values)
    d = torch.tensor([-2.0, -0.31, -0.02, 0.05, 0.3, 1.7], dtype=torch.float64).reshape(1, 1, -1)
    h = 1e-6
    slope = (prior.potential(d + h) - prior.potential(d - h)) / (2 * h)
    torch.testing.assert_close(prior.curvature(d) * d, slope, rtol=1e-6, atol=1e-9)


def test_curvature_at_zero_is_its_limit():
    # 2 / (p s^p (T s)^(2 - p)) for q = 2
    expected = 2 / (1.2 * 0.3**1.2 * 0.3**0.8)
    assert float(_prior().curvature(torch.zeros(1, 1, 1, dtype=torch.float64))) == pytest.approx(expected)


@pytest.mark.parametrize("interslice", [0.0, 1.0])
def test_gradient_against_finite_differences(interslice):
    rng = torch.Generator().manual_seed(0)
    prior = _prior(interslice=interslice)
    x = torch.rand(3, 5, 6, generator=rng, dtype=torch.float64)
    direction = torch.rand(3, 5, 6, generator=rng, dtype=torch.float64) - 0.5
    slope, _ = prior.gradient(x)
    h = 1e-6
    expected = (prior.value(x + h * direction) - prior.value(x - h * direction)) / (2 * h)
    assert float((slope * direction).sum()) == pytest.approx(expected, rel=1e-6)


def test_the_parabola_lies_above_the_prior():
    rng = torch.Generator().manual_seed(1)
    prior = _prior()
    x = torch.rand(2, 6, 6, generator=rng, dtype=torch.float64)
    slope, diagonal = prior.gradient(x)
    for size in (0.01, 0.1, 1.0, 5.0):
        step = size * (torch.rand(2, 6, 6, generator=rng, dtype=torch.float64) - 0.5)
        parabola = prior.value(x) + float((slope * step + 0.5 * diagonal * step**2).sum())
        assert prior.value(x + step) <= parabola + 1e-12


def test_the_objective_falls_and_settles(make_problem):
    method = get_method("mbir")
    values = [
        e.scalars["objective"]
        for e in method.run(make_problem(views=20, noise=0.03), method.options(sharpness=1.0, iterations=400))
    ]
    assert values[99] <= values[-1] * (1 + 2e-3)
    assert min(values) >= values[-1] * (1 - 1e-4)


def test_auto_sharpness_falls_with_noise(make_problem, solve):
    noisy = solve("mbir", make_problem(views=20, noise=0.3), iterations=20)
    clean = solve("mbir", make_problem(views=20, noise=0.003), iterations=20)
    assert noisy.chosen["sharpness"] < clean.chosen["sharpness"]
    assert noisy.chosen["sharpness"] == noisy.scalars["sharpness"]


def test_slices_are_coupled_unless_told_otherwise():
    method = get_method("mbir")
    assert method.neighbours(method.options()) == 8
    assert method.neighbours(method.options(interslice=0)) == 0


def test_p_above_q_is_refused():
    with pytest.raises(OptionError, match="larger than q"):
        get_method("mbir").options.parse({"p": 1.9, "q": 1.5})


def test_the_image_is_that_of_svmbir(make_problem, solve, tmp_path):
    svmbir = pytest.importorskip("svmbir")
    problem = make_problem(views=24, grid=32, noise=0.02)
    expected = svmbir.recon(
        np.ascontiguousarray(problem.data.numpy().swapaxes(0, 1)),
        problem.operator.angles + np.pi / 2,
        num_rows=32,
        num_cols=32,
        sharpness=1.0,
        snr_db=30.0,
        weight_type="unweighted",
        max_iterations=300,
        stop_threshold=0.0,
        roi_radius=1e3,  # the whole square
        svmbir_lib_path=str(tmp_path),
        verbose=0,
        num_threads=1,
    )[0, :, ::-1]  # svmbir counts angles from the other axis, and mirrors the image
    ours = solve("mbir", problem, sharpness=1.0, iterations=300).volume[0].numpy()
    assert np.linalg.norm(ours - expected) < 0.05 * np.linalg.norm(expected)
    # and the agreement is not one of two images far from convergence, or of two blank ones
    assert np.linalg.norm(expected) > 0.8 * np.linalg.norm(preview(problem)[0])
