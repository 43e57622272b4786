"""What an unrolled network with X-rays is taught: aligned pairs, often without, sometimes with the wrong ones."""

import numpy as np
import torch

from fewview.training import unrolled_xray
from fewview.training.guide_pairs import plain_pair
from fewview.training.unrolled_xray import as_delivered, paired_case, paired_specimens


def test_both_images_are_of_the_same_places():
    neutron, _ = plain_pair(np.random.default_rng(0), 64)
    fine, xray = paired_specimens((neutron, 0.5 * neutron), 32, 3, np.random.default_rng(5))
    assert fine.shape == (3, 64, 64) and xray.shape == (3, 32, 32)
    assert torch.allclose(2 * xray, fine.unflatten(1, (32, 2)).unflatten(3, (32, 2)).mean(dim=(2, 4)), atol=1e-3)


def test_all_slices_are_delivered_alike():
    one, other = torch.rand(1, 32, 32).repeat(3, 1, 1), torch.rand(2, 32, 32)
    for seed in range(12):
        shown = as_delivered(one, other, np.random.default_rng(seed))
        missing = shown.abs().amax(dim=(1, 2)) == 0
        assert missing.all() or not missing.any()


def test_validation_shows_none_the_right_or_another(monkeypatch):
    def sample(index, side):
        rng = np.random.default_rng(index)
        return rng.random((8, side, side), np.float32), rng.random((8, side, side), np.float32)

    monkeypatch.setattr(unrolled_xray, "_sample", sample)
    none, truth = paired_case(0, 8, 16, "none")
    right, same = paired_case(0, 8, 16, "right")
    other, _ = paired_case(0, 8, 16, "other")
    assert none.auxiliary is None and torch.equal(truth, same) and torch.equal(none.data, right.data)
    assert right.auxiliary.shape == truth.shape
    assert not torch.allclose(right.auxiliary, other.auxiliary, atol=0.1)
