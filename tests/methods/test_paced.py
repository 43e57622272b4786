"""Pictures on the way: one a second, and always the last one."""

import pytest

from fewview.methods.paced import Looks, paced
from fewview.methods.selection import picture


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(picture, "clock", lambda: now[0])
    return now


def slow(clock, count, seconds):
    for number in range(count):
        clock[0] += seconds
        yield number


def test_of_a_quick_solver_only_the_answer_is_shown(clock):
    assert list(paced(slow(clock, 5, 0.1))) == [(4, True)]
    assert list(paced(iter([7]))) == [(7, True)]


def test_of_a_slow_one_an_image_a_second(clock):
    shown = list(paced(slow(clock, 9, 0.5)))
    assert shown[-1] == (8, True) and [whole for _, whole in shown[:-1]] == [False] * 4
    assert [image for image, _ in shown[:-1]] == [0, 2, 4, 6]


def test_a_look_is_due_once_a_second(clock):
    looks = Looks()
    assert not looks.due
    clock[0] += 1.5
    assert looks.due and not looks.due
