"""Parts of the samplers: the gradient through the network, chains, particles, and runs that are resumed."""

from dataclasses import replace

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.denoiser import Denoiser
from fewview.methods.diffusion.renoise import ddim
from fewview.methods.diffusion.samplers.draws import Chain, DrawnStep
from fewview.methods.diffusion.samplers.particles import Particles
from fewview.methods.diffusion.schedule import ladder
from fewview.methods.inverse.gaussian import GaussianStep
from fewview.methods.inverse.normalised import scaled
from fewview.methods.slices import SliceNoise
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import WeightsError, save_network

SAMPLERS = ("dps", "pigdm", "diffpir", "diffusion-mbir", "daps", "dpnp", "fps-smc")


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=8, grid=32, slices=2, noise=0.01, pixel=0.05), seed=3)


def test_the_gradient_through_the_network_is_the_derivative(problem):
    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16, slices=3))
    torch.nn.init.normal_(prior.net.head.weight, std=0.05)
    denoiser = Denoiser.of(prior.double(), 3)
    data = scaled(problem, 1.0)
    x_t, cotangent, towards = torch.randn(3, 6, 16, 16, dtype=torch.float64)  # two copies, turned apart
    found = (denoiser.pulled(x_t, 0.6, data, cotangent) * towards).sum()
    ahead, behind = (denoiser.all(x_t + k * 1e-4 * towards, 0.6, data)[0] for k in (1, -1))
    assert float(found) == pytest.approx(float((cotangent * (ahead - behind)).sum() / 2e-4), rel=1e-4)


class Shrinks:
    """The mean of pixels of variance 1 given them with white noise."""

    def all(self, x_t, abar, data):
        x0 = abar**0.5 * x_t
        return x0, (x_t - abar**0.5 * x0) / (1 - abar) ** 0.5


def test_a_chain_draws_from_the_prior_behind_a_noisy_image_and_without_noise_moves_its_quantiles(problem):
    data, x = scaled(problem, 1.0), torch.full((400, 16, 16), 1.5)
    abar = 0.5  # noise as large as the pixels: mean and variance of a pixel are half of what is seen, and a half
    drawn, _ = Chain(Shrinks(), 200, 0.02, SliceNoise(1, 1)).all(x * abar**0.5, abar, data)
    assert drawn.mean() == pytest.approx(0.75, abs=0.02) and drawn.var() == pytest.approx(0.5, abs=0.03)
    moved, eps = Chain(Shrinks(), 60, 0.02).all(x * abar**0.5, abar, data)
    assert moved.mean() == pytest.approx(1.5 / 2**0.5, abs=0.03) and moved.std() < 1e-5
    assert torch.allclose(abar**0.5 * moved + (1 - abar) ** 0.5 * eps, x * abar**0.5, atol=1e-5)


def test_particles_that_foresee_the_data_go_on(problem):
    data = replace(scaled(problem, 1.0), noise=1e-3)
    levels = ladder(5, 0.05, 0.01)
    particles = Particles(GaussianStep.of(data), SliceNoise(0, 2), ddim(1.0), 3, levels[0].sigma)
    right = GaussianStep.of(data).mean(torch.zeros(2, 32, 32), 1e-4)
    states = torch.cat([torch.zeros_like(right), right, torch.ones_like(right)]) * levels[0].abar_next ** 0.5
    heard = particles.heard(states, data, levels[0])
    for copy in heard.reshape(3, 2, 32, 32) / levels[0].abar_next ** 0.5:
        assert (copy - right).square().mean() < 0.05**2


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_resumed_run_ends_bit_equal_and_fits_the_data(name, problem, weights):
    method = get_method(name)
    options = method.options(prior=weights, steps=4, samples=2, scale=1.5)
    estimates = list(method.run(problem, options))
    last, state = estimates[-1], None
    assert last.step == last.total == 4 and last.extra["std"].max() > 0
    assert last.scalars["data_residual"] < 0.35
    for estimate in method.run(problem, options):
        if estimate.step == 2 and estimate.state is not None:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
            break
    *_, again = method.run(replace(problem, state=state), options)
    assert torch.equal(again.volume, last.volume) and torch.equal(again.extra["std"], last.extra["std"])


def test_a_draw_about_an_image_that_has_heard_the_data_does_not_hear_them_again(problem):
    data, step = scaled(problem, 1.0), GaussianStep.of(scaled(problem, 1.0))
    image = torch.full((400, 32, 32), 0.3)
    draws = [
        next(DrawnStep(step, SliceNoise(1, 2), lambda _: 0.2, heard=heard).solve(image, data, ladder(1, 1, 1)[0]))
        for heard in (True, False)
    ]
    about, pulled = (draw.reshape(200, 2, 32, 32) for draw in draws)
    assert (about.mean(dim=0) - 0.3).square().mean() < 1.5 * about.var(dim=0).mean() / 200
    assert (pulled.mean(dim=0) - 0.3).square().mean() > 5 * pulled.var(dim=0).mean() / 200
    assert torch.allclose(about.var(dim=0), pulled.var(dim=0), atol=1e-4)


@pytest.fixture
def knowing(tmp_path):
    """Weights of a small network that knows the measurement."""
    torch.manual_seed(0)
    shape = {"stages": 2, "early": (8, 8), "last": (8, 8), "early_blocks": (1, 1), "last_blocks": (1, 1)}
    save_network(Unrolled(UnrolledConfig(**shape)), path := tmp_path / "knowing.safetensors", {})
    return str(path)


@pytest.mark.parametrize(("name", "calls"), [("daps", 4), ("dpnp", 12)])
def test_a_network_that_knows_the_measurement_draws(name, calls, problem, knowing):
    method = get_method(name)
    more = {"chain": 3} if name == "dpnp" else {}
    options = method.options(prior=knowing, steps=4, samples=3, scale=1.5, **more)
    *_, last = method.run(problem, options)
    assert last.scalars["network_calls"] == calls and last.extra["std"].max() > 0
    assert last.scalars["data_residual"] < 0.35
    state = next(e.state for e in method.run(problem, options) if e.step == 2 and e.state is not None)
    *_, again = method.run(replace(problem, state=state), options)
    assert torch.equal(again.volume, last.volume)


def test_only_samplers_that_count_the_data_once_take_it(problem, knowing):
    method = get_method("pigdm")
    with pytest.raises(WeightsError, match="no diffusion prior"):
        list(method.run(problem, method.options(prior=knowing, steps=2, samples=1, scale=1.5)))


def test_network_calls_are_counted(problem, weights):
    for name, calls in (("dpnp", 12), ("daps", 2)):
        method = get_method(name)
        more = {"chain": 6} if name == "dpnp" else {}
        *_, last = method.run(problem, method.options(prior=weights, steps=2, samples=1, scale=1.5, **more))
        assert last.scalars["network_calls"] == calls


def test_nothing_there(problem):
    method = get_method("daps")
    *_, last = method.run(replace(problem, data=torch.zeros_like(problem.data)), method.options())
    assert last.volume.abs().max() == 0
