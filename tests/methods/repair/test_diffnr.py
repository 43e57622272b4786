"""DiffNR: a good fixer is followed, a bad one refused; stop and resume to the same bits; what it tells."""

import math

import numpy as np
import pytest
import torch

from fewview.methods.fields.methods import NAF
from fewview.methods.interface import Problem
from fewview.methods.inverse.normalised import scaled
from fewview.methods.inverse.proposals import Proposal, data_consistent
from fewview.methods.registry import get_method
from fewview.methods.repair import repair as module
from fewview.methods.repair.methods import DIFFNR_NAF, DIFFNR_PAPER
from fewview.methods.repair.pseudo_reference import PseudoReference, Repairer
from fewview.methods.selection.held_out import pixel_folds
from fewview.models.ssim import ssim3d
from fewview.operators import parallel_beam
from fewview.runs.kept import remarks

N, SLICES = 32, 3


@pytest.fixture(scope="module")
def truth():
    across = torch.arange(N) - (N - 1) / 2
    volume = torch.zeros(SLICES, N, N)
    for x, y, r, value in ((0, 0, 13, 0.5), (4, 5, 4, 0.5), (-5, -3, 3, -0.4), (3, -7, 2, 0.3)):
        volume += value * ((across[:, None] - y) ** 2 + (across - x) ** 2 < r**2)
    return volume


@pytest.fixture(scope="module")
def problem(truth):
    A = parallel_beam(np.arange(6) * math.pi / 6, columns=N)
    y = A(truth)
    noise = 0.02 * float(y.max()) * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    return Problem(A, y + noise, torch.ones_like(y), seed=3)


class Oracle:
    """A fixer that knows the answer, or nothing but nonsense."""

    together = 8

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def __call__(self, x, condition):
        self.asked += 1
        index = ((condition.height + 1) / 2 * (SLICES - 1)).round().long()
        return self.answer[index][:, None]


def use(monkeypatch, answer):
    oracle = Oracle(answer)
    monkeypatch.setattr(module, "load_any_fixer", lambda name, device: oracle)
    return oracle


SETTINGS = {"steps": 16, "smoothness": 1e-3, "start": "cgls", "warm_up": 0.2, "repairs": 2}


def last(method, problem, **settings):
    *_, end = method.run(problem, method.options.parse(settings))
    return end


def error(volume, truth):
    return float((torch.as_tensor(volume) - truth).square().mean()) ** 0.5


def backbone(problem):
    return last(NAF, problem, **{k: v for k, v in SETTINGS.items() if k in NAF.options.model_fields})


def test_a_good_repair_is_followed(monkeypatch, problem, truth):
    use(monkeypatch, truth / truth.max())
    end = last(DIFFNR_NAF, problem, **SETTINGS)
    assert error(end.volume, truth) < 0.7 * error(backbone(problem).volume, truth)
    assert end.chosen["refused_slices"] == [] and end.chosen["repairs_made"] >= 1
    assert set(end.extra) == {"pseudo-reference", "repair", "refused"}
    assert error(end.extra["pseudo-reference"], truth) < 0.5 * error(backbone(problem).volume, truth)


def test_a_harmful_repair_is_refused_and_costs_nothing(monkeypatch, problem, truth):
    oracle = use(monkeypatch, torch.rand(truth.shape, generator=torch.Generator().manual_seed(1)))
    end = last(DIFFNR_NAF, problem, repair_error=0.01, **SETTINGS)
    assert end.chosen["refused_slices"] == list(range(SLICES))
    assert oracle.asked == 2  # once on the way, once of the best field
    assert error(end.volume, truth) < 1.05 * error(backbone(problem).volume, truth)


def test_a_recipe_of_a_tuned_run_holds_nothing_on_auto(problem):
    settled = DIFFNR_NAF.settle(problem, DIFFNR_NAF.options.parse({"steps": 2, "start": "fbp", "scale": 1.0})).options
    assert settled.undecided() == [] and not DIFFNR_NAF.settles(settled)
    assert settled.repair_error == 0, "chosen anew at each repair"
    assert DIFFNR_NAF.options.parse({"repair_error": "auto"}).repair_error == 0, "as older recipes say it"


@pytest.mark.parametrize("before", [0, 1])
def test_that_the_repair_of_the_finished_field_was_refused_is_told_beside_those_followed(
    monkeypatch, problem, truth, before
):
    right, wrong = truth / truth.max(), torch.rand(truth.shape, generator=torch.Generator().manual_seed(1))

    class TurnsBad(Oracle):
        def __call__(self, x, condition):
            self.answer = right if self.asked < before else wrong
            return super().__call__(x, condition)

    monkeypatch.setattr(module, "load_any_fixer", lambda name, device: TurnsBad(right))
    end = last(DIFFNR_NAF, problem, **SETTINGS | {"repairs": before, "repair_error": 0.01})
    assert end.chosen["last_repair_refused"] is True and end.chosen["repairs_made"] == before
    assert end.chosen.get("refused_slices", []) == []
    said, *others = remarks(end.chosen)
    assert all("the network was trained for" in one for one in others)  # of the narrow slices
    assert "finished field was refused" in said and ("1 before it was followed" in said) is bool(before)


def test_the_last_repair_is_held_against_all_pixels_and_is_the_result(monkeypatch, problem, truth):
    use(monkeypatch, 0.9 * truth / truth.max())  # the shapes are right, the values are not
    settings = SETTINGS | {"repairs": 0, "repair_error": 0.1}
    end = last(DIFFNR_NAF, problem, **settings)
    assert end.chosen["repairs_made"] == 1
    np.testing.assert_array_equal(end.volume, end.extra["pseudo-reference"])
    assert error(end.volume, truth) < 0.8 * error(0.9 * truth, truth)
    assert error(end.volume, truth) < 0.9 * error(backbone(problem).volume, truth)
    assert end.state is not None  # leads to the same end
    again = Problem(problem.operator, problem.data, problem.weights, seed=3, state=end.state)
    *_, same = DIFFNR_NAF.run(again, DIFFNR_NAF.options.parse(settings))
    assert torch.equal(torch.as_tensor(same.volume), torch.as_tensor(end.volume))


def test_slices_are_refused_by_themselves(problem, truth):
    answer = truth / truth.max()
    answer[1] = torch.rand(N, N, generator=torch.Generator().manual_seed(2))
    given, held = pixel_folds(problem, 1)[0]
    data = scaled(given, float(truth.max()))
    start = 0.7 * truth / truth.max()
    *_, found = Repairer(Oracle(answer), given, data, held, error=0.02).repair(start)
    assert isinstance(found, PseudoReference)
    assert found.refused.tolist() == [False, True, False]
    torch.testing.assert_close(found.volume[1], start[1])


def test_a_pseudo_reference_agrees_with_the_measurement(problem, truth):
    data = scaled(problem, float(truth.max()))
    wrong = 0.6 * truth / truth.max()
    repairer = Repairer(Oracle(wrong), problem, data, None, error=0.2)
    *_, found = repairer.repair(torch.zeros_like(wrong))
    assert float(data.mean_square(found.volume)) < 0.1 * float(data.mean_square(wrong))


def test_without_repairs_it_is_the_backbone(monkeypatch, problem, truth):
    use(monkeypatch, truth)
    end = last(DIFFNR_NAF, problem, **SETTINGS | {"repairs": 0, "last_repair": False})
    assert torch.equal(torch.as_tensor(end.volume), torch.as_tensor(backbone(problem).volume))


def test_resume_is_bit_equal(monkeypatch, problem, truth):
    use(monkeypatch, truth / truth.max())
    options = DIFFNR_NAF.options.parse(SETTINGS)
    whole = state = None
    for whole in DIFFNR_NAF.run(problem, options):
        if whole.state is not None and whole.step == 8 and state is None:
            state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in whole.state.items()}
    assert whole is not None and state is not None and state["repair.made"] >= 1
    again = Problem(problem.operator, problem.data, problem.weights, seed=3, state=state)
    *_, end = DIFFNR_NAF.run(again, options)
    assert torch.equal(torch.as_tensor(end.volume), torch.as_tensor(whole.volume))


def test_enlarging_keeps_the_size_and_the_condition(problem, truth):
    seen = []

    class Watching(Oracle):
        def __call__(self, x, condition):
            seen.append((x.shape[-1], condition.rows.shape[-1]))
            return x

    data = scaled(problem, float(truth.max()))
    start = truth / truth.max()
    *_, found = Repairer(Watching(truth), problem, data, None, enlarge=2, consistent=False).repair(start)
    assert seen == [(2 * N, 2 * N)]
    assert error(found.repaired, start) < 0.03


def test_a_refused_repair_does_not_reach_its_neighbours(problem, truth):
    good = truth / truth.max()
    start = good + 0.05 * torch.randn(good.shape, generator=torch.Generator().manual_seed(2))
    part, held = pixel_folds(problem, 1)[0]
    data = scaled(part, float(truth.max()))

    def repaired(middle, **settings):
        bad = good.clone()
        bad[1] = middle
        *_, found = Repairer(Oracle(bad), part, data, **{"held": held, **settings}).repair(start)
        assert found.refused.tolist() == [False, True, False]
        assert torch.equal(found.volume[1], start[1])
        return found.volume

    worse, worst = 1 - good[1], 3 * (1 - good[1])
    assert torch.equal(repaired(worse, error=0.1), repaired(worst, error=0.1))
    said = torch.tensor([False, True, False])  # as of the finished field, which was judged before
    assert torch.equal(repaired(worse, held=None, refused=said), repaired(worst, held=None, refused=said))


def test_what_slices_repaired_one_by_one_differ_by_is_smoothed_and_steps_between_them_stay(problem, truth):
    shape = truth[0] / truth.max()
    solid = torch.stack([shape] * 4 + [0.5 * shape] * 4)
    A = problem.operator
    data = scaled(Problem(A, A(solid), torch.ones(A(solid).shape), seed=3), 1.0)
    by_slice = solid + 0.05 * torch.randn((len(solid), 1, 1), generator=torch.Generator().manual_seed(1)) * (solid > 0)
    repairer = Repairer(Oracle(by_slice), problem, data, None)
    plain = data_consistent([Proposal(by_slice, 1 / 0.1**2)], data, 8, by_slice)
    nobody = torch.zeros(len(solid), dtype=torch.bool)
    smoothed = repairer._smoothed(solid, by_slice, 0.1, nobody)
    steps = (smoothed - solid).diff(dim=0)[:, shape > 0].abs().mean(dim=1), (plain - solid).diff(dim=0)
    assert steps[0].mean() < 0.8 * steps[1][:, shape > 0].abs().mean()
    assert error(smoothed, solid) <= 1.02 * error(plain, solid)  # the step by half in the middle is still there


def test_the_published_schedule_repairs_once_late_and_believes_it(monkeypatch, problem, truth):
    other = truth.flip(-1) / truth.max()
    oracle = use(monkeypatch, other)
    few = {"steps": 24, "count": 300, "scale": float(truth.max()), "start_iterations": 5}
    ends, asked = {}, {}
    for weight in (0.0, 1.0):
        for end in DIFFNR_PAPER.run(problem, DIFFNR_PAPER.options.parse({**few, "likeness": weight})):
            asked.setdefault((weight, oracle.asked > 0), end.step)
        ends[weight], oracle.asked = end, 0
    assert asked[1.0, True] == 20  # 10000 of 12000
    assert end.chosen["repairs_made"] == 1 and end.chosen["refused_slices"] == []
    assert error(end.extra["pseudo-reference"], truth.flip(-1)) < 0.05  # as proposed, but for the resampling
    alike = {w: float(ssim3d(torch.as_tensor(e.volume) / truth.max(), other)) for w, e in ends.items()}
    assert alike[1.0] > alike[0.0] + 0.05


@pytest.mark.parametrize(
    ("repaired", "backbone"), [("diffnr-naf", "naf"), ("diffnr-gaussian", "r2gaussian"), ("diffnr-inr", "inr")]
)
def test_what_a_backbone_and_its_repair_share_has_the_same_defaults(repaired, backbone):
    mine, its = (get_method(name).options.model_fields for name in (repaired, backbone))
    assert {name: mine[name].default for name in its} == {name: field.default for name, field in its.items()}
