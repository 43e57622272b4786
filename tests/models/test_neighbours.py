"""A prior that sees more neighbours, made of one that sees fewer."""

import pytest
import torch

from fewview.models.neighbours import alone, with_neighbours
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig


def _prior(**more):
    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16, **more))
    torch.nn.init.normal_(prior.net.head.weight, std=0.1)  # it starts at zero, and would hide everything
    return prior


@pytest.mark.parametrize(("seen", "slices"), [(1, 1), (1, 3), (1, 5), (3, 3), (3, 5)])
def test_it_does_what_the_narrow_prior_does(seen, slices):
    prior = _prior(slices=seen)
    wide = with_neighbours(prior, slices)
    x = torch.rand(2, slices, 16, 16)
    first = (slices - seen) // 2
    assert wide.config.slices == slices
    torch.testing.assert_close(wide(x, 0.2), prior(x[:, first : first + seen], 0.2))


def test_neighbours_are_not_taken_away():
    with pytest.raises(ValueError, match="5 slices already"):
        with_neighbours(_prior(slices=5), 3)


@pytest.mark.parametrize("more", [{"slices": 1}, {"slices": 3}, {"slices": 5, "extra": 1, "outputs": 2}])
def test_alone_is_a_slice_that_is_its_own_neighbour(more):
    prior = _prior(**more)
    single = alone(prior)
    assert single.config.slices == 1
    x, extra = torch.rand(2, 1, 16, 16), torch.rand(2, single.config.extra, 16, 16)
    wide = torch.cat([x.repeat(1, prior.config.slices, 1, 1), extra], dim=1)
    level = torch.full((2,), -0.4)
    torch.testing.assert_close(single.net(torch.cat([x, extra], dim=1), level), prior.net(wide, level))
