import numpy as np
import pytest
import torch

from fewview.training.specimens import specimens

BLOCKS = [np.ones((6, 40, 40), np.float32)]


def corners(wide: float, count: int) -> torch.Tensor:
    fine, depth = specimens(BLOCKS, 16, count, 2, np.random.default_rng(0), wide=wide)
    return fine.unflatten(0, (count, depth))[:, :, 0, 0]


def test_a_sample_ends_where_every_view_sees_it():
    fine, depth = specimens(BLOCKS, 16, 3, 2, np.random.default_rng(0))
    across = torch.arange(32) - 15.5
    inside = across[:, None] ** 2 + across**2 < 16**2
    assert (len(fine), depth) == (6, 2)
    assert fine[:, inside].min() == pytest.approx(1, abs=1e-6)
    assert not fine[:, ~inside].any()


def test_some_samples_are_wider_than_the_detector_where_that_is_asked_for():
    whole = corners(0.25, 400).amin(dim=1)
    assert corners(1.0, 4).min() == pytest.approx(1, abs=1e-6)
    assert whole.mean() == pytest.approx(0.25, abs=0.07)
    assert set(whole.round().tolist()) == {0.0, 1.0}


def test_soft_samples_have_blurred_edges_and_shades_and_keep_their_mean():
    block = np.zeros((6, 64, 64), np.float32)
    block[:, :, 32:] = 1
    rng = np.random.default_rng(0)
    soft = [specimens([block], 32, 1, 2, rng, wide=1.0, soft=1.0)[0] for _ in range(40)]
    sharp = [specimens([block], 32, 1, 2, rng, wide=1.0)[0] for _ in range(40)]
    mixed = [float(((image > 0.1) & (image < 0.9)).double().mean()) for image in soft]
    assert all(set(image.unique().tolist()) <= {0.0, 1.0} for image in sharp)
    assert min(mixed) > 0
    assert torch.stack(soft).mean() == pytest.approx(0.5, abs=0.05)
    assert all(image.min() >= -1e-6 for image in soft)
