"""How large a part of a mean another volume is worth: the part that predicts best."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import Views
from fewview.methods.ensemble.stacking import LEAST, cautious, mixed, share
from fewview.methods.selection.held_out import hold_out
from fewview.operators import parallel_beam
from fewview.operators.filters import apply_filter, ramp_filter


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=12, grid=48, slices=2, noise=0.01, pixel=0.05), seed=3)


@pytest.fixture
def held(problem):
    return hold_out(problem, 0.25)[1]


def fits(held):
    """A volume that predicts them nearly."""
    A = held.operator
    x = torch.zeros(2, 48, 48)
    for _ in range(200):
        x = x - A.T(A(x) - held.data) / A.norm**2
    return x


def test_the_share_is_the_bottom_of_the_parabola(held):
    generator = torch.Generator().manual_seed(1)
    exact, a, b = fits(held), *(torch.randn(2, 48, 48, generator=generator) for _ in range(2))
    network, classical = exact + 0.1 * a, exact + 0.2 * b

    def error(w):
        off = held.operator((1 - w) * network + w * classical) - held.data
        return float((off * apply_filter(off, ramp_filter(off.shape[-1]))).sum())

    found = share(held, network[None], classical, 1)
    assert 0.1 < found < 0.4
    assert error(found) < min(error(found - 0.02), error(found + 0.02))


def test_the_share_is_that_of_the_image_not_of_its_shadows():
    # Errors of one sign add up along rays, those of both signs do not: unfiltered, shadows see little of the latter.
    A = parallel_beam(np.arange(90) * np.pi / 90, columns=48)
    across = torch.arange(48) - 23.5
    exact = torch.exp(-(across[:, None] ** 2 + across**2) / 150)[None].repeat(2, 1, 1)
    blurred = exact + 0.1 * torch.exp(-((across[:, None] - 6) ** 2 + across**2) / 40)
    inside = across[:, None] ** 2 + across**2 < 20**2
    white = torch.randn(2, 48, 48, generator=torch.Generator().manual_seed(5))
    noisy = exact + 0.15 * inside * torch.nn.functional.avg_pool2d(white, 3, 1, 1)  # as fine as rays can see
    held, apart = Views(A, A(exact)), blurred - noisy
    of_image = float(((blurred - exact) * apart).sum() / apart.square().sum())
    shadows = A(apart)
    of_shadows = float((A(blurred - exact) * shadows).sum() / shadows.square().sum())
    assert share(held, blurred[None], noisy, 1) == pytest.approx(of_image, abs=0.05)
    assert abs(of_shadows - of_image) > 0.2


def test_dead_pixels_are_bridged_not_filtered(held):
    generator = torch.Generator().manual_seed(1)
    exact, a, b = fits(held), *(torch.randn(2, 48, 48, generator=generator) for _ in range(2))
    network, classical = (exact + 0.1 * a)[None], exact + 0.2 * b
    weights = torch.ones_like(held.data)
    weights[..., [11, 20, 33]] = 0
    whole, dead = (share(replace(held, weights=w), network, classical, 1) for w in (None, weights))
    assert dead == pytest.approx(whole, abs=0.06)
    few = replace(held, weights=(torch.rand(held.data.shape, generator=generator) < 0.1).float())  # pixels held out
    assert 0.1 < share(few, network, classical, 1) < 0.5


def test_the_share_ends_at_none_and_all(held):
    exact, off = fits(held), torch.randn(2, 48, 48, generator=torch.Generator().manual_seed(2))
    assert share(held, exact[None], exact + off, 1) == 0
    assert share(held, (exact + off)[None], exact, 1) > 0.97
    assert share(held, exact[None], exact, 1) == 0  # both alike
    nearly = share(held, (exact + 0.1 * off)[None], exact + 0.4 * off.flip(0), 1)
    assert nearly == 0 < LEAST  # 0.06: too little to matter


def test_chance_of_few_samples_is_not_held_against_the_network(problem):
    A, generator = problem.operator, torch.Generator().manual_seed(4)
    exact = torch.rand(2, 48, 48, generator=generator)
    views = Views(A, A(exact))

    def off(deviation, copies):
        return exact + deviation * torch.randn(copies, 2, 48, 48, generator=generator)

    shares = []
    for _ in range(12):
        samples, classical = off(0.2, 2), off(0.1, 1)[0]
        shares.append([share(views, samples, classical, wanted) for wanted in (2, 16)])
    as_seen, of_many = torch.tensor(shares).mean(dim=0).tolist()
    assert as_seen == pytest.approx(0.02 / 0.03, abs=0.05)
    assert of_many == pytest.approx(0.0025 / 0.0125, abs=0.1)


def test_a_single_sample_errs_more_than_the_mean_of_the_trials_two(problem):
    A, generator = problem.operator, torch.Generator().manual_seed(4)
    exact = torch.rand(2, 48, 48, generator=generator)
    views, classical = Views(A, A(exact)), exact + 0.2 * torch.randn(2, 48, 48, generator=generator)
    samples = exact + 0.2 * torch.randn(2, 2, 48, 48, generator=generator)
    one, two = (share(views, samples, classical, wanted) for wanted in (1, 2))
    assert one > two + 0.1


def test_large_shares_are_taken_with_caution():
    assert [cautious(part) for part in (0.0, 0.3, 0.5, 0.8, 1.0)] == pytest.approx([0.0, 0.15, 0.25, 0.4, 0.5])


def test_where_they_disagree_the_deviation_grows():
    volume, other, std = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 2.0), torch.full((1, 2, 2), 0.5)
    mean, extra = mixed(volume, {"std": std, "guide_std": std}, other, 0.25)
    assert torch.equal(mean, torch.full((1, 2, 2), 0.5)) and torch.equal(extra["guide_std"], std)
    # Of a mixture: 3/4 at 0 and 1/4 at 2 have variance 3/4.
    torch.testing.assert_close(extra["std"], torch.full((1, 2, 2), (0.25 + 0.75) ** 0.5))
