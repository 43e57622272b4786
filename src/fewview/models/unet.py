"""A compact, fully convolutional U-Net that knows the noise level: the body of the diffusion priors."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from .part_norm import PartNorm


class UNetConfig(BaseModel):
    """Shape of a :class:`UNet`; stored in the header of its weights.

    Parameters
    ----------
    channels : tuple of int
        Channels per level, finest first; each level halves the resolution.
    blocks : tuple of int
        Residual blocks per level on the way down (and again on the way up).
    slices : int
        Neighbouring slices at the input (odd). 1 is a 2D network; 3 or 5 make the 2.5D variant, whose output
        is still the central slice.
    unshuffle : int
        Pixel-unshuffle factor of the stem: the finest level works at ``size / unshuffle``, which costs a quarter
        of the time at factor 2 and, for denoising, hardly any quality (FFDNet, Zhang et al., TIP 2018).
    embedding : int
        Width of the noise-level embedding.
    extra : int
        Further conditioning images at the input (for instance an X-ray slice); 0 for a prior.
    outputs : int
        Images at the output; 1 for a prior.
    conditions : int
        Scalars per image that scale and shift every block; 1, the noise level, for a prior.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[int, ...] = (48, 96, 128, 144)
    blocks: tuple[int, ...] = (2, 2, 1, 1)
    slices: int = 1
    unshuffle: int = 2
    embedding: int = 128
    extra: int = 0
    outputs: int = 1
    conditions: int = 1

    @property
    def multiple(self) -> int:
        """Image sides are padded to a multiple of this many pixels."""
        return int(self.unshuffle * 2 ** (len(self.channels) - 1))


COMPACT = UNetConfig()
"""Fits a CPU: under 3 M parameters."""
MEDIUM = UNetConfig(channels=(48, 96, 256, 288), blocks=(2, 2, 2, 2))
"""Wide where the image is small: 11.6 M parameters, 1.6 times the time of :data:`COMPACT`; can start from it."""
LARGE = UNetConfig(channels=(96, 192, 256, 288), blocks=(2, 3, 2, 2))
"""For a GPU: 16 M parameters; can start from either."""
SIZES = {"compact": COMPACT, "medium": MEDIUM, "large": LARGE}


class ResidualBlock(nn.Module):
    """GroupNorm, SiLU, convolution, twice; the noise level scales and shifts the second norm."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = PartNorm(_groups(inputs), inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.emb = nn.Linear(embedding, 2 * outputs)
        self.norm2 = PartNorm(_groups(outputs), outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        # Starting as the identity keeps the first steps of training stable at a high learning rate.
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(cast(Tensor, self.conv2.bias))

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Map (batch, inputs, y, x) and (batch, embedding) to (batch, outputs, y, x)."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.emb(emb)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale)))
        return cast(Tensor, self.skip(x) + h)


class UNet(nn.Module):
    """U-Net from (batch, slices + extra, y, x) and one scalar or more per image to (batch, outputs, y, x).

    Any image size works: sides are padded by replication and cropped back.

    Parameters
    ----------
    config : UNetConfig
        Widths and depths.
    """

    def __init__(self, config: UNetConfig = COMPACT) -> None:
        super().__init__()
        self.config = config
        width, factor = config.embedding, config.unshuffle
        self.embed = nn.Sequential(
            nn.Linear(64 * config.conditions, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        inputs = (config.slices + config.extra) * factor**2
        self.stem = nn.Conv2d(inputs, config.channels[0], 3, padding=1)
        self.encoder, self.down = nn.ModuleList(), nn.ModuleList()
        self.decoder, self.up = nn.ModuleList(), nn.ModuleList()
        before = config.channels[0]
        for level, channels in enumerate(config.channels):
            sizes = [before] + [channels] * config.blocks[level]
            self.encoder.append(_stack(sizes, width))
            if level + 1 < len(config.channels):
                self.down.append(nn.Conv2d(channels, channels, 2, stride=2))
            before = channels
        self.middle = ResidualBlock(before, before, width)
        for level in range(len(config.channels) - 2, -1, -1):
            channels = config.channels[level]
            self.up.append(nn.Conv2d(config.channels[level + 1], channels, 1))
            self.decoder.append(_stack([2 * channels] + [channels] * config.blocks[level], width))
        self.norm = PartNorm(_groups(config.channels[0]), config.channels[0])
        self.head = nn.Conv2d(config.channels[0], config.outputs * factor**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(cast(Tensor, self.head.bias))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Apply the network.

        Parameters
        ----------
        x : Tensor
            (batch, slices + extra, y, x).
        level : Tensor
            (batch,), a logarithmic noise level of order one; or (batch, conditions).
        """
        height, width = x.shape[-2:]
        multiple = self.config.multiple
        pad = (0, -width % multiple, 0, -height % multiple)
        if any(pad):
            x = F.pad(x, pad, mode="replicate")
        emb = self.embed(_fourier(level, 64).to(x.dtype))
        h = F.pixel_unshuffle(x, self.config.unshuffle).contiguous(memory_format=torch.channels_last)
        h = self.stem(h)
        skips: list[Tensor] = []
        for index, stage in enumerate(self.encoder):
            for block in cast(nn.ModuleList, stage):
                h = block(h, emb)
            if index < len(self.down):
                skips.append(h)
                h = self.down[index](h)
        h = self.middle(h, emb)
        for up, stage in zip(self.up, self.decoder, strict=True):
            h = F.interpolate(up(h), scale_factor=2.0, mode="nearest")
            h = torch.cat([h, skips.pop()], dim=1)
            for block in cast(nn.ModuleList, stage):
                h = block(h, emb)
        h = F.pixel_shuffle(self.head(F.silu(self.norm(h))), self.config.unshuffle)
        return h[..., :height, :width]


def count_parameters(module: nn.Module) -> int:
    """Return the number of parameters of a module."""
    return sum(p.numel() for p in module.parameters())


def _groups(channels: int) -> int:
    return math.gcd(channels, 8)


def _stack(sizes: list[int], embedding: int) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlock(a, b, embedding) for a, b in pairwise(sizes))


def _fourier(level: Tensor, width: int) -> Tensor:
    """Sines and cosines of the level, at wavelengths from far above its range to a small part of it."""
    frequency = torch.exp(torch.linspace(math.log(0.25), math.log(16.0), width // 2, device=level.device))
    angle = level.float().reshape(len(level), -1, 1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=2).flatten(1)
