"""The parts of the diffusion loop, each against its definition."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from fewview.errors import Stopped
from fewview.methods.diffusion.adapt import PATIENCE, Adapter
from fewview.methods.diffusion.choices import LowRank, LowRankBiases
from fewview.methods.diffusion.denoiser import Denoiser, stoppable
from fewview.methods.diffusion.renoise import ddim, renoised, slerp
from fewview.methods.diffusion.reuse import Reuse
from fewview.methods.diffusion.schedule import LOWEST, Level, levels
from fewview.methods.interface import Views
from fewview.methods.inverse.consistency import PlainCG, ProximalCG, TVz
from fewview.methods.inverse.normalised import robust_maximum, scaled
from fewview.methods.inverse.proposals import along_z, along_z_adjoint, nonnegative
from fewview.models.prior import DiffusionPrior, clean_vp, linear_alphabar
from fewview.models.symmetries import TURNS, turned, turned_back
from fewview.models.unet import UNetConfig
from fewview.operators import parallel_beam

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)
MIDDLE = Level(0, 2, 0.5, 0.9)


@pytest.fixture
def prior():
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY)
    torch.nn.init.normal_(prior.net.head.weight, std=0.1)  # as after training: the network has a say
    return prior.eval().requires_grad_(False)


@pytest.fixture
def data():
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=16, grid=16, axis=7.5, pixel=0.5)
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(3, 16, 16)
    image[:, 4:12, 5:11] = 1.4
    image[1:, 6:9, 6:9] = 0.3
    y = A(image)
    return scaled(Views(A, y + 0.02 * y.max() * torch.randn(y.shape, generator=generator)), 1.4)


def dense(data):
    """The normalised operator as a matrix."""
    grid = data.operator.grid
    unit = torch.eye(grid**2).reshape(-1, grid, grid)
    return data.forward(unit).reshape(grid**2, -1).T.double().numpy()


def solved(consistency, x0, data, level=MIDDLE):
    *_, x = consistency.solve(x0, data, level)
    return x


def test_levels_are_those_of_dds():
    fifty = levels(50, 980)
    abar = linear_alphabar()
    assert len(fifty) == 50 and fifty[-1].last and not fifty[-2].last
    assert [level.abar for level in fifty[:2]] == pytest.approx([float(abar[980]), float(abar[960])])
    assert all(a.abar_next == b.abar for a, b in pairwise(fifty))
    assert len(levels(50, 10)) == 10  # no more steps than times


def test_levels_in_equal_ratios_end_low():
    sigma = [level.sigma for level in levels(5, 350, "ratio")]
    assert sigma[0] == pytest.approx(levels(1, 350)[0].sigma) and sigma[-1] == pytest.approx(LOWEST)
    assert np.ptp(np.diff(np.log(sigma))) < 1e-6
    assert levels(5, 350, "ratio")[-1].last
    assert len(levels(1, 350, "ratio")) == 1


@pytest.mark.parametrize("eta", [0.0, 0.3, 0.85, 1.0])
def test_noise_of_the_next_level_has_its_variance(eta):
    torch.manual_seed(0)
    clean, eps = torch.zeros(1, 400, 400), torch.randn(1, 400, 400)
    for rule in (slerp(eta), ddim(eta)):
        out = renoised(rule, clean, eps, MIDDLE, lambda: torch.randn(1, 400, 400))
        assert float(out.var()) == pytest.approx(0.1, rel=0.02)
    assert renoised(slerp(eta), eps, eps, Level(1, 2, 0.9, 1.0), lambda: pytest.fail("no noise at the end")) is eps


def test_ddim_with_eta_one_is_ddpm():
    new, old = ddim(1.0)(MIDDLE)
    assert new**2 == pytest.approx((1 - 0.9) / (1 - 0.5) * (1 - 0.5 / 0.9))
    assert slerp(0.0)(MIDDLE) == pytest.approx((0.0, math.sqrt(0.1)))
    assert new**2 + old**2 == pytest.approx(0.1)


def test_the_scaled_measurement_has_unit_norm_and_copies(data):
    assert np.linalg.norm(dense(data), 2) == pytest.approx(1.0, rel=1e-4)
    x = torch.rand(6, 16, 16)
    both, second = data.misfit(x), data.misfit(x[3:])
    assert torch.allclose(both[3:], second, atol=1e-7)
    assert float(data.mean_square(x)) == pytest.approx(float(both.square().mean()), rel=1e-5)


def test_hidden_views_do_not_count(data):
    seen = torch.zeros(12, dtype=torch.bool)
    seen[::3] = True
    part, x = data.only(seen), torch.rand(3, 16, 16)
    assert float(part.mean_square(x)) == pytest.approx(float(data.misfit(x)[:, seen].square().mean()), rel=1e-5)
    assert torch.allclose(part.back, data.adjoint(data.y * seen[None, :, None]), atol=1e-7)


def test_the_maximum_is_robust():
    volume = torch.ones(1, 100, 100)
    volume[0, 0, :5] = 1000.0
    assert robust_maximum(volume) == 1.0


def test_plain_cg_goes_to_least_squares_and_leaves_alone_what_no_view_sees(data):
    x0, matrix = 0.1 * torch.rand(3, 16, 16), dense(data)
    x = solved(PlainCG(200), x0, data)
    slope = data.normal(x) - data.back
    assert float(slope.norm()) < 1e-3 * float((data.normal(x0) - data.back).norm())
    change = (x - x0).reshape(3, -1).double().numpy()
    seen = change @ np.linalg.pinv(matrix) @ matrix
    assert np.linalg.norm(seen - change) < 0.02 * np.linalg.norm(change)


@pytest.mark.parametrize("gamma", [None, 30.0])
def test_proximal_cg_against_the_closed_form(data, gamma):
    x0, matrix = torch.rand(3, 16, 16), dense(data)
    weight = gamma or (math.sqrt(0.5) / data.noise / 2.0) ** 2
    b = x0.reshape(3, -1).double().numpy() + weight * data.y.reshape(3, -1).double().numpy() @ matrix
    expected = np.linalg.solve(np.eye(256) + weight * matrix.T @ matrix, b.T).T
    x = solved(ProximalCG(300, gamma, 2.0), x0, data)
    np.testing.assert_allclose(x.reshape(3, -1).numpy(), expected, atol=2e-3)


def test_trust_may_differ_between_copies(data):
    x0 = torch.rand(3, 16, 16).repeat(2, 1, 1)
    trust = torch.tensor([0.5, 4.0]).repeat_interleave(3)[:, None, None]
    both = solved(ProximalCG(200, None, trust), x0, data)
    for part, alone in ((both[:3], 0.5), (both[3:], 4.0)):
        assert torch.allclose(part, solved(ProximalCG(200, None, alone), x0[:3], data), atol=1e-3)
    assert (both[3:] - x0[3:]).norm() < (both[:3] - x0[:3]).norm()


def test_differences_along_z_keep_samples_apart_and_have_their_adjoint():
    x, q = torch.randn(6, 4, 4), torch.randn(2, 2, 4, 4)
    assert along_z(x, 3).shape == (2, 2, 4, 4)
    assert torch.equal(along_z(x, 3)[1, 0], x[4] - x[3])
    assert float((along_z(x, 3) * q).sum()) == pytest.approx(float((x * along_z_adjoint(q)).sum()), abs=1e-4)


def test_tv_along_z_against_brute_force(data):
    """Subgradient descent on the same objective ends no lower than ADMM does."""
    weight = 3e-3

    def objective(x):
        return 0.5 * data.misfit(x).square().sum() + weight * along_z(x, 3).abs().sum()

    admm = TVz(3, rho=0.05 / data.noise**2, weight=weight / data.noise**2, iterations=20)
    x = torch.zeros(3, 16, 16)
    for _ in range(60):
        x = solved(admm, x, data)
    brute = torch.zeros(3, 16, 16, requires_grad=True)
    optimizer = torch.optim.Adam([brute], lr=2e-2)
    for k in range(400):
        optimizer.param_groups[0]["lr"] = 2e-2 * (1 - k / 400)
        optimizer.zero_grad()
        objective(brute).backward()
        optimizer.step()
    reached, wanted = float(objective(x)), float(objective(brute.detach()))
    assert reached <= 1.01 * wanted
    plain = float(objective(solved(PlainCG(200), torch.zeros(3, 16, 16), data)))
    assert reached < 0.95 * plain  # the term does something here


def test_what_admm_carries_comes_back(data):
    one, x = TVz(3), torch.rand(3, 16, 16)
    solved(one, x, data)
    other = TVz(3)
    other.restore(one.state())
    assert torch.equal(solved(one, x, data), solved(other, x, data))
    assert not torch.equal(solved(TVz(3), x, data), solved(one, x, data))


def test_a_denoiser_works_on_a_copy_and_slice_by_slice(prior, data):
    denoiser = Denoiser.of(prior, 3)
    assert denoiser.prior is not prior
    x_t = torch.randn(6, 16, 16)
    x0, eps = denoiser.all(x_t, 0.5, data)
    first = clean_vp(prior, x_t[:3, None], 0.5)[:, 0]
    second = clean_vp(prior, x_t[3:, None].rot90(1, (-2, -1)), 0.5)[:, 0].rot90(-1, (-2, -1))
    assert torch.allclose(x0, torch.cat([first, second]), atol=1e-5)
    assert torch.allclose(math.sqrt(0.5) * x0 + math.sqrt(0.5) * eps, x_t, atol=1e-5)


def test_eight_samples_see_the_eight_symmetries_and_their_mean_has_no_orientation(prior, data):
    image = torch.arange(16.0).reshape(4, 4)
    seen = [turned(image, k) for k in range(TURNS)]
    assert len({tuple(view.flatten().tolist()) for view in seen}) == TURNS == 8
    assert all(torch.equal(turned_back(view, k), image) for k, view in enumerate(seen))
    assert torch.equal(seen[0], image)

    denoiser, x = Denoiser.of(prior, 1), torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))

    def mean(x):
        return denoiser.all(x.repeat(8, 1, 1), 0.5, data)[0].mean(dim=0)

    turned_first = mean(x.rot90(1, (1, 2)).flip(2))
    torch.testing.assert_close(turned_first, mean(x).rot90(1, (0, 1)).flip(1), atol=1e-4, rtol=1e-4)
    alone = denoiser.all(x, 0.5, data)[0][0]
    assert not torch.allclose(alone, mean(x), atol=1e-3)


def test_neighbours_are_of_the_same_sample():
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY.model_copy(update={"slices": 3}))
    x_t = torch.arange(6.0)[:, None, None].expand(6, 8, 8)
    near = Denoiser.of(prior, 3).neighbourhood(x_t, torch.arange(6))[:, :, 0, 0]
    assert near.tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2], [3, 3, 4], [3, 4, 5], [4, 5, 5]]


def test_few_calls_are_spread_evenly():
    fifty = levels(50, 980)
    reuse, asked = Reuse(8), []
    for level in fifty:
        if reuse.due(level):
            asked.append(level.index)
            reuse.remember(torch.zeros(1, 2, 2))
    assert len(asked) == 8 and asked[0] == 0
    assert set(np.diff(asked)) <= {6, 7}
    x0, eps = reuse.again(torch.ones(1, 2, 2), MIDDLE)
    assert torch.equal(eps, torch.zeros(1, 2, 2)) and x0[0, 0, 0] == pytest.approx(1 / math.sqrt(0.5))


@pytest.mark.parametrize("held_out", [False, True])
def test_adaptation_lowers_the_loss_and_leaves_the_network_alone(prior, data, held_out):
    before = {name: value.clone() for name, value in prior.state_dict().items()}
    settings = LowRankBiases(inner=40, slices=0, rate=1e-2, held_out=held_out)
    denoiser = Denoiser.of(prior, 3)
    adapter = Adapter(settings, denoiser, PlainCG(1), torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    losses = [progress.loss for progress in adapter.adapt(torch.randn(3, 16, 16), data, MIDDLE)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    after = prior.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(p.requires_grad for p in prior.parameters())


def test_the_base_network_gives_the_direction_when_asked(prior, data):
    settings = LowRank(inner=5, slices=0, rate=1e-2, direction="base", held_out=False)
    denoiser = Denoiser.of(prior, 3)
    adapter = Adapter(settings, denoiser, PlainCG(1), torch.Generator().manual_seed(0))
    x_t = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
    list(adapter.adapt(x_t, data, MIDDLE))
    adapted = denoiser.all(x_t, 0.5, data)[1]
    base = (x_t - math.sqrt(0.5) * clean_vp(prior, x_t[:, None], 0.5)[:, 0]) / math.sqrt(0.5)
    assert torch.allclose(adapter.direction(x_t, adapted, data, MIDDLE), base, atol=1e-5)
    assert not torch.allclose(adapted, base, atol=1e-3)


def test_scd_adapts_now_and_then_and_at_the_end(prior):
    adapter = Adapter(LowRankBiases(every=20, last=4), Denoiser.of(prior, 3), PlainCG(1), torch.Generator())
    due = [level.index for level in levels(100, 990) if adapter.due(level)]
    assert due == [0, 20, 40, 60, 80, 96, 97, 98, 99]


def test_held_out_views_undo_and_end_an_adaptation_that_does_harm(prior, data):
    """At an absurd learning rate every step is for the worse: the network stays as it was, and soon is left alone."""
    denoiser = Denoiser.of(prior, 3)
    settings = LowRankBiases(inner=2, slices=0, rate=30.0, held_out=True)
    adapter = Adapter(settings, denoiser, PlainCG(1), torch.Generator().manual_seed(0))
    x_t = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
    for _ in range(PATIENCE):
        assert adapter.due(MIDDLE)
        list(adapter.adapt(x_t, data, MIDDLE))
    assert not adapter.due(MIDDLE)
    expected = clean_vp(prior, x_t[:, None], 0.5)[:, 0]
    assert torch.allclose(denoiser.all(x_t, 0.5, data)[0], expected, atol=1e-5)


def test_positivity_costs_the_data_nothing():
    """Clipping adds what noise took below zero; the projection gives it back elsewhere."""
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=32)
    torch.manual_seed(0)
    across = torch.arange(32) - 15.5
    disc = (across[:, None] ** 2 + across**2 < 60).float()[None]
    data = scaled(Views(A, A(disc)), 1.0)
    image = disc + 0.2 * torch.randn(disc.shape)
    nearest, clipped = nonnegative(image, data, 50.0, 200), image.clamp(min=0)

    def distance(x):
        off = x - image
        return float(off.square().sum() + 50.0 * data.forward(off).square().sum())

    assert nearest.min() >= 0
    assert distance(nearest) < 0.5 * distance(clipped)
    assert torch.equal(nonnegative(disc, data, 50.0), disc)


def test_a_stop_is_heard_within_a_pass_through_the_network():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Conv2d(2, 1, 3))
    )
    looked = []

    def look():
        looked.append(1)
        if len(looked) == 2:
            raise Stopped

    with pytest.raises(Stopped), stoppable(network, look):
        network(torch.zeros(1, 1, 9, 9))
    assert len(looked) == 2
    network(torch.zeros(1, 1, 9, 9))  # nothing looks any more
    assert len(looked) == 2
    looked += [1] * 2
    with pytest.raises(Stopped), stoppable(network, lambda: stop_at(looked, 9)):
        made = network(torch.zeros(1, 1, 9, 9)).sum()
        assert len(looked) == 7 and network[0].weight.grad is None
        made.backward()  # of the last layer, then of the one before
    assert network[1][1].weight.grad is not None and network[0].weight.grad is None


def stop_at(looked, most):
    looked.append(1)
    if len(looked) == most:
        raise Stopped
