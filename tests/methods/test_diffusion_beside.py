"""TV beside the network: its share is the one that predicts best, and the run takes it."""

from dataclasses import replace

import pytest
import torch

from fewview.methods import Views, get_method
from fewview.methods.diffusion.beside import LEAST, cautious, mixed, share
from fewview.methods.holdout import hold_out
from fewview.quality import psnr


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
        return float((held.operator((1 - w) * network + w * classical) - held.data).square().sum())

    found = share(held, network[None], classical, 1)
    assert 0.1 < found < 0.4
    assert error(found) < min(error(found - 0.02), error(found + 0.02))


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


def test_large_shares_of_plain_tv_are_taken_with_caution():
    assert [cautious(part) for part in (0.0, 0.3, 0.5, 0.8, 1.0)] == pytest.approx([0.0, 0.3, 0.5, 0.65, 0.75])


def test_where_they_disagree_the_deviation_grows():
    volume, other, std = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 2.0), torch.full((1, 2, 2), 0.5)
    mean, extra = mixed(volume, {"std": std, "guide_std": std}, other, 0.25)
    assert torch.equal(mean, torch.full((1, 2, 2), 0.5)) and torch.equal(extra["guide_std"], std)
    # Of a mixture: 3/4 at 0 and 1/4 at 2 have variance 3/4.
    torch.testing.assert_close(extra["std"], torch.full((1, 2, 2), (0.25 + 0.75) ** 0.5))


def test_a_network_that_has_learnt_nothing_leaves_it_to_tv(problem, weights):
    values = {"prior": weights, "steps": 3, "samples": 2, "adaptation": "none", "trust": 1.0}
    method = get_method("d3ip")
    *_, alone = method.run(problem, method.options(**values, tv_share=0.0))
    *_, tv = get_method("tv").run(problem, get_method("tv").options())
    state = None
    for last in method.run(problem, method.options(**values)):
        if last.step == 2 and last.state is not None:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in last.state.items()}
    assert last.chosen["tv_share"] > 0.5 and last.chosen["tv_weight"] > 0
    assert psnr(last.volume, tv.volume) > psnr(alone.volume, tv.volume) + 3
    expected = (1 - last.chosen["tv_share"]) * alone.volume + last.chosen["tv_share"] * torch.as_tensor(
        list(get_method("tv").run(problem, get_method("tv").options(weight=last.chosen["tv_weight"])))[-1].volume
    )
    torch.testing.assert_close(last.volume, expected)
    *_, resumed = method.run(replace(problem, state=state), method.options(**values))
    assert torch.equal(resumed.volume, last.volume)
    # Slabs after the first take over what was chosen: nothing is tried again.
    settled = {name: last.chosen[name] for name in ("tv_share", "tv_weight", "trust", "scale")}
    stages = []
    for again in method.run(problem, method.options(**values | settled)):
        stages.append(again.stage)
    assert torch.equal(again.volume, last.volume)
    assert "choosing settings" not in stages and not any("weight" in stage for stage in stages)
