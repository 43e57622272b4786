"""The unrolled network: data steps, symmetries, neighbours, the state as one more measurement."""

import math

import numpy as np
import pytest
import torch

from fewview.methods.interface import Views
from fewview.methods.inverse.normalised import scaled
from fewview.models.symmetries import TURNS, turned, turned_back
from fewview.models.unet import count_parameters
from fewview.models.unrolled import Unrolled, UnrolledConfig, arc, conditions, neighbourhood
from fewview.models.weights import load_unrolled, read_network, save_network
from fewview.operators import parallel_beam

TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1), start=4, steps=2)


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Unrolled(TINY)
    for name, value in net.nets.named_parameters():
        if name.endswith(("head.weight", "conv2.weight")):
            torch.nn.init.normal_(value, std=0.05)  # as after training: every part has a say
    return net.eval()


@pytest.fixture(scope="module")
def truth():
    across = torch.arange(24) - 11.5
    disc = (((across[:, None] - 3) ** 2 + across**2) < 50).float()
    return torch.stack([disc, 0.7 * disc, 0.9 * disc.flip(1), disc])


@pytest.fixture(scope="module")
def data(truth):
    A = parallel_beam(np.arange(9) * np.pi / 9 + 0.1, columns=24, axis=12.1)
    rng = torch.Generator().manual_seed(0)
    y = A(truth) + 0.2 * torch.randn(4, 9, 24, generator=rng)
    return scaled(Views(A, y, torch.ones_like(y)), 1.0)


def test_the_shipped_shape_fits_eight_megabytes_in_half_precision():
    assert 2 * count_parameters(Unrolled()) < 8e6


def test_untrained_it_is_conjugate_gradients(data, truth):
    errors = [float((x - truth).square().mean().detach()) for x in Unrolled(TINY).run(data, 4)]
    assert len(errors) == 3 and errors[-1] < 0.1


def test_every_stage_ends_nearer_to_the_data_than_the_network_left_it(net, data):
    def misfit(x):
        return float(data.mean_square(x.detach()))

    images = list(net.run(data, 4))
    net.config = net.config.model_copy(update={"steps": 0})
    assert misfit(images[-1]) < 0.5 * misfit(list(net.run(data, 4))[-1])


def test_gradients_reach_every_weight_and_are_right(net, data, truth):
    def loss():
        return (net(data, 4) - truth).square().mean()

    loss().backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not silent
    bias, step = net.expected.bias, 0.02
    with torch.no_grad():
        bias[1] += step
        up = float(loss())
        bias[1] -= 2 * step
        down = float(loss())
    assert float(bias.grad[1]) == pytest.approx((up - down) / (2 * step), rel=0.05)  # through CG and the operator


class _Turned:
    """The same measurement of the sample turned or mirrored."""

    def __init__(self, data, turn):
        self.data, self.turn, self.noise, self.operator = data, turn, data.noise, self
        self.back, self.angles = turned(data.back, turn), data.operator.angles

    def normal(self, x):
        return turned(self.data.normal(turned_back(x, self.turn)), self.turn)

    def column_sums(self):
        return turned(self.data.operator.column_sums(), self.turn)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turn_is_that_of_sample_and_rays(net, data, turn):
    with torch.no_grad():
        there = turned_back(net(_Turned(data, turn), 4), turn)
        torch.testing.assert_close(net(data, 4, turns=(turn,)), there, rtol=1e-4, atol=1e-4)
        together = net(data, 4, turns=(0, turn), batch=3)
        torch.testing.assert_close(together, torch.cat([net(data, 4), there]), rtol=1e-4, atol=1e-4)


def test_slices_go_through_together_or_a_few_at_a_time(net, data):
    pauses = []
    with torch.no_grad():
        parts = net(data, 4, batch=3, pause=lambda: pauses.append(1))
        torch.testing.assert_close(parts, net(data, 4), rtol=1e-4, atol=1e-5)
    assert len(pauses) == 4


def test_stacks_do_not_neighbour_each_other():
    x = torch.arange(6.0).reshape(6, 1, 1)
    assert neighbourhood(x, 3, 3)[:, :, 0, 0].tolist() == [
        [0, 0, 1],
        [0, 1, 2],
        [1, 2, 2],
        [3, 3, 4],
        [3, 4, 5],
        [4, 5, 5],
    ]


def test_a_sure_state_is_the_answer_and_an_empty_one_says_nothing(data, truth):
    plain, state = Unrolled(TINY), 0.5 * truth + 0.1
    sure = plain(data, 4, state=state, sigma=1e-4)
    torch.testing.assert_close(sure, state, rtol=0, atol=0.02)
    assert (plain(data, 4, state=state, sigma=100.0) - plain(data, 4)).abs().max() < 1e-3


def test_the_state_counts_as_its_variance_says():
    """Of one pixel alone, measured by the identity twice: the posterior mean of two Gaussian measurements."""

    class Identity:
        noise, angles, operator = 0.1, np.arange(4.0), None
        back = torch.full((1, 16, 16), 0.8)

        def normal(self, x):
            return x

        def column_sums(self):
            return torch.ones(1, 16, 16)

    data = Identity()
    data.operator = data
    net = Unrolled(UnrolledConfig(**{**TINY.model_dump(), "stages": 1}))
    with torch.no_grad():
        net.expected.bias.fill_(math.log(100.0))  # it expects nothing of itself
        mean = net(data, 1, state=torch.full((1, 16, 16), 0.5), sigma=0.2)
    assert float(mean.mean()) == pytest.approx((0.8 / 0.01 + 0.5 / 0.04) / (1 / 0.01 + 1 / 0.04), abs=1e-3)


def test_without_krylov_directions_or_with_another_image(data, truth):
    post = Unrolled(UnrolledConfig(**{**TINY.model_dump(), "krylov": False, "stages": 1}))
    assert post(data, 4).shape == truth.shape
    net = Unrolled(UnrolledConfig(**{**TINY.model_dump(), "extra": 2}))
    assert net(data, 4, extra=torch.stack([truth, truth], dim=1)).shape == truth.shape == net(data, 4).shape


@pytest.mark.parametrize(("degrees", "views"), [(180, 8), (360, 9), (150, 30)])
def test_the_arc_includes_the_last_step(degrees, views):
    angles = np.radians(np.arange(views) * degrees / views + 20)
    assert math.degrees(arc(angles)) == pytest.approx(degrees)
    assert conditions(angles, 0.003)[1] == pytest.approx(degrees / 180 - 1)


def test_weights_come_back(net, data, tmp_path):
    save_network(net, tmp_path / "net.safetensors", {"steps": 1}, torch.float32)
    with torch.no_grad():
        assert torch.equal(load_unrolled(tmp_path / "net.safetensors")(data, 4), net(data, 4))
    assert UnrolledConfig.model_validate_json(read_network(tmp_path / "net.safetensors", "unrolled")[0]) == TINY
