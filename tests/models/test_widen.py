"""A prior made wider and deeper, from which training goes on."""

import pytest
import torch

from fewview.models.prior import DiffusionPrior
from fewview.models.unet import COMPACT, LARGE, MEDIUM, UNet, UNetConfig
from fewview.models.widen import widened

NARROW = UNetConfig(channels=(8, 16, 24), blocks=(1, 1, 1), slices=3, embedding=16)


def _prior(config=NARROW):
    torch.manual_seed(0)
    prior = DiffusionPrior(config)
    for parameter in prior.parameters():  # blocks and head start at zero, and would hide everything
        torch.nn.init.normal_(parameter, std=0.1)
    return prior


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"channels": (16, 32, 48)},
        {"channels": (8, 16, 72)},
        {"channels": (8, 32, 48), "blocks": (1, 2, 3)},
    ],
)
def test_it_does_what_the_narrow_prior_does(more):
    prior = _prior()
    wide = widened(prior, NARROW.model_copy(update=more))
    x = torch.rand(2, 3, 24, 16)
    assert wide.config.channels == more.get("channels", NARROW.channels)
    torch.testing.assert_close(wide(x, 0.2), prior(x, 0.2), atol=1e-4, rtol=1e-4)


def test_copies_of_a_channel_are_trained_apart():
    wide = widened(_prior(), NARROW.model_copy(update={"channels": (8, 16, 48)}))
    wide(torch.rand(2, 3, 24, 16), 0.2).square().mean().backward()
    gradient = wide.net.middle.conv1.weight.grad
    first, second = gradient[0::2], gradient[1::2]
    # The signs, too: Adam looks at hardly anything else.
    assert (first.sign() != second.sign()).float().mean() > 0.02


@pytest.mark.parametrize(
    ("config", "more"),
    [
        (NARROW, {"channels": (8, 16, 40)}),  # no multiple
        (NARROW, {"channels": (8, 16)}),  # a level less
        (NARROW.model_copy(update={"blocks": (1, 2, 1)}), {"blocks": (1, 1, 1)}),  # a block less
        (NARROW.model_copy(update={"channels": (8, 16, 16)}), {"channels": (8, 16, 32)}),  # a way around is new
        (NARROW, {"slices": 5}),
    ],
)
def test_no_place_for_the_weights(config, more):
    with pytest.raises(ValueError, match="prior"):
        widened(_prior(config), config.model_copy(update=more))


def test_the_sizes_start_from_one_another():
    def shapes(config):
        return {name: value.shape for name, value in UNet(config).state_dict().items()}

    for small, big in ((COMPACT, MEDIUM), (COMPACT, LARGE), (MEDIUM, LARGE)):
        there = shapes(big)
        assert all(name in there for name in shapes(small))
        assert not any(a % b for name, shape in shapes(small).items() for a, b in zip(there[name], shape, strict=True))
