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
