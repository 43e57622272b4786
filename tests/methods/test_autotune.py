import numpy as np
import pytest
import torch

from fewview.methods.autotune import choice, choose_weight
from fewview.methods.holdout import central, folds, hold_out, prediction_errors


def test_a_clear_minimum_is_taken():
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal(20)
    errors = {w: (np.log10(w) + 2) ** 2 + noise for w in (1e-4, 1e-3, 1e-2, 1e-1)}
    assert choice(errors).value == pytest.approx(1e-2)


@pytest.mark.parametrize(("stronger", "expected"), [(True, 1e-2), (False, 1e-4)])
def test_on_a_flat_curve_the_choice_moves_to_the_stronger_side(stronger, expected):
    rng = np.random.default_rng(1)
    errors = {w: 1 + 0.1 * rng.standard_normal(40) for w in (1e-5, 1e-3, 1e-1)}
    errors[1e-3] = errors[1e-3] - errors[1e-3].mean() + 0.99  # least, but by less than its uncertainty
    assert choice(errors, stronger).value == pytest.approx(expected)


def test_a_single_view_has_no_uncertainty():
    assert choice({0.1: np.array([2.0]), 0.01: np.array([1.0])}).value == pytest.approx(0.01)


def test_the_search_finds_the_minimum_of_a_known_error(make_problem):
    """A solver that is off by an amount that depends on the weight alone, least at 2e-3."""
    problem = make_problem(views=16)
    A = problem.operator
    image = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    exact = type(problem)(A, A(image))

    def solve(part, weight, warm):
        yield image * (1 + 0.1 * (np.log10(weight) - np.log10(2e-3))), {}

    steps = choose_weight(exact, solve, [10.0**k for k in (-1, -2, -3, -4)], 1e-2, image)
    try:
        while True:
            estimate = next(steps)
            assert estimate.volume is image
    except StopIteration as end:
        result = end.value
    assert result.value == pytest.approx(2e-3, rel=0.3)
    assert {w for w, _ in result.curve} > {1e-1, 1e-2, 1e-3, 1e-4}


def test_withheld_views_are_not_given(make_problem):
    problem = make_problem(views=20, slices=2)
    given, held = hold_out(problem, 0.2)
    assert (given.operator.views, held.operator.views) == (16, 4)
    assert not set(given.operator.angles) & set(held.operator.angles)
    assert given.data.shape[1] == 16
    # data and angles stay together
    index = int(np.flatnonzero(problem.operator.angles == held.operator.angles[1])[0])
    assert torch.equal(held.data[:, 1], problem.data[:, index])


def test_with_five_views_pixels_are_withheld(make_problem):
    problem = make_problem(views=5)
    given, held = hold_out(problem, 0.1)
    assert given.operator.views == held.operator.views == 5
    assert not bool(((given.weights > 0) & (held.weights > 0)).any())
    assert bool(((given.weights > 0) | (held.weights > 0)).all())
    assert 0.05 < float((held.weights > 0).float().mean()) < 0.15


def test_each_view_is_withheld_once(make_problem):
    problem = make_problem(views=14)
    angles = np.concatenate([held.operator.angles for _, held in folds(problem, 4)])
    assert np.array_equal(np.sort(angles), np.sort(problem.operator.angles))


def test_the_trial_slices_lie_in_the_middle(make_problem):
    problem = make_problem(slices=20)
    scale = problem.data[:, 0].amax(1) / problem.data[0, 0].amax()
    for adjacent, expected in ((False, [7, 12]), (True, [9, 10])):
        part = central(problem, 2, adjacent).data[:, 0].amax(1) / problem.data[0, 0].amax()
        assert torch.equal(part, scale[expected])


def test_prediction_errors_are_per_view_and_leave_out_unusable_pixels(make_problem):
    problem = make_problem(views=12)
    _, held = hold_out(problem, 0.25)
    weights = torch.ones_like(held.data)
    weights[:, 1] = 0
    volume = torch.zeros(1, 64, 64)
    errors = prediction_errors(type(held)(held.operator, held.data, weights), volume)
    expected = (held.data[0] ** 2).mean(1)[[0, 2]]
    assert errors == pytest.approx(expected.tolist(), rel=1e-5)
