"""Pix2Pix as published (Isola et al., CVPR 2017): U-Net generator, and the discriminator that judges 70 px patches."""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD = 0.02  # of the first weights


class Generator(nn.Module):
    """U-Net of 4 x 4 convolutions, each of which halves the image, and back with skips: two channels in, one out.

    Instance norms stand for the published batch norms: with one image in a batch these are the same while training
    and another thing afterwards. No tanh at the end: attenuation has no upper bound.

    Parameters
    ----------
    width : int
        Channels of the first level; doubled at each halving up to eight times that.
    downs : int
        Halvings.
    """

    def __init__(self, width: int = 64, downs: int = 7) -> None:
        super().__init__()
        channels = [2, *(width * min(2**k, 8) for k in range(downs))]
        self.multiple = 2**downs
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in itertools.pairwise(channels))
        self.up = nn.ModuleList()
        for k in range(downs, 0, -1):
            out = channels[k - 1] if k > 1 else 1
            self.up.append(nn.ConvTranspose2d(channels[k] * (1 if k == downs else 2), out, 4, 2, 1))
        self.apply(_small)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 2, y, x) to (batch, 1, y, x); sides are padded to what the halvings need."""
        height, width = x.shape[-2:]
        h = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        skips = []
        for k, layer in enumerate(self.down):
            h = layer(h if k == 0 else F.leaky_relu(h, 0.2))
            if 0 < k < len(self.down) - 1:
                h = _norm(h)
            skips.append(h)
        for k, layer in enumerate(self.up):
            h = layer(F.relu(h))
            if k < len(self.up) - 1:
                h = _norm(h)
                if k < 3:
                    h = F.dropout(h, 0.5, self.training)
                h = torch.cat([h, skips[-2 - k]], dim=1)
        return h[..., :height, :width]


class PatchGAN(nn.Module):
    """Discriminator whose outputs see 70 px each, of condition (2 channels) and image together.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width, 8 * width, 1]
        strides = [2, 2, 2, 1, 1]
        pairs = zip(sizes, sizes[1:], strides, strict=False)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 4, stride, 1) for a, b, stride in pairs)
        self.apply(_small)

    def forward(self, condition: Tensor, image: Tensor) -> Tensor:
        """Logits (batch, 1, patches, patches): positive for a true image."""
        h = torch.cat([condition, image], dim=1)
        for k, layer in enumerate(self.layers):
            h = layer(h)
            if 0 < k < len(self.layers) - 1:
                h = _norm(h)
            if k < len(self.layers) - 1:
                h = F.leaky_relu(h, 0.2)
        return h


def _norm(h: Tensor) -> Tensor:
    return F.instance_norm(h) if h.shape[-1] * h.shape[-2] > 1 else h  # one pixel alone would become 0


def _small(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=STD)
        nn.init.zeros_(cast(Tensor, module.bias))
