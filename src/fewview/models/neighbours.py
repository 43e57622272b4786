"""A prior made to see more neighbouring slices: at first it ignores the new ones."""

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
