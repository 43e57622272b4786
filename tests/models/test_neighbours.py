"""A 2.5D prior made of a 2D one."""

import pytest
import torch

from fewview.models.neighbours import with_neighbours
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig


def _prior(**more):
    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16, **more))
    torch.nn.init.normal_(prior.net.head.weight, std=0.1)  # it starts at zero, and would hide everything
    return prior


@pytest.mark.parametrize("slices", [1, 3, 5])
def test_it_does_what_the_2d_prior_does(slices):
    prior = _prior()
    wide = with_neighbours(prior, slices)
    x = torch.rand(2, slices, 16, 16)
    middle = slices // 2
    assert wide.config.slices == slices
    torch.testing.assert_close(wide(x, 0.2), prior(x[:, middle : middle + 1], 0.2))


def test_2_5d_weights_are_not_widened_again():
    with pytest.raises(ValueError, match="3 slices already"):
        with_neighbours(_prior(slices=3), 5)
