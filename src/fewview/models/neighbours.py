"""A prior made to see more neighbouring slices, which it ignores at first, or none but the slice itself."""

from __future__ import annotations

import torch

from .prior import DiffusionPrior
from .unet import UNetConfig


@torch.no_grad()
def with_neighbours(prior: DiffusionPrior, slices: int) -> DiffusionPrior:
    """A 2.5D prior of ``slices`` neighbouring slices that does what ``prior`` does, until it is trained.

    Parameters
    ----------
    prior : DiffusionPrior
        Of fewer slices, or as many.
    slices : int
        Odd.

    Raises
    ------
    ValueError
        ``prior`` sees more neighbours already.
    """
    seen = prior.config.slices
    if seen > slices:
        raise ValueError(f"the prior sees {seen} slices already")
    if seen == slices:
        return prior
    wide = DiffusionPrior(UNetConfig(**{**prior.config.model_dump(), "slices": slices}))
    weights = prior.state_dict()
    narrow = weights["net.stem.weight"]
    # Pixel-unshuffle keeps the values of one slice together: the middle slices take over the whole kernel.
    images = prior.config.unshuffle**2
    stem = narrow.new_zeros(narrow.shape[0], (slices + prior.config.extra) * images, *narrow.shape[2:])
    first = (slices - seen) // 2 * images
    stem[:, first : first + seen * images] = narrow[:, : seen * images]
    if prior.config.extra:
        stem[:, slices * images :] = narrow[:, seen * images :]
    weights["net.stem.weight"] = stem
    wide.load_state_dict(weights)
    return wide.to(next(prior.parameters()).device)


@torch.no_grad()
def alone(prior: DiffusionPrior) -> DiffusionPrior:
    """A 2D prior that does with a slice what ``prior`` does with one that is its own neighbour.

    The kernels of the stem are summed over the slices, which is exact.
    """
    seen = prior.config.slices
    if seen == 1:
        return prior
    single = DiffusionPrior(UNetConfig(**{**prior.config.model_dump(), "slices": 1}))
    weights = prior.state_dict()
    wide, images = weights["net.stem.weight"], prior.config.unshuffle**2
    summed = wide[:, : seen * images].unflatten(1, (seen, images)).sum(dim=1)
    weights["net.stem.weight"] = torch.cat([summed, wide[:, seen * images :]], dim=1)
    single.load_state_dict(weights)
    return single.to(next(prior.parameters()).device)
