"""The guide asked again: in eight positions it has no direction of its own, and what it says meets the data."""

import numpy as np
import pytest
import torch

from fewview.methods.diffusion.guide import CrossModalGuide
from fewview.methods.interface import Problem
from fewview.methods.inverse.normalised import scaled
from fewview.models.guide import Guide, GuideConfig
from fewview.models.symmetries import TURNS, turned
from fewview.models.unet import UNetConfig
from fewview.operators import parallel_beam

SMALL = UNetConfig(channels=(8, 16), blocks=(1, 1), extra=1, outputs=2)


@pytest.fixture
def guide_network():
    torch.manual_seed(0)
    network = Guide(GuideConfig(unet=SMALL))
    torch.nn.init.normal_(network.net.head.weight, std=0.1)
    return network


def said(network, problem, image, xray, positions):
    guide = CrossModalGuide(network, xray, watched=False, positions=positions)
    guide.ask(image, scaled(problem, 1.0), 0.3)
    return guide.told["mean"]


@torch.no_grad()
@pytest.mark.parametrize("turn", [1, 4, 6])
def test_in_eight_positions_a_turned_sample_gets_the_turned_answer(guide_network, turn):
    image, xray = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    A = parallel_beam(np.arange(6) * np.pi / 6, columns=32)
    problem = Problem(A, A(image))
    for positions, equal in ((TURNS, True), (1, False)):
        first = turned(said(guide_network, problem, image, xray, positions), turn)
        second = said(guide_network, problem, turned(image, turn), turned(xray, turn), positions)
        assert torch.allclose(first, second, atol=1e-4) is equal
