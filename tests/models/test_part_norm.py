"""Group normalisation with weights, against that of the whole image that they stand for."""

import torch
from torch import nn

from fewview.models.part_norm import PartNorm, counting


def norms():
    layer = PartNorm(2, 6)
    plain = nn.GroupNorm(2, 6)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    layer.load_state_dict(plain.state_dict())
    return layer, plain


def test_without_weights_it_is_group_norm_to_the_bit():
    layer, plain = norms()
    x = torch.randn(3, 6, 8, 8)
    assert torch.equal(layer(x), plain(x))
    with counting(layer, torch.ones(3, 8, 8)):
        torch.testing.assert_close(layer(x), plain(x))
    assert layer.weights is None


def test_pixels_that_count_more_are_pixels_that_are_there_more_often():
    layer, plain = norms()
    x = torch.randn(2, 6, 8, 8)
    whole = torch.cat([x, x[:, :, 4:], x[:, :, 4:]], dim=2)  # the lower half three times
    weights = torch.ones(2, 8, 8)
    weights[:, 4:] = 3
    with counting(layer, weights):
        torch.testing.assert_close(layer(x), plain(whole)[:, :, :8])


def test_a_layer_at_a_lower_resolution_takes_the_mean_of_the_weights():
    layer, _ = norms()
    x = torch.randn(1, 6, 4, 4)
    weights = torch.rand(1, 2, 2).repeat_interleave(4, 1).repeat_interleave(4, 2)  # of an input twice as fine
    mean = weights[:, ::2, ::2] / weights.mean()
    with counting(layer, weights):
        found = layer(x)
    values = x.unflatten(1, (2, 3))
    middle = (values * mean[:, None, None]).mean(dim=(2, 3, 4), keepdim=True)
    spread = (values.square() * mean[:, None, None]).mean(dim=(2, 3, 4), keepdim=True) - middle.square()
    normal = ((values - middle) / (spread + layer.eps).sqrt()).flatten(1, 2)
    torch.testing.assert_close(found, normal * layer.weight[:, None, None] + layer.bias[:, None, None])
