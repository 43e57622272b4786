"""The diffusion network of latents: v-prediction under a cosine schedule, with features of the views beside."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Block

WAVES = 64
"""Sines and cosines that stand for the noise level."""


def signal(t: Tensor) -> Tensor:
    """Part of the signal (alpha-bar) at time ``t`` in [0, 1]: Nichol and Dhariwal's cosine without its offset."""
    return torch.cos(t * math.pi / 2).square()


def time_of(abar: float) -> float:
    """The time of a part of the signal."""
    return math.acos(math.sqrt(abar)) * 2 / math.pi


class LatentDenoiser(nn.Module):
    """U-Net of two levels, with attention at the coarse one.

    Parameters
    ----------
    channels : int
        Of the latent.
    features : int
        Of the condition; all zero where none is given.
    width : int
        Features at the fine level; twice as many at the coarse one.
    """

    def __init__(self, channels: int = 4, features: int = 16, width: int = 32) -> None:
        super().__init__()
        wide, emb = 2 * width, 4 * width
        self.embed = nn.Sequential(nn.Linear(WAVES, emb), nn.SiLU(), nn.Linear(emb, emb), nn.SiLU())
        self.stem = nn.Conv3d(channels + features, width, 3, padding=1)
        self.fine_in = Block(width, width, emb)
        self.down = nn.Conv3d(width, wide, 2, stride=2)
        self.coarse_in = Block(wide, wide, emb)
        self.norm = nn.GroupNorm(8, wide)
        self.attention = nn.MultiheadAttention(wide, 4, batch_first=True)
        self.coarse_out = Block(wide, wide, emb)
        self.up = nn.ConvTranspose3d(wide, width, 2, stride=2)
        self.fine_out = Block(2 * width, width, emb)
        self.out = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv3d(width, channels, 3, padding=1))

    def forward(self, z_t: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """The velocity ``v = a eps - s z``.

        Parameters
        ----------
        z_t : Tensor, shape (batch, channels, z, y, x)
            Noisy latents, normalised.
        t : Tensor, shape (batch,)
            Times in [0, 1].
        c : Tensor, shape (batch, features, z, y, x)
            What the views say.

        Returns
        -------
        Tensor, shape (batch, channels, z, y, x)
            In units of the normalised latents.
        """
        waves = t[:, None] * math.pi * 2.0 ** torch.linspace(0, 8, WAVES // 2, device=t.device)
        emb = self.embed(torch.cat([waves.sin(), waves.cos()], dim=1))
        fine = self.fine_in(self.stem(torch.cat([z_t, c], dim=1)), emb)
        coarse = self.coarse_in(self.down(fine), emb)
        tokens = self.norm(coarse).flatten(2).transpose(1, 2)
        heard, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        coarse = self.coarse_out(coarse + heard.transpose(1, 2).reshape(coarse.shape), emb)
        return cast(Tensor, self.out(self.fine_out(torch.cat([fine, self.up(coarse)], dim=1), emb)))

    def clean(self, z_t: Tensor, abar: float, c: Tensor) -> tuple[Tensor, Tensor]:
        """Clean latents and noise.

        Parameters
        ----------
        z_t, c : Tensor
            As for the velocity.
        abar : float
            Part of the signal, the same for all.

        Returns
        -------
        z0, eps : Tensor, shape (batch, channels, z, y, x)
            Both normalised, of unit variance.
        """
        v = self(z_t, torch.full((len(z_t),), time_of(abar), device=z_t.device), c)
        a, s = math.sqrt(abar), math.sqrt(1 - abar)
        return a * z_t - s * v, s * z_t + a * v


def velocity_loss(net: LatentDenoiser, z: Tensor, c: Tensor) -> Tensor:
    """Mean square error of the velocity at random times.

    Parameters
    ----------
    net : LatentDenoiser
    z : Tensor, shape (batch, channels, z, y, x)
        Clean latents, normalised.
    c : Tensor, shape (batch, features, z, y, x)
        What the views say; zeros where it is left out.

    Returns
    -------
    Tensor, shape ()
        About 1 where the network answers 0.
    """
    t = torch.rand(len(z), device=z.device)
    abar = signal(t)[:, None, None, None, None]
    eps = torch.randn_like(z)
    z_t = abar.sqrt() * z + (1 - abar).sqrt() * eps
    return F.mse_loss(net(z_t, t, c), abar.sqrt() * eps - (1 - abar).sqrt() * z)
