"""Where the object is, by the rays that meet nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from .masking import SIGNIFICANT
from .normalised import Scaled

NOISES = 3.0  # a ray meets something where its integral is so many standard deviations of its noise, at least
DISSENT = 0.05  # part of the views, at most, that may see nothing along their ray through a pixel of the object


def support(data: Scaled) -> Tensor:
    """Pixels of any slice that may hold a part of the object: the hull of what the rays meet.

    A pixel is left out where more than a few views see nothing along their ray through it. What reaches beyond the
    field of view is met by all rays at the rim, and the hull is then the whole image.

    Parameters
    ----------
    data : Scaled

    Returns
    -------
    Tensor of bool, shape (y, x)
    """
    y, weights = data.y, data.weights
    least = SIGNIFICANT * y.abs().mean(dim=(1, 2), keepdim=True)
    noise = NOISES * data.noise
    if weights is None:
        empty = y < least.clamp(min=noise)
    else:  # of an unusable pixel nothing is known
        empty = (y < torch.maximum(least.expand_as(y), noise / weights.clamp(min=1e-12).sqrt())) & (weights > 0)
    A = data.operator
    votes = A.T(empty.to(y)) / A.column_sums().clamp(min=1e-12)
    return (votes <= DISSENT).any(dim=0)
