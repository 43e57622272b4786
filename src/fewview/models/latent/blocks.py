"""Residual blocks of small volumes, which the latent networks are made of."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """GroupNorm, SiLU, convolution, twice; a vector per sample, where there is one, scales and shifts the second norm.

    Parameters
    ----------
    inputs, outputs : int
    embedding : int
        Length of the vector; 0 for none.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int = 0) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(min(8, inputs), inputs)
        self.conv1 = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.emb = nn.Linear(embedding, 2 * outputs) if embedding else None
        self.norm2 = nn.GroupNorm(min(8, outputs), outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)  # it starts as the identity: high learning rates stay stable
        nn.init.zeros_(cast(Tensor, self.conv2.bias))

    def forward(self, x: Tensor, emb: Tensor | None = None) -> Tensor:
        """Map (batch, inputs, z, y, x) to (batch, outputs, z, y, x)."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.emb is not None and emb is not None:
            scale, shift = self.emb(emb)[:, :, None, None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return cast(Tensor, self.skip(x) + self.conv2(F.silu(h)))


def gathered(x: Tensor, factor: int) -> Tensor:
    """Cubes of voxels become channels: (batch, c, z, y, x) to (batch, c factor^3, z / factor, ...)."""
    b, c, z, y, w = x.shape
    x = x.reshape(b, c, z // factor, factor, y // factor, factor, w // factor, factor)
    return x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * factor**3, z // factor, y // factor, w // factor)


def spread_out(x: Tensor, factor: int) -> Tensor:
    """Undo :func:`gathered`."""
    b, c, z, y, w = x.shape
    x = x.reshape(b, c // factor**3, factor, factor, factor, z, y, w)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, c // factor**3, z * factor, y * factor, w * factor)
