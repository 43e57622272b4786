"""Memory held at the peak, counted array by array."""

import torch

from fewview.testing.held import HeldTensors

MEGABYTE = 2**18  # values


def test_the_peak_is_what_was_held_together():
    with HeldTensors() as held:
        first = torch.zeros(3 * MEGABYTE)
        second = first + 1
        del first
        third = torch.cat([second, second[:MEGABYTE]])
        del second
    assert held.peak == 7 * 2**20 and held.now == 4 * 2**20 == third.untyped_storage().nbytes()


def test_what_gradients_need_is_held_and_views_take_nothing():
    x = torch.ones(MEGABYTE, requires_grad=True)
    with HeldTensors() as held:
        loss = (x.view(-1, 2).t().exp() * 2).sum()
        assert 2 * 2**20 <= held.now < 2 * 2**20 + 64  # x, its exponential for the way back, and the sum
        del loss
        assert held.now < 2**20 + 64
