from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.selection.held_out import hold_out, pixel_folds, prediction_errors, stacked
from fewview.methods.selection.picture import Picture
from fewview.methods.selection.weight_search import Trials, choice, choose_weight
from fewview.methods.slices import central
from fewview.operators import tiles
from fewview.quality.heldout import heldout_pixels


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
        scale = 1 + 0.1 * (np.log10(weight) - np.log10(2e-3))
        yield image.expand(len(part.data), -1, -1) * scale, {}

    steps = choose_weight(
        Trials(exact, Picture(torch.zeros_like(image))), solve, [10.0**k for k in (-1, -2, -3, -4)], 1e-2
    )
    shown, pictures = [], {}
    try:
        while True:
            estimate = next(steps)
            shown.append((estimate.kept, estimate.shows, estimate.fraction))
            pictures[estimate.shows] = estimate.volume
    except StopIteration as end:
        result, best = end.value
    assert result.value == pytest.approx(2e-3, rel=0.3)
    # What is shown is the best trial so far, and says its weight; the bar does not go back.
    assert shown[0][:2] == ("intermediate", "while its weight was being chosen: weight 0.01")
    assert shown[-1][1] != shown[0][1] and shown[-1][1].startswith("while its weight was being chosen: weight 0.00")
    off = {said: float((picture - image).abs().mean()) for said, picture in pictures.items()}
    assert off[shown[-1][1]] == min(off.values())
    assert [done for *_, done in shown] == sorted(done for *_, done in shown)
    assert best.errors.mean() == min(error for _, error in result.curve)
    assert {w for w, _ in result.curve} > {1e-1, 1e-2, 1e-3, 1e-4}


def test_held_out_views_are_not_given(make_problem):
    problem = make_problem(views=20, slices=2)
    given, held = hold_out(problem, 0.2)
    assert (given.operator.views, held.operator.views) == (16, 4)
    assert not set(given.operator.angles) & set(held.operator.angles)
    assert given.data.shape[1] == 16
    # data and angles stay together
    index = int(np.flatnonzero(problem.operator.angles == held.operator.angles[1])[0])
    assert torch.equal(held.data[:, 1], problem.data[:, index])


def test_with_five_views_pixels_are_held_out(make_problem):
    problem = make_problem(views=5)
    given, held = hold_out(problem, 0.1)
    assert given.operator.views == held.operator.views == 5
    assert not bool(((given.weights > 0) & (held.weights > 0)).any())
    assert bool(((given.weights > 0) | (held.weights > 0)).all())
    assert 0.05 < float((held.weights > 0).float().mean()) < 0.15


def test_what_a_run_held_out_is_not_held_out_once_more(make_problem):
    """With few views a run keeps pixels back by its seed, and so do the methods that choose within it."""
    problem = make_problem(views=5, slices=2)
    own = heldout_pixels(tuple(problem.data.shape), 0.1, problem.seed)
    within = replace(problem, weights=torch.as_tensor(np.where(own, 0.0, 1.0), dtype=torch.float32))
    for _, held in (hold_out(within, 0.1), *pixel_folds(within, 3)):
        assert float((held.weights > 0).float().mean()) > 0.05


def test_pixels_are_held_out_of_every_view_and_differ_between_parts(make_problem):
    problem = make_problem(views=14, slices=2)
    parts = pixel_folds(problem, 3)
    masks = [held.weights > 0 for _, held in parts]
    for (given, held), mask in zip(parts, masks, strict=True):
        assert given.data is held.data is problem.data
        assert not bool((given.weights[mask] > 0).any())
        assert bool((given.weights[~mask] == 1).all())
        assert bool(mask.any(dim=2).all())
    assert not torch.equal(masks[0], masks[1])


def test_a_stack_of_parts_is_solved_as_they_are_one_by_one(make_problem):
    """Held-out errors of the stack are those of the parts, pooled."""
    problem = make_problem(views=9, slices=2, noise=0.02)
    parts = pixel_folds(problem, 3)
    given, held = stacked(parts)
    method = get_method("tv")
    options = method.options(weight=1e-3, iterations=20)
    *_, together = method.run(given, options)
    volumes = []
    for part, _ in parts:
        *_, one = method.run(part, options)
        volumes.append(one.volume.clone())
    torch.testing.assert_close(together.volume, torch.cat(volumes), rtol=1e-4, atol=1e-5)
    per_part = [prediction_errors(h, v) for (_, h), v in zip(parts, volumes, strict=True)]
    counts = torch.stack([(h.weights > 0).sum(dim=(0, 2)) for _, h in parts]).double()
    expected = (torch.tensor(per_part) * counts).sum(0) / counts.sum(0)
    assert prediction_errors(held, together.volume) == pytest.approx(expected.tolist(), rel=1e-3)


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


def test_the_matrices_of_held_out_views_are_not_remembered(make_problem, monkeypatch):
    """They are needed to choose by, and would lie in memory beside what the run itself takes."""
    monkeypatch.setattr(tiles, "_kept", type(tiles._kept)())
    given, held = hold_out(make_problem(views=16))
    for operator in (given.operator, held.operator):
        operator.T(operator(torch.ones(1, *operator.domain_shape)))
        assert operator.engine.nbytes > 0
    assert not tiles._kept
