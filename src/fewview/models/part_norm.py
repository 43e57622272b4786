"""Group normalisation that can answer for a part of an image as it would within the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PartNorm(nn.GroupNorm):
    """:class:`torch.nn.GroupNorm` whose mean and variance may be taken with weights.

    A network that sees only the part of an image where the object is would take other means than of the whole image,
    most of which is air. Where the air within the part counts for all of it, they are the same but for chance.
    """

    weights: Tensor | None = None
    """How often each pixel counts, shape (batch, y, x) of the network's input; None: all alike."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channels, y, x)."""
        if self.weights is None:
            return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)
        batch, channels, height, width = x.shape
        counts = F.adaptive_avg_pool2d(self.weights, (height, width)).reshape(batch, 1, -1)
        part = counts / counts.sum(dim=2, keepdim=True)
        values = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        mean, square = ((part @ each)[:, 0].unflatten(1, (self.num_groups, -1)) for each in (values, values * values))
        mean = mean.mean(dim=2)
        scale = (square.mean(dim=2) - mean.square() + self.eps).rsqrt()
        scale, mean = (each.repeat_interleave(channels // self.num_groups, dim=1) for each in (scale, mean))
        scale = scale * self.weight
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None])


@contextmanager
def counting(network: nn.Module, weights: Tensor | None) -> Iterator[None]:
    """Have every :class:`PartNorm` of a network take its means with these weights.

    Parameters
    ----------
    network : Module
    weights : Tensor, shape (batch, y, x), optional
    """
    layers = [layer for layer in network.modules() if isinstance(layer, PartNorm)] if weights is not None else []
    for layer in layers:
        layer.weights = weights
    try:
        yield
    finally:
        for layer in layers:
            layer.weights = None
