from types import SimpleNamespace

import torch

from fewview.methods.selection import picture as module
from fewview.methods.selection.picture import Picture

BEST, TRIED = torch.full((1, 4, 4), 2.0), torch.full((1, 4, 4), 3.0)
CHOOSING = "while its weight was being chosen: weight "


def shown(picture):
    estimate = picture.estimate(1, 2, "choosing the weight")
    return float(estimate.volume.max()), estimate.kept, estimate.shows


def test_the_best_trial_is_shown_and_one_under_way_says_so():
    picture = Picture(torch.ones(1, 4, 4), "FBP")
    assert shown(picture) == (1.0, "start", "FBP")
    picture.try_on(BEST, [0], CHOOSING + "0.01")
    assert shown(picture) == (2.0, "intermediate", CHOOSING + "0.01")  # there is no better one yet
    picture.take(0.5, BEST, [0], CHOOSING + "0.01")
    picture.try_on(TRIED, [0], CHOOSING + "0.001")
    assert shown(picture) == (3.0, "intermediate", CHOOSING + "0.001, being tried; best so far: weight 0.01")
    picture.take(0.6, TRIED, [0], CHOOSING + "0.001")  # worse
    assert shown(picture) == (2.0, "intermediate", CHOOSING + "0.01")
    picture.try_on(TRIED, [0], CHOOSING + "0.003")
    picture.settle()
    assert shown(picture) == (2.0, "intermediate", CHOOSING + "0.01")


def test_slices_that_lie_in_another_slab_leave_the_start():
    of = SimpleNamespace(first_slice=4, rows=range(20, 32, 2))
    picture = Picture(torch.ones(2, 4, 4), "FBP", of=of)
    picture.try_on(BEST, [0], CHOOSING + "0.01")
    picture.take(0.5, BEST, [0], CHOOSING + "0.01")
    assert shown(picture) == (1.0, "start", "FBP")
    picture.take(0.4, BEST, [5], CHOOSING + "0.1")
    assert shown(picture) == (2.0, "intermediate", CHOOSING + "0.1 (row 30; FBP in the others)")


def test_a_trial_under_way_is_looked_at_once_nothing_new_was_seen_for_a_while(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, "clock", lambda: now[0])
    picture, due = Picture(torch.ones(1, 4, 4)), []
    assert picture.due
    picture.try_on(BEST, [0], CHOOSING + "0.01")
    for now[0] in (0.1, 0.3):
        due.append(picture.due)
    picture.take(0.5, BEST, [0], CHOOSING + "0.01")
    for now[0] in (1.0, 2.2, 2.4):
        due.append(picture.due)
    picture.try_on(TRIED, [0], CHOOSING + "0.001")
    for now[0] in (4.0, 4.5):
        due.append(picture.due)
    assert due == [False, True, False, False, True, False, True]
