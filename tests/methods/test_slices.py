"""Which slices stand for a whole run."""

from types import SimpleNamespace

import pytest

from fewview.methods.slices import central_slices


@pytest.mark.parametrize("slices", [1, 2, 4, 16])
@pytest.mark.parametrize("total", [*range(1, 40), 501])
def test_slices_that_stand_for_all_are_as_many_as_were_asked_none_twice_and_in_the_middle(total, slices):
    problem = SimpleNamespace(data=range(total), stack=None)
    for adjacent in (False, True):
        found = central_slices(problem, slices, adjacent)
        assert found == sorted(set(found)) and len(found) == min(slices, total)
        assert found[0] >= 0 and found[-1] < total
        assert abs((found[0] + found[-1]) / 2 - (total - 1) / 2) <= 1
    if total >= 2 * slices:
        spread = central_slices(problem, slices)
        assert total / 4 - 1 < spread[0] and spread[-1] < 3 * total / 4
