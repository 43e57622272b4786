from types import SimpleNamespace

import numpy as np
import pytest

from fewview.methods.interface import Estimate
from fewview.methods.selection.weight_search import FOLDS, USUAL, search_work
from fewview.methods.stages import Stages, at_once, work


def stage(steps, told="", answer=None):
    for step in range(1, steps + 1):
        yield Estimate(np.zeros(1), step, steps, told)
    return answer


def test_stages_are_numbered_and_the_part_done_is_of_the_whole():
    def run():
        stages = Stages({"choosing": 1.0, "beside": 2.0, "iterating": 5.0})
        got = yield from stages.within("choosing", stage(2, answer=7))
        assert got == 7
        yield from stages.within("iterating", stage(5, "iterating"))  # one that is not needed is passed over

    told = list(run())
    assert [e.place for e in told] == [(1, 3)] * 2 + [(3, 3)] * 5
    assert [e.fraction for e in told] == pytest.approx([0.0625, 0.125, 0.5, 0.625, 0.75, 0.875, 1.0])
    assert [e.stage for e in told[1:3]] == ["choosing", "iterating"]
    assert [e.step for e in told] == [1, 2, 1, 2, 3, 4, 5]


def test_stages_within_a_stage_make_one_part():
    def inner():
        stages = Stages({"trust": 1.0, "prior": 1.0})
        yield from stages.within("trust", stage(2))
        yield from stages.within("prior", stage(2), named=False)

    told = list(Stages({"choosing": 3.0, "diffusing": 1.0}).within("choosing", inner()))
    assert [e.fraction for e in told] == pytest.approx([0.1875, 0.375, 0.5625, 0.75])
    assert [e.stage for e in told] == ["choosing: trust", "choosing: trust", "choosing", "choosing"]
    assert {e.place for e in told} == {(1, 2)}


def of(views, grid, slices=1):
    operator = SimpleNamespace(views=views, columns=grid, grid=grid)
    return SimpleNamespace(operator=operator, data=np.zeros((slices, 1, 1)))


def test_slices_at_once_take_less_than_one_after_the_other():
    many, few = of(views=10**6, grid=640), of(views=1, grid=10**6)
    assert [round(at_once(many, slices), 2) for slices in (1, 2, 4, 8, 16, 17)] == [1, 2, 2.5, 3, 6, 7]
    assert at_once(few, 8) == pytest.approx(8, rel=0.02)  # all of the work is on the pixels


def test_a_search_on_parts_that_run_at_once_is_expected_to_take_less():
    one = of(views=181, grid=640)
    together, apart = search_work(one, 60), search_work(one, 60, coupled=True)
    assert apart == pytest.approx(USUAL * FOLDS * work(one, 60) / 4)  # two times binned
    assert 0.6 * apart < together < 0.75 * apart
