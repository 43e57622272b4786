"""The guide in the loop: closed forms of its step, the watch over it, and runs with guides that know and that lie."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods import Problem, get_method
from fewview.methods.diffusion import crossmodal
from fewview.methods.diffusion.guide import CrossModalGuide
from fewview.methods.diffusion.guide_rejection import MOST, NOT_USED, USED, doubt, least_gain, second_verdict, verdict
from fewview.methods.diffusion.schedule import levels
from fewview.methods.inverse.consistency import ProximalCG, noise_aware
from fewview.methods.inverse.normalised import scaled
from fewview.models.guide import BLIND, START, Opinion
from fewview.operators import parallel_beam
from fewview.quality import psnr
from fewview.simulate import Simulation, simulate

LEVEL = levels(5, 150, "ratio")[2]


class Oracle(torch.nn.Module):
    """A guide that says what it is told to, with a standard deviation, whatever it sees; it remembers the levels."""

    def __init__(self, answer, std):
        super().__init__()
        self.answer, self.std, self.levels = answer, std, []

    def forward(self, x, xray, sigma):
        self.levels.append(sigma)
        # The X-ray slice carries the slice's number, so that a part of a stack gets its own answers.
        places = xray[:, 0, 0, 0].round().long()
        mean = self.answer[places][:, None].expand_as(x)
        return Opinion(mean, 2 * torch.as_tensor(self.std).log().expand_as(x))


@pytest.fixture
def problem(make_problem):
    made = make_problem(views=12, grid=48, slices=3, noise=0.01, pixel=0.05)
    numbers = torch.arange(3.0)[:, None, None].expand(3, 48, 48)
    return replace(made, seed=3, auxiliary=numbers)


@pytest.fixture
def truth(problem):
    """Nearly the truth, from many views, in units of the first reconstruction's maximum of the run."""
    *_, last = get_method("tv").run(problem, get_method("tv").options(weight=1e-3))
    return last.volume


def listening(monkeypatch, answer, std=0.05):
    """Runs whose guide is an oracle; the X-ray volume stays as it is (its maximum counts as 1)."""
    oracle = Oracle(answer, std)
    monkeypatch.setattr(crossmodal, "load_guide", lambda *_: oracle)
    monkeypatch.setattr(crossmodal.GuideSource, "of", classmethod(_unscaled))
    return oracle


def _unscaled(cls, problem, options):
    if not isinstance(options, crossmodal.GuideOptions) or options.guide_weight == 0:
        return None
    return cls(crossmodal.load_guide(options.guide), 1.0, options)


def run(name, problem, **values):
    method = get_method(name)
    return method.run(problem, method.options(**values))


SHORT = {"steps": 5, "samples": 2, "adaptation": "none", "trust": 1.0, "beside_share": 0.0}


def guide_of(problem, answer, std, **values):
    return CrossModalGuide(Oracle(answer, std), problem.auxiliary, watched=False, **values)


def test_the_step_is_the_minimum_of_the_three_terms(make_problem):
    problem = make_problem(views=8, grid=12, slices=1, noise=0.01)
    data = scaled(problem, 1.0)
    generator = torch.Generator().manual_seed(0)
    x0, answer = torch.rand(1, 12, 12, generator=generator), torch.rand(1, 12, 12, generator=generator)
    std = 0.02 + 0.3 * torch.rand(1, 1, 12, 12, generator=generator)
    guide = CrossModalGuide(Oracle(answer, std), torch.zeros(1, 12, 12), watched=False)
    assert guide.proposal is None and guide.consider(x0, data, LEVEL) is None
    *_, x = ProximalCG(200, None, 0.7).solve(x0, data, LEVEL, [guide.proposal], x0)
    A = torch.stack([data.forward(e.reshape(1, 12, 12)).reshape(-1) for e in torch.eye(144)], dim=1).double()
    gamma = noise_aware(0.7, data, LEVEL)
    prior, sure = 1 / (gamma * data.noise**2), 1 / std.reshape(-1).double() ** 2
    matrix = torch.diag(sure + prior) + A.T @ A / data.noise**2
    right = (
        prior * x0.reshape(-1).double() + sure * answer.reshape(-1) + A.T @ data.y.reshape(-1).double() / data.noise**2
    )
    expected = torch.linalg.solve(matrix, right).reshape(1, 12, 12)
    torch.testing.assert_close(x.double(), expected, atol=2e-3, rtol=0)


def test_unsure_it_is_unimodal_and_sure_it_is_the_guide(problem):
    data, x0 = scaled(problem, 1.0), torch.rand(3, 48, 48)
    answer = torch.rand(3, 48, 48)
    step = ProximalCG(40)
    *_, alone = step.solve(x0, data, LEVEL)
    for std, wanted, off in ((1e3, alone, 1e-3), (1e-5, answer, 1e-2)):
        guide = guide_of(problem, answer, std)
        guide.ask(x0, data, 0.2)
        *_, x = step.solve(x0, data, LEVEL, [guide.proposal])
        torch.testing.assert_close(x, wanted, atol=off, rtol=0)


def test_it_sees_the_mean_of_the_samples_and_speaks_to_all(problem):
    data, seen = scaled(problem, 1.0), []

    class Shows(Oracle):
        def forward(self, x, xray, sigma):
            seen.append(x)
            return super().forward(x, xray, sigma)

    x = torch.rand(6, 48, 48)
    guide = CrossModalGuide(Shows(torch.zeros(3, 48, 48), 0.1), problem.auxiliary, watched=False, step="overwrite")
    out = guide.consider(x, data, LEVEL)
    assert guide.proposal is None
    torch.testing.assert_close(torch.cat(seen)[:3, 0], (x[:3] + x[3:]) / 2)  # the last batch is filled up
    assert out.shape == x.shape and float(out.abs().max()) == 0  # overwritten, as published: no data step


def test_blind_it_sees_nothing(problem):
    data, seen = scaled(problem, 1.0), []

    class Shows(Oracle):
        def forward(self, x, xray, sigma):
            seen.append((float(x.abs().max()), sigma))
            return super().forward(x, xray, sigma)

    guide = CrossModalGuide(Shows(torch.zeros(3, 48, 48), 0.1), problem.auxiliary, blind=True)
    guide.start(torch.rand(3, 48, 48), data)
    assert set(seen) == {(0.0, BLIND)}


def test_the_data_doubt_a_bold_claim_where_it_is_wrong_and_no_modest_one(problem):
    data = scaled(problem, 1.0)
    seen = torch.zeros(3, 48, 48)
    for _ in range(30):
        *_, seen = ProximalCG(8).solve(seen, data, LEVEL)
    wrong = seen.clone()
    wrong[:, 8:20, 8:20] += 0.4
    bold, modest = (torch.full_like(seen, std**2) for std in (0.02, 2.0))
    judged = doubt(wrong, bold, seen, data, 0.5)
    assert float(judged[:, 8:20, 8:20].mean()) > 2 * float(judged[:, 32:44, 32:44].mean())
    assert float(judged[:, 8:20, 8:20].min()) > 3
    assert float(doubt(wrong, modest, seen, data, 0.5).max()) == 1
    assert float(doubt(seen, bold, seen, data, 0.5).max()) == 1


def test_the_verdict_is_by_held_out_views_and_in_words():
    views = np.array([1.0, 2.0, 3.0])
    good, bad = verdict(views, 0.6 * views, 16), verdict(views, 1.21 * views, 16)
    assert (
        good["guide_weight"] == 1 and good["guided"] == f"{USED}: with it, held-out views are predicted 22.5% better."
    )
    assert bad["guide_weight"] == 0 and bad["guided"].startswith(
        f"{NOT_USED}: with it, held-out views are predicted 10.0% worse. "
    )
    assert bad["guided"].endswith("guide weight 1 uses it all the same.")
    little = verdict(views, 0.98 * views, 16)
    assert little["guide_weight"] == 0 and "1.0% better, and under 8.7% a misplaced" in little["guided"]
    assert bad["guide_curve"] == [["without", 2.0], ["with", pytest.approx(2.42)]]


def test_more_views_leave_an_xray_volume_less_to_add():
    least = [least_gain(views) for views in (4, 8, 16, 32, 64, 128)]
    assert least[:4] == [MOST] * 4
    assert least[4:] == pytest.approx([0.065, 0.046], abs=1e-4)
    views = np.ones(3)
    assert not verdict(views, 0.93**2 * views, 16)["guide_weight"]
    assert verdict(views, 0.93**2 * views, 64)["guide_weight"]


def test_a_guide_that_lies_is_rejected_and_leaves_the_unimodal_volume(problem, weights, monkeypatch):
    listening(monkeypatch, torch.rand(3, 48, 48), std=0.01)
    *_, guided = run("d3ip-x", problem, prior=weights, guide_by="network", **SHORT)
    assert guided.chosen["guide_weight"] == 0 and guided.chosen["guided"].startswith(NOT_USED)
    assert guided.scalars["guide_weight"] == 0 and "guide_std" not in guided.extra
    *_, alone = run("d3ip", problem, prior=weights, **SHORT)
    assert torch.equal(guided.volume, alone.volume)


def test_where_the_network_lies_the_edges_of_the_xray_volume_are_tried(problem, weights, truth, monkeypatch):
    listening(monkeypatch, torch.rand(3, 48, 48), std=0.01)
    seen = replace(problem, auxiliary=(truth.max() - truth).contiguous())  # edges in place, contrast upside down
    *_, alone = run("d3ip", seen, prior=weights, **SHORT)
    values = {"prior": weights, **SHORT, "beside_share": "auto", "compare": True}
    state = None
    for guided in run("d3ip-x", seen, **values):
        if guided.step == 2 and guided.state is not None:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in guided.state.items()}
    assert "of directional TV along them" in guided.chosen["guided"] and guided.chosen["guide_by"] == "edges"
    assert (
        guided.chosen["guided"].startswith(f"{USED} by its edges")
        and "reading of it was not" in guided.chosen["guided"]
    )
    assert guided.chosen["tv_gamma"] > 0 and guided.scalars["guide_weight"] == guided.chosen["beside_share"] > 0
    assert psnr(guided.volume, truth) > psnr(alone.volume, truth) + 1
    # The steps are those of the unimodal run; what changed is the share.
    torch.testing.assert_close(guided.volume - guided.extra["guide_change"], alone.volume, atol=1e-6, rtol=1e-5)
    *_, again = run("d3ip-x", replace(seen, state=state), **values)
    assert torch.equal(again.volume, guided.volume)
    # Slabs after the first do as the first one chose, and ask no network.
    knows = get_method("d3ip-x").options.knows
    settled = {k: v for k, v in guided.chosen.items() if knows(k)}
    slab = list(run("d3ip-x", seen, **values | settled))
    assert torch.equal(slab[-1].volume, guided.volume)
    assert not any(word in e.stage for e in slab for word in ("choosing settings", "choosing the weight", "helps"))
    *_, wanted = run("d3ip-x", seen, **values | {"guide_by": "edges"})
    assert wanted.chosen["guided"].endswith("The network's reading of it was not: it was not asked.")
    assert torch.equal(wanted.volume, guided.volume)


def test_edges_with_a_share_of_their_own_are_not_asked_about(problem, weights, truth):
    seen = replace(problem, auxiliary=truth)
    values = {"prior": weights, **SHORT, "guide_by": "edges", "beside_share": 0.3, "tv_weight": 0.01, "tv_eta": 0.1}
    *_, alone = run("d3ip", seen, prior=weights, **SHORT)
    *_, mixed = run("d3ip-x", seen, **values, tv_gamma=0.9)
    *_, edges = run("dtv", seen, weight=0.01, gamma=0.9, eta=0.1)
    torch.testing.assert_close(mixed.volume, 0.7 * alone.volume + 0.3 * torch.as_tensor(edges.volume))
    assert mixed.scalars["guide_weight"] == pytest.approx(0.3)
    *_, chosen = run("d3ip-x", seen, **values)  # what it finds is told, and taken over by further slabs
    assert chosen.chosen["tv_gamma"] >= 0


def test_with_a_fixed_weight_the_share_is_of_the_guided_run(problem, weights, truth, monkeypatch):
    listening(monkeypatch, truth / 1.56, std=0.001)
    values = {"prior": weights, **SHORT, "guide_by": "network", "guide_weight": 1.0, "beside_share": "auto"}
    *_, guided = run("d3ip-x", problem, **values)
    *_, alone = run("d3ip", problem, prior=weights, **SHORT | {"beside_share": "auto"})
    # Equal, were it that of the unguided one.
    assert guided.chosen["beside_share"] < alone.chosen["beside_share"] - 0.01


def test_an_even_xray_volume_has_no_edges(problem, weights, monkeypatch):
    listening(monkeypatch, torch.rand(3, 48, 48), std=0.01)
    even = replace(problem, auxiliary=torch.zeros(3, 48, 48))
    *_, guided = run("d3ip-x", even, prior=weights, **SHORT | {"beside_share": "auto"})
    *_, alone = run("d3ip", even, prior=weights, **SHORT | {"beside_share": "auto"})
    assert guided.chosen["guide_weight"] == 0 and "edges" not in guided.chosen["guided"]
    assert torch.equal(guided.volume, alone.volume)


def test_the_second_verdict_wants_a_share_and_edges_in_it():
    first = verdict(np.ones(3), 1.21 * np.ones(3), 16)

    def second(share, gamma):
        return second_verdict(first, np.ones(3), 0.81 * np.ones(3), {"beside_share": share, "tv_gamma": gamma})

    good = second(0.5, 1.0)
    assert good["guide_weight"] == 1 and good["guide_by"] == "edges" and good["beside_share"] == 0.5
    told = "with 50% of directional TV along them, held-out views are predicted 10.0% better"
    network = "The network's reading of it was not: with it, held-out views are predicted 10.0% worse"
    assert good["guided"] == f"{USED} by its edges: {told}. {network}."
    for bad in (second(0.0, 1.0), second(0.5, 0.0)):  # no share; or plain TV, in which the X-ray volume has no say
        assert bad["guide_weight"] == 0 and "beside_share" not in bad and "guide_by" not in bad
        assert bad["guided"] == f"{first['guided']} Its edges did not help either."
    assert good["guide_curve"] == [["without", 1.0], ["with", pytest.approx(1.21)], ["edges", pytest.approx(0.81)]]


def test_a_guide_that_knows_is_accepted_and_helps(problem, weights, truth, monkeypatch):
    *_, alone = run("d3ip", problem, prior=weights, **SHORT)
    oracle = listening(monkeypatch, truth / alone.chosen["scale"])
    *before, guided = run("d3ip-x", problem, prior=weights, compare=True, **SHORT)
    fractions = [estimate.fraction for estimate in before]
    assert fractions == sorted(fractions) and guided.fraction == 1.0
    assert max(one.fraction for one in before if "guide changed" not in one.stage) < 0.9  # it goes the same way twice
    assert guided.chosen["guided"].startswith(USED) and 0 < guided.scalars["guide_weight"] <= 1
    assert psnr(guided.volume, truth) > psnr(alone.volume, truth) + 3
    assert guided.step == guided.total
    # Asked at the start and two levels on, in the trial and in the run; never at the last level.
    first, second = START, levels(5, 150, "ratio")[2].sigma
    assert oracle.levels.count(first) >= 2 and oracle.levels[-1] == pytest.approx(second)
    assert min(oracle.levels) > levels(5, 150, "ratio")[-1].sigma
    # What it changed is the difference to the unimodal run of the same seed.
    torch.testing.assert_close(guided.volume - guided.extra["guide_change"], alone.volume, atol=1e-6, rtol=1e-5)
    assert guided.extra["guide_std"].shape == guided.volume.shape


def test_resumed_runs_end_bit_equal(problem, weights, truth, monkeypatch):
    listening(monkeypatch, truth / 1.5, std=0.1)
    values = {"prior": weights, "guide_weight": 1.0, **SHORT}
    *_, expected = run("d3ip-x", problem, **values)
    for stop in (1, 3, 4):
        for estimate in run("d3ip-x", problem, **values):
            if estimate.step == stop and estimate.state is not None:
                break
        state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
        *_, again = run("d3ip-x", replace(problem, state=state), **values)
        assert torch.equal(again.volume, expected.volume)
        assert torch.equal(again.extra["guide_std"], expected.extra["guide_std"])


def test_alone_it_is_applied_once_and_fits_the_data(problem, truth, monkeypatch):
    oracle = listening(monkeypatch, truth / 1.5, std=0.05)
    *_, last = run("guide", problem)
    assert set(oracle.levels) == {START} and len(oracle.levels) <= 3
    assert last.scalars["data_residual"] < 0.1
    assert last.step == last.total and last.extra["guide_std"].shape == last.volume.shape


def test_as_published_it_overwrites_at_every_other_step(problem, weights, truth, monkeypatch):
    oracle = listening(monkeypatch, truth / 1.5, std=0.05)
    values = {"prior": weights, "adaptation": "none", "steps": 6}
    *_, last = run("d3ip-x-paper", problem, **values)
    assert len(set(oracle.levels)) == 3  # of six steps; how many slices go together is the runner's affair
    assert last.scalars["guide_weight"] == 1 and last.scalars["data_residual"] < 0.15


def test_without_an_xray_volume_it_says_so(problem, weights):
    with pytest.raises(OptionError, match="needs an X-ray volume"):
        list(run("d3ip-x", replace(problem, auxiliary=None), prior=weights))


def test_missing_weights_are_said_before_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr("fewview.models.weights.SHIPPED", tmp_path)
    assert "fewview train prior" in get_method("d3ip-x").missing()
    assert "fewview train guide" in get_method("guide").missing()


def test_the_shipped_guide_gains_by_the_right_xray_volume_alone():
    made = simulate(Simulation(size=64, depth=4, views=12, xray_views=0, seed=100_007))
    frames = np.maximum(made.neutron.projections, 1).swapaxes(0, 1)
    flat = made.neutron.flats.mean(axis=0)[:, None]
    A = parallel_beam(made.neutron.angles, columns=64, axis=31.5, pixel=made.pixel)
    lines = torch.tensor(-np.log(frames / flat), dtype=torch.float32)
    right = torch.tensor(made.truth_xray)
    problem = Problem(A, lines, torch.tensor(frames / frames.mean(), dtype=torch.float32), right)
    values = {"samples": 2, "adaptation": "none", "trust": 1.0, "prior": "materials", "beside_share": 0.0}
    *_, alone = run("d3ip", problem, **values)
    *_, guided = run("d3ip-x", problem, **values)
    *_, nothing = run("d3ip-x", replace(problem, auxiliary=torch.zeros_like(right)), **values)
    *_, wrong = run("d3ip-x", replace(problem, auxiliary=right.rot90(1, (1, 2)).flip(0)), **values)
    base, truth = psnr(alone.volume, made.truth_neutron), made.truth_neutron
    assert psnr(guided.volume, truth) > base + 1.0
    assert psnr(guided.volume, truth) > psnr(nothing.volume, truth) + 0.5
    assert psnr(wrong.volume, truth) > base - 0.3
