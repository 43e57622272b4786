"""The ensemble: weights of the simplex, members that count, shares of one's own."""

import json

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods import get_method
from fewview.methods.ensemble import ensemble
from fewview.methods.ensemble.members import options_of
from fewview.methods.ensemble.simplex import simplex_minimum, stacking_weights
from fewview.methods.interface import Estimate, Problem, Views
from fewview.methods.presets import preset_options
from fewview.methods.selection import coarse
from fewview.operators import parallel_beam

METHOD = get_method("ensemble")


def test_the_minimum_on_the_simplex_is_found():
    """Against a fine search of all weights of three volumes."""
    rng = np.random.default_rng(0)
    grid = [(a, b, 100 - a - b) for a in range(101) for b in range(101 - a)]
    allowed = np.array(grid) / 100
    for _ in range(20):
        root = rng.normal(size=(6, 3)) * rng.uniform(0.2, 2, 3)
        gram = root.T @ root
        assert all(v == 0 or v >= 0.1 for v in simplex_minimum(gram))
        found = simplex_minimum(gram, least=0.0)
        assert found.sum() == pytest.approx(1) and found.min() >= 0
        assert found @ gram @ found <= np.einsum("ij,jk,ik->i", allowed, gram, allowed).min() + 1e-6


def test_twins_and_one_alone():
    assert simplex_minimum(np.ones((2, 2))).sum() == pytest.approx(1)
    assert simplex_minimum(np.array([[3.0]])) == pytest.approx([1])


def test_who_errs_by_nothing_counts_alone_and_nothing_measured_is_no_error():
    assert simplex_minimum(np.diag([2.0, 0.0, 1.0])) == pytest.approx([0, 1, 0])
    assert simplex_minimum(np.zeros((3, 3))).sum() == pytest.approx(1)


@pytest.fixture(scope="module")
def problem():
    across = torch.arange(32) - 15.5
    disc = ((across[:, None] - 4) ** 2 + across**2 < 60).float().repeat(2, 1, 1) * 0.02
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=32)
    return Problem(A, A(disc)), disc


def test_errors_that_oppose_each_other_cancel(problem):
    views, disc = problem
    off = 0.004 * torch.randn(disc.shape, generator=torch.Generator().manual_seed(0))
    held = Views(views.operator, views.data)
    weights, errors = stacking_weights(held, [disc + 3 * off, disc - off, disc + 20 * off])
    # Half way from where their errors cancel, (1/4, 3/4, 0), to those who err little.
    assert weights == pytest.approx([0.125, 0.875, 0], abs=0.01)
    assert errors[0] / errors[1] == pytest.approx(9, rel=1e-3)


def test_who_errs_about_as_much_has_a_part_of_it(problem):
    views, disc = problem
    noise = [0.004 * torch.randn(disc.shape, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    volumes = [disc + noise[0], disc + noise[0] + 0.3 * noise[1], disc + 20 * noise[2]]
    weights, _ = stacking_weights(Views(views.operator, views.data), volumes)
    assert weights == pytest.approx([0.75, 0.25, 0], abs=0.05)


def _all(problem, **options):
    return [(e.step, e.total, e.stage, e.volume.clone(), e) for e in METHOD.run(problem, METHOD.options(**options))]


def test_a_scan_that_met_nothing_gives_an_empty_volume(problem):
    views, _ = problem
    last = _all(Problem(views.operator, torch.zeros_like(views.data)), members="fbp,cgls,sirt")[-1]
    assert not last[3].any() and last[4].chosen["shares"]


def test_members_that_predict_better_count(problem):
    views, disc = problem
    steps = _all(views, members="fbp,cgls,sirt")
    chosen = steps[-1][4].chosen
    curve = dict(chosen["shares_curve"])
    assert len(curve) == 3 and min(curve, key=curve.get) in chosen["shares"]
    assert steps[-1][0] == steps[-1][1]
    alone = {name: list(get_method(name).run(views, get_method(name).options()))[-1].volume for name in curve}
    least = min(float((volume - disc).square().mean()) for volume in alone.values())
    assert (steps[-1][3] - disc).square().mean() < 1.1 * least


def test_shares_of_ones_own_are_taken(problem):
    views, _ = problem
    volumes = [list(get_method(n).run(views, get_method(n).options()))[-1].volume.clone() for n in ("fbp", "cgls")]
    last = _all(views, shares="fbp=1,cgls=3")[-1]
    torch.testing.assert_close(last[3], 0.25 * volumes[0] + 0.75 * volumes[1])
    assert "std" not in last[4].extra, "how far two of them are apart is no deviation"


def test_a_deviation_holds_that_of_members_and_how_far_they_are_apart(problem, monkeypatch):
    views, disc = problem

    def solved(method, *_):
        yield from ()
        std = {} if method.name == "fbp" else {"std": torch.full_like(disc, 0.5)}
        return Estimate(disc + (0.2 if method.name == "fbp" else 0.0), 1, 1, extra=std)

    monkeypatch.setattr(ensemble, "solved_within", solved)
    std = _all(views, shares="fbp=1,cgls=3")[-1][4].extra["std"]
    expected = (0.5**2 + 0.25 * 0.75 * 0.2**2) ** 0.5  # that who knows none is as unsure as the other
    torch.testing.assert_close(std, torch.full_like(disc, expected), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shares": "unrolled"}, "not understood"),
        ({"shares": "sirt=nan,cgls=1"}, "not understood"),
        ({"shares": "sirt=inf,cgls=1"}, "not understood"),
        ({"shares": "ensemble=1"}, "member of itself"),
        ({"members": "tw"}, "tw"),
        ({"members": "tv", "settings": "iterations=3"}, "not understood"),
        ({"members": "tv", "settings": '{"tv": {"sweeps": 3}}'}, "no option 'sweeps'"),
    ],
)
def test_mistakes_are_named(problem, options, said):
    with pytest.raises(OptionError, match=said):
        _all(problem[0], **options)


def test_settings_of_ones_own_are_taken_and_the_others_are_settled_once(problem):
    views, _ = problem
    asked = METHOD.options(members="cgls,tv", settings='{"tv": {"iterations": 20, "weight": 0.01}}')
    settled = METHOD.settle(views, asked)
    own = json.loads(settled.chosen["settings"])
    counting = {pair.partition("=")[0] for pair in settled.options.shares.split(",")}
    assert set(own) == counting and settled.options.undecided() == []
    tv = options_of(get_method("tv"), '{"tv": {"iterations": 20, "weight": 0.01}}')
    assert (tv.iterations, tv.weight) == (20, 0.01)
    assert own.get("tv", tv.changes()) == tv.changes()
    *_, again = METHOD.run(views, settled.options)
    *_, whole = METHOD.run(views, asked)
    assert torch.equal(torch.as_tensor(again.volume), torch.as_tensor(whole.volume))


def test_members_of_a_large_slice_are_weighed_on_a_coarse_grid(monkeypatch, problem):
    seen = []
    plain = coarse.coarser
    monkeypatch.setattr(coarse, "SETTLING", 16)
    monkeypatch.setattr(ensemble, "coarser", lambda part, factor: seen.append(factor) or plain(part, factor))
    views, _ = problem
    asked = METHOD.options(members="cgls,tv", settings='{"tv": {"iterations": 20}}')
    settled = METHOD.settle(views, asked)
    assert seen == [2] and "=" in settled.options.shares
    *_, last = METHOD.solve(views, settled.options)
    assert last.volume.shape == (2, 32, 32)


def test_a_draft_is_of_the_two_members_that_take_seconds():
    asked = METHOD.options.parse(preset_options(METHOD, "draft"))
    assert asked.members == "unrolled,tv"
    assert options_of(get_method("unrolled"), asked.settings).finetune == 0
    assert options_of(get_method("unrolled"), METHOD.options().settings).finetune > 0
