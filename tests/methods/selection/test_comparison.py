"""The one rule for what is better on held-out measurements."""

import numpy as np
import pytest
from scipy.special import stdtrit

from fewview.methods.selection.comparison import ON_AVERAGE, best_setting, better, gain
from fewview.methods.selection.held_out import held_fraction

VIEWS = np.array([1.0, 1.1, 0.9, 1.0])


def test_a_default_is_left_only_for_something_clearly_better():
    noisy = VIEWS - 0.01 * np.array([3, -2.5, 3, -2.5])
    clear = VIEWS - np.array([0.1, 0.11, 0.09, 0.1])
    assert best_setting({"default": VIEWS, "other": noisy}) == "default"
    assert best_setting({"default": VIEWS, "other": noisy, "clear": clear}) == "clear"
    assert best_setting({"default": VIEWS[:2], "other": VIEWS[:2] - [0.1, 0.2]}) == "default"  # two views tell little
    assert best_setting({"default": VIEWS[:1], "other": VIEWS[:1] - 0.5}) == "default"


def test_a_large_gain_needs_no_test():
    uneven = {"default": VIEWS[:2], "other": VIEWS[:2] - [0.1, 0.2]}
    assert gain(uneven["other"], uneven["default"]) == pytest.approx(0.07, abs=0.01)
    assert best_setting(uneven, 0.04) == "other" and best_setting(uneven, 0.1) == "default"


def test_the_confidence_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    incumbent = 10 + rng.standard_normal(12)
    difference = rng.standard_normal(12)
    difference -= difference.mean()
    error = difference.std(ddof=1) / 12**0.5
    for confidence in (0.84, 0.95):
        limit = stdtrit(11, confidence) * error
        assert better(incumbent - difference - 1.01 * limit, incumbent, confidence=confidence)
        assert not better(incumbent - difference - 0.99 * limit, incumbent, confidence=confidence)


def test_a_gain_may_have_to_be_large_or_only_there():
    assert not better(0.9 * VIEWS, VIEWS, least=0.1)
    assert better(0.9 * VIEWS, VIEWS, least=0.05)
    assert better(VIEWS[:1] - 0.01, VIEWS[:1], confidence=ON_AVERAGE)
    assert not better(VIEWS, VIEWS, confidence=ON_AVERAGE)
    assert not better(VIEWS, np.zeros(4))  # nothing is better than no error


@pytest.mark.parametrize(("views", "part"), [(4, 0.15), (6, 0.25), (16, 3 / 16), (32, 0.15), (720, 0.15)])
def test_three_views_at_least_and_a_quarter_at_most_are_held_out(views, part):
    assert held_fraction(views) == pytest.approx(part)
