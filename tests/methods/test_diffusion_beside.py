"""A classical method beside the network: its share is the one that predicts best, and the run takes it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import Views, get_method
from fewview.methods.diffusion import beside
from fewview.methods.diffusion.beside import LEAST, cautious, mixed, share
from fewview.methods.holdout import hold_out
from fewview.operators import parallel_beam
from fewview.operators.filters import apply_filter, ramp_filter
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
        off = held.operator((1 - w) * network + w * classical) - held.data
        return float((off * apply_filter(off, ramp_filter(off.shape[-1]))).sum())

    found, predicted = share(held, network[None], classical, 1)
    assert 0.1 < found < 0.4
    assert error(found) < min(error(found - 0.02), error(found + 0.02))
    assert predicted == pytest.approx(error(found), rel=1e-4)
    given = share(held, network[None], classical, 1, fixed=0.7)
    assert given.part == 0.7 and given.error == pytest.approx(error(0.7), rel=1e-4)


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
    assert share(held, blurred[None], noisy, 1).part == pytest.approx(of_image, abs=0.05)
    assert abs(of_shadows - of_image) > 0.2


def test_dead_pixels_are_bridged_not_filtered(held):
    generator = torch.Generator().manual_seed(1)
    exact, a, b = fits(held), *(torch.randn(2, 48, 48, generator=generator) for _ in range(2))
    network, classical = (exact + 0.1 * a)[None], exact + 0.2 * b
    weights = torch.ones_like(held.data)
    weights[..., [11, 20, 33]] = 0
    whole, dead = (share(replace(held, weights=w), network, classical, 1).part for w in (None, weights))
    assert dead == pytest.approx(whole, abs=0.06)
    few = replace(held, weights=(torch.rand(held.data.shape, generator=generator) < 0.1).float())  # pixels withheld
    assert 0.1 < share(few, network, classical, 1).part < 0.5


def test_the_share_ends_at_none_and_all(held):
    exact, off = fits(held), torch.randn(2, 48, 48, generator=torch.Generator().manual_seed(2))
    assert share(held, exact[None], exact + off, 1).part == 0
    assert share(held, (exact + off)[None], exact, 1).part > 0.97
    assert share(held, exact[None], exact, 1).part == 0  # both alike
    nearly = share(held, (exact + 0.1 * off)[None], exact + 0.4 * off.flip(0), 1).part
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
        shares.append([share(views, samples, classical, wanted).part for wanted in (2, 16)])
    as_seen, of_many = torch.tensor(shares).mean(dim=0).tolist()
    assert as_seen == pytest.approx(0.02 / 0.03, abs=0.05)
    assert of_many == pytest.approx(0.0025 / 0.0125, abs=0.1)


def test_a_single_sample_errs_more_than_the_mean_of_the_trials_two(problem):
    A, generator = problem.operator, torch.Generator().manual_seed(4)
    exact = torch.rand(2, 48, 48, generator=generator)
    views, classical = Views(A, A(exact)), exact + 0.2 * torch.randn(2, 48, 48, generator=generator)
    samples = exact + 0.2 * torch.randn(2, 2, 48, 48, generator=generator)
    one, two = (share(views, samples, classical, wanted).part for wanted in (1, 2))
    assert one > two + 0.1


@pytest.mark.parametrize("better", ["tv", "mbir"])
def test_auto_takes_the_one_that_predicts_better(problem, held, monkeypatch, better):
    exact, generator = fits(held), torch.Generator().manual_seed(6)

    def off(by):
        return exact + by * torch.randn(2, 48, 48, generator=generator)

    def reconstructed(given, name, options, shown):
        yield from ()
        return off(0.05 if name == better else 0.2), {f"of_{name}": 1.0}

    options = get_method("d3ip").options()  # loads what takes the function by name: before it is replaced
    monkeypatch.setattr(beside, "reconstructed", reconstructed)
    found = beside.tuned(problem, held, off(0.2)[None].repeat(2, 1, 1, 1), options, exact)
    with pytest.raises(StopIteration) as end:
        next(found)
    assert end.value.value["beside"] == better and end.value.value[f"of_{better}"] == 1.0


def test_large_shares_are_taken_with_caution():
    assert [cautious(part) for part in (0.0, 0.3, 0.5, 0.8, 1.0)] == pytest.approx([0.0, 0.3, 0.5, 0.65, 0.75])


def test_where_they_disagree_the_deviation_grows():
    volume, other, std = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 2.0), torch.full((1, 2, 2), 0.5)
    mean, extra = mixed(volume, {"std": std, "guide_std": std}, other, 0.25)
    assert torch.equal(mean, torch.full((1, 2, 2), 0.5)) and torch.equal(extra["guide_std"], std)
    # Of a mixture: 3/4 at 0 and 1/4 at 2 have variance 3/4.
    torch.testing.assert_close(extra["std"], torch.full((1, 2, 2), (0.25 + 0.75) ** 0.5))


VALUES = {"steps": 3, "samples": 2, "adaptation": "none", "trust": 1.0}


def reconstruct(problem, name, **values):
    method = get_method(name)
    return list(method.run(problem, method.options(**values)))


def test_a_network_that_has_learnt_nothing_leaves_it_to_tv_or_mbir(problem, weights):
    values = {"prior": weights, **VALUES}
    alone = reconstruct(problem, "d3ip", **values, beside_share=0.0)[-1].volume
    estimates = reconstruct(problem, "d3ip", **values)
    last, tv, mbir = estimates[-1], *(reconstruct(problem, name)[-1].volume for name in ("tv", "mbir"))
    part, name = last.chosen["beside_share"], last.chosen["beside"]
    assert part > 0.5
    taken = tv if name == "tv" else mbir
    assert psnr(last.volume, taken) > psnr(alone, taken) + 3
    setting = {"weight": last.chosen["tv_weight"]} if name == "tv" else {"sharpness": last.chosen["mbir_sharpness"]}
    other = torch.as_tensor(reconstruct(problem, name, **setting)[-1].volume)
    torch.testing.assert_close(last.volume, (1 - part) * alone + part * other)
    state = next(e.state for e in estimates if e.step == 2 and e.state is not None)
    resumed = reconstruct(replace(problem, state=state), "d3ip", **values)[-1]
    assert torch.equal(resumed.volume, last.volume)


@pytest.mark.parametrize(("name", "setting"), [("tv", "tv_weight"), ("mbir", "mbir_sharpness")])
def test_the_user_may_say_which_and_slabs_take_it_over(problem, weights, name, setting):
    values = {"prior": weights, **VALUES, "beside": name}
    last = reconstruct(problem, "d3ip", **values)[-1]
    assert last.chosen["beside"] == name and last.chosen["beside_share"] > 0
    # Slabs after the first take over what was chosen: nothing is tried again.
    settled = {key: last.chosen[key] for key in ("beside_share", setting, "trust", "scale")}
    again = reconstruct(problem, "d3ip", **values | settled)
    assert torch.equal(again[-1].volume, last.volume)
    assert not any("choosing settings" in e.stage or "choosing the weight" in e.stage for e in again)


def test_values_below_zero_are_kept_where_positivity_is_off(problem, weights):
    signed = replace(problem, data=-problem.data)
    values = {"prior": weights, **VALUES, "beside": "tv", "beside_share": 1.0, "positivity": False}
    last = reconstruct(signed, "d3ip", **values)[-1]
    assert float(last.volume.min()) < -0.5 and last.chosen["tv_weight"] > 0


def test_a_share_that_is_given_is_taken_of_the_better_one(problem, weights):
    values = {"prior": weights, **VALUES, "beside_share": 0.05}
    last = reconstruct(problem, "d3ip", **values)[-1]
    assert (
        last.chosen["beside"] == reconstruct(problem, "d3ip", **values | {"beside_share": "auto"})[-1].chosen["beside"]
    )
    assert last.chosen["beside_share"] == 0.05
