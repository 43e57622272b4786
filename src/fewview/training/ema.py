"""Average of the weights over training, the weights that are shipped."""

from __future__ import annotations

import torch
from torch import nn

GAMMA = 6.94  # the exponent: a relative width of 0.10


class PowerEma:
    """Weights averaged with a profile that grows as a power of time.

    The window stays a fixed part of the training so far, so there is no decay to tune and the bad first steps are
    forgotten by themselves: Karras et al., "Analyzing and improving the training dynamics of diffusion models",
    CVPR 2024, section 3.1.

    Parameters
    ----------
    model : Module
        Whose parameters are averaged; the average lives in :attr:`model`, a copy.
    """

    def __init__(self, model: nn.Module) -> None:
        import copy

        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` (from 1) optimiser steps."""
        beta = (1 - 1 / step) ** (GAMMA + 1)
        pairs = zip(self.model.parameters(), model.parameters(), strict=True)
        averages, latest = zip(*((mine, p.detach()) for mine, p in pairs if p.requires_grad), strict=True)
        torch._foreach_lerp_(averages, latest, 1 - beta)
