"""A prior of single slices made to see its neighbours, too: at first it ignores them."""

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
        Of single slices.
    slices : int
        Odd.

    Raises
    ------
    ValueError
        ``prior`` sees neighbours already.
    """
    if prior.config.slices != 1:
        raise ValueError(f"the prior sees {prior.config.slices} slices already")
    if slices == 1:
        return prior
    wide = DiffusionPrior(UNetConfig(**{**prior.config.model_dump(), "slices": slices}))
    weights = prior.state_dict()
    narrow = weights["net.stem.weight"]
    # Pixel-unshuffle keeps the values of one slice together: the middle slice takes over the whole kernel.
    images = prior.config.unshuffle**2
    stem = narrow.new_zeros(narrow.shape[0], (slices + prior.config.extra) * images, *narrow.shape[2:])
    middle = slices // 2 * images
    stem[:, middle : middle + images] = narrow[:, :images]
    if prior.config.extra:
        stem[:, slices * images :] = narrow[:, images:]
    weights["net.stem.weight"] = stem
    wide.load_state_dict(weights)
    return wide.to(next(prior.parameters()).device)
