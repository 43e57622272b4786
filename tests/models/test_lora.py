"""Low-rank adaptation: nothing at the start, little to train, all of it removable."""

import copy

import pytest
import torch
from torch import nn

from fewview.models.lora import LoRA, add_lora, lora_disabled, reset_lora
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig, count_parameters

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)


@pytest.fixture
def prior():
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY)
    for parameter in prior.parameters():
        nn.init.normal_(parameter, std=0.1)
    return prior


def _train(prior, parameters):
    image = torch.rand(2, 1, 16, 16)
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        prior(image, 0.3).square().mean().backward()
        optimizer.step()


def test_it_starts_as_the_identity(prior):
    image = torch.rand(2, 1, 16, 16)
    before = prior(image, 0.3)
    add_lora(prior, rank=4)
    assert torch.equal(prior(image, 0.3), before)


def test_only_the_changes_are_trained(prior):
    whole = count_parameters(prior)
    parameters = add_lora(prior, rank=2)
    assert 0 < sum(p.numel() for p in parameters) < 0.5 * whole
    frozen = {n: p.clone() for n, p in prior.named_parameters() if not p.requires_grad}
    _train(prior, parameters)
    for name, value in frozen.items():
        assert torch.equal(dict(prior.named_parameters())[name], value), name


def test_training_changes_the_output_and_disabling_or_reset_brings_it_back(prior):
    image = torch.rand(2, 1, 16, 16)
    before = prior(image, 0.3)
    _train(prior, add_lora(prior))
    assert not torch.allclose(prior(image, 0.3), before, atol=1e-4)
    with lora_disabled(prior):
        assert torch.equal(prior(image, 0.3), before)
    assert not torch.allclose(prior(image, 0.3), before, atol=1e-4)
    reset_lora(prior)
    assert torch.equal(prior(image, 0.3), before)


def test_biases_are_unfrozen_outside_the_noise_level_layers(prior):
    add_lora(prior, biases=True)
    open_biases = {n for n, p in prior.named_parameters() if p.requires_grad and n.endswith("bias")}
    assert any("norm" in n for n in open_biases)
    assert any("conv1.base.bias" in n for n in open_biases)
    assert not any("emb" in n for n in open_biases)


def test_a_strided_convolution_and_a_linear_layer():
    for base, x in ((nn.Conv2d(4, 6, 3, 2, 1), torch.rand(1, 4, 9, 9)), (nn.Linear(5, 3), torch.rand(2, 5))):
        layer = LoRA(base, rank=2)
        assert torch.equal(layer(x), base(x))
        nn.init.ones_(layer.up.weight)
        assert layer(x).shape == base(x).shape and not torch.allclose(layer(x), base(x))


def test_twice_is_refused(prior):
    add_lora(prior)
    with pytest.raises(ValueError, match="already"):
        add_lora(prior)


def test_the_same_seed_gives_the_same_start(prior):
    again = copy.deepcopy(prior)
    pairs = zip(add_lora(prior, seed=3), add_lora(again, seed=3), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_of_a_network_of_another_make_all_layers_change_but_those_of_the_time():
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(1, 4, 3, stride=2, padding=1))
    net.add_module("to_out", nn.ModuleList([nn.Linear(4, 4)]))
    net.add_module("time_embedding", nn.Linear(4, 4))
    parameters = {id(p) for p in add_lora(net, rank=2, biases=True)}
    assert isinstance(net.conv, LoRA) and isinstance(net.to_out[0], LoRA)
    assert id(net.conv.base.bias) in parameters and id(net.time_embedding.base.bias) not in parameters
    assert net.conv(torch.rand(1, 1, 8, 8)).shape == (1, 4, 4, 4)
