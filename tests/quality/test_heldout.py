import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.quality import heldout_error, heldout_pixels, split_views


@pytest.mark.parametrize("arc", [180, 360])
@pytest.mark.parametrize(("views", "fraction"), [(6, 0.1), (32, 0.125), (45, 0.2), (181, 0.5)])
def test_held_out_views_are_spread_over_the_directions(arc, views, fraction):
    angles = np.radians(np.arange(views) * arc / views)
    kept, held = split_views(angles, fraction, seed=3)
    assert sorted([*kept, *held]) == list(range(views))
    assert len(held) == max(1, round(fraction * views))
    order = np.argsort(np.argsort(np.mod(angles, np.pi), kind="stable"))
    places = np.sort(order[held])
    gaps = np.diff([*places, places[0] + views])
    assert gaps.max() - gaps.min() <= 1


def test_splits_depend_on_the_seed_and_on_nothing_else():
    angles = np.linspace(0, np.pi, 40, endpoint=False)
    assert all(
        np.array_equal(a, b) for a, b in zip(split_views(angles, 0.2, 1), split_views(angles, 0.2, 1), strict=True)
    )
    assert any(not np.array_equal(split_views(angles, 0.2, 1)[1], split_views(angles, 0.2, s)[1]) for s in range(2, 6))


@pytest.mark.parametrize("seed", range(20))
def test_of_few_pixels_one_is_held_out(seed):
    hidden = heldout_pixels((1, 1, 6), 0.08, seed)
    assert 1 <= hidden.sum() < 6
    assert np.array_equal(hidden, heldout_pixels((1, 1, 6), 0.08, seed))


def test_mistakes_are_named():
    with pytest.raises(FewviewError, match="detector pixels"):
        split_views(np.arange(5.0), 0.2)
    with pytest.raises(FewviewError, match="between 0 and 1"):
        split_views(np.arange(9.0), 1.0)
    with pytest.raises(FewviewError, match="empty"):
        heldout_error(np.ones((1, 2, 3)), np.zeros((1, 2, 3)))
    with pytest.raises(FewviewError, match="do not fit"):
        heldout_error(np.ones((1, 2, 3)), np.zeros((1, 2, 4)))


def test_held_out_pixels_are_about_the_fraction():
    mask = heldout_pixels((4, 5, 500), 0.07, seed=1)
    assert mask.shape == (4, 5, 500)
    assert 0.05 < mask.mean() < 0.09
    assert np.array_equal(mask, heldout_pixels((4, 5, 500), 0.07, seed=1))


def test_errors_against_the_formula_and_without_unusable_pixels():
    rng = np.random.default_rng(4)
    p, m, w = rng.random((3, 2, 6, 9))
    assert heldout_error(p, m, w) == pytest.approx(np.sqrt((w * (p - m) ** 2).sum() / (w * m * m).sum()))
    assert heldout_error(torch.from_numpy(p), torch.from_numpy(m), torch.from_numpy(w)) == heldout_error(p, m, w)
    w[0, 0] = 0
    before = heldout_error(p, m, w)
    m[0, 0], p[0, 1, 0] = np.nan, p[0, 1, 0]
    assert heldout_error(p, m, w) == before
