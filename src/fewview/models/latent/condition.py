"""What the views say of a volume, on the grid of the latent: features of each view, laid back along its rays.

The released CLS-DM lifts views by learnt transposed convolutions, and leaves those and the aligner out of its
optimiser. Here the rays are those of the scan, whatever its beam, and all is trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..biplanar import places
from .blocks import Block, gathered

DEPTHS = 8
"""Sines and cosines that stand for a depth along a ray."""
WIDTH = 32
"""Channels of the network."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was measured, as the encoder takes it.

    Parameters
    ----------
    lines : Tensor, shape (batch, views, z, columns)
        Mean value along the rays.
    rough : Tensor, shape (batch, 1, z, y, x)
        Least-squares reconstruction.
    lift : Tensor, shape (views, columns, latent y * latent x)
        What of a column reaches each place of a latent slice.
    depth : Tensor, shape (views, latent y * latent x)
        Depth of the places along the rays, -1 to 1.
    """

    lines: Tensor
    rough: Tensor
    lift: Tensor
    depth: Tensor


class Condition(nn.Module):
    """Views to features ``c`` and, by the aligner, to a latent.

    Parameters
    ----------
    channels : int
        Of the latent.
    features : int
        Of ``c``.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.view = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, WIDTH, (4, 3), stride=(4, 1), padding=(0, 1)),
            nn.SiLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.SiLU(),
        )
        self.profile = nn.Linear(DEPTHS, WIDTH)
        self.rough = nn.Conv3d(64, WIDTH, 1)
        self.body = nn.Sequential(Block(2 * WIDTH, 2 * WIDTH), Block(2 * WIDTH, 2 * WIDTH))
        self.out = nn.Conv3d(2 * WIDTH, features, 1)
        self.aligner = nn.Sequential(nn.Conv3d(features, WIDTH, 3, padding=1), nn.SiLU(), nn.Conv3d(WIDTH, channels, 1))
        self.embed_seen = nn.Conv3d(channels, WIDTH, 1)
        self.embed_latent = nn.Conv3d(channels, WIDTH, 1)
        self.temperature = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, seen: Seen) -> Tensor:
        """Features (batch, features, latent z, latent y, latent x)."""
        batch, views, slices, columns = seen.lines.shape
        flat = self.view(seen.lines.reshape(batch * views, 1, slices, columns))
        flat = flat.reshape(batch, views, *flat.shape[1:])
        profile = self.profile(places(seen.depth, DEPTHS)).sigmoid()
        lifted = torch.einsum("bvczu,vup,vpc->bczp", flat, seen.lift, profile) / views
        side = math.isqrt(lifted.shape[-1])
        lifted = lifted.reshape(*lifted.shape[:-1], side, side)
        return cast(Tensor, self.out(self.body(torch.cat([lifted, self.rough(gathered(seen.rough, 4))], dim=1))))

    def aligned(self, c: Tensor) -> Tensor:
        """The latent (normalised) that the features alone suggest."""
        return cast(Tensor, self.aligner(c))

    def similarity(self, aligned: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines over the temperature between what was seen and latents: whole (b, b), and by place (b, p, p)."""
        ours, theirs = self.embed_seen(aligned), self.embed_latent(z)
        whole = [F.normalize(F.adaptive_avg_pool3d(one, 2).flatten(1), dim=1) for one in (ours, theirs)]
        patch = [F.normalize(F.adaptive_avg_pool3d(one, 4).flatten(2), dim=1) for one in (ours, theirs)]
        sharp = self.temperature.clamp(max=math.log(100)).exp()
        return sharp * whole[0] @ whole[1].T, sharp * patch[0].transpose(1, 2) @ patch[1]
