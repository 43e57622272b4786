"""A volume as a latent of a quarter of its size on each side, and back."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import Block, gathered, spread_out

FACTOR = 4
"""Voxels of a side that become one of the latent."""


class Autoencoder(nn.Module):
    """Convolutional autoencoder with a Gaussian latent (Rombach et al. 2022, KL form), without an adversary.

    Parameters
    ----------
    channels : int
        Of the latent.
    width : int
        Features at half of the resolution; twice as many at a quarter.
    """

    def __init__(self, channels: int = 4, width: int = 24) -> None:
        super().__init__()
        wide = 2 * width
        # The finest level is folded into channels: a convolution of 32^3 voxels costs eight times one of 16^3.
        self.encoder = nn.Sequential(
            nn.Conv3d(8, width, 3, padding=1),
            Block(width, width),
            nn.Conv3d(width, wide, 2, stride=2),
            Block(wide, wide),
            nn.GroupNorm(8, wide),
            nn.SiLU(),
            nn.Conv3d(wide, 2 * channels, 1),
        )
        self.coarse = nn.Sequential(nn.Conv3d(channels, wide, 3, padding=1), Block(wide, wide))
        self.up = nn.ConvTranspose3d(wide, width, 2, stride=2)
        self.fine = nn.Sequential(
            Block(width, width), nn.GroupNorm(8, width), nn.SiLU(), nn.Conv3d(width, 8, 3, padding=1)
        )

    @property
    def decoder(self) -> tuple[nn.Module, ...]:
        """The parts that make a volume of a latent."""
        return self.coarse, self.up, self.fine

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latents (batch, channels, z/4, y/4, x/4) of volumes (batch, 1, z, y, x)."""
        mean, variance = self.encoder(gathered(x, 2)).chunk(2, dim=1)
        return mean, variance.clamp(-20, 4)

    def decode(self, z: Tensor) -> Tensor:
        """Volumes (batch, 1, z, y, x) of latents."""
        return spread_out(self.fine(self.up(self.coarse(z))), 2)
