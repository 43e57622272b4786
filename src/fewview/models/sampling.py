"""Unconditional samples of a prior: a look at what it believes."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from .foreign import ForeignPrior
from .prior import DiffusionPrior


@torch.no_grad()
def draw_samples(
    prior: DiffusionPrior | ForeignPrior,
    count: int = 4,
    size: int = 128,
    steps: int = 40,
    seed: int = 0,
    churn: float = 0.5,
) -> Tensor:
    """Draw images from a prior, from pure noise, without any measurement.

    Noise levels as in Karras et al., NeurIPS 2022, equation 5 (rho 7, from 20 to 0.005); part of the noise is drawn
    anew at each step, as in DDIM with eta.

    Parameters
    ----------
    prior : DiffusionPrior
        To a 2.5D prior, each image is its own neighbour.
    count, size : int
        Images and their side in pixels.
    steps : int
        Network calls.
    seed : int
        Of the noise.
    churn : float
        0 is deterministic, 1 draws all noise anew at each step.

    Returns
    -------
    Tensor
        (count, 1, size, size).
    """
    device = next(prior.parameters()).device
    slices = prior.config.slices if isinstance(prior, DiffusionPrior) else 1
    generator = torch.Generator().manual_seed(seed)

    def noise() -> Tensor:
        return torch.randn(count, 1, size, size, generator=generator).to(device)

    ramp = torch.linspace(0, 1, steps)
    levels = [*((20 ** (1 / 7) + ramp * (0.005 ** (1 / 7) - 20 ** (1 / 7))) ** 7).tolist(), 0.0]
    x = levels[0] * noise()
    for sigma, following in itertools.pairwise(levels):
        clean = prior(x.expand(-1, slices, -1, -1), sigma)
        kept = (1 - churn**2) ** 0.5 * (x - clean) / sigma
        x = clean + following * (kept + churn * noise())
    result: Tensor = x
    return result
