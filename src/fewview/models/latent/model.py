"""The three networks as one, which the stages of the training fill one after the other, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ..weights import load_network
from .autoencoder import FACTOR, Autoencoder
from .condition import Condition
from .denoiser import LatentDenoiser

Stage = Literal["autoencoder", "alignment", "diffusion", "decoder"]
STAGES: tuple[Stage, ...] = ("autoencoder", "alignment", "diffusion", "decoder")
UNIT = 6.0
"""Volumes are shown to the networks in so many times their mean, which any view tells exactly: bone is about 1."""


class LatentConfig(BaseModel):
    """Shape of a :class:`LatentModel`; stored in the header of its weights.

    Parameters
    ----------
    side : int
        Voxels a side of the volumes.
    channels, features : int
        Of the latent, and of what the views say.
    width, denoiser : int
        Of the autoencoder, and of the diffusion network.
    stage : {"autoencoder", "alignment", "diffusion", "decoder"}
        The last stage that was trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: int = 32
    channels: int = 4
    features: int = 16
    width: int = 24
    denoiser: int = 32
    stage: Stage = "autoencoder"

    @property
    def latent(self) -> int:
        """Places a side of the latent."""
        return self.side // FACTOR


class LatentModel(nn.Module):
    """Autoencoder, condition and denoiser.

    Parameters
    ----------
    config : LatentConfig
    """

    kind: ClassVar[str] = "latent"

    def __init__(self, config: LatentConfig | None = None) -> None:
        super().__init__()
        self.config = config or LatentConfig()
        shape = self.config
        self.autoencoder = Autoencoder(shape.channels, shape.width)
        self.alignment = Condition(shape.channels, shape.features)
        self.diffusion = LatentDenoiser(shape.channels, shape.features, shape.denoiser)
        self.register_buffer("centre", torch.zeros(1, shape.channels, 1, 1, 1))
        self.register_buffer("spread", torch.ones(1, shape.channels, 1, 1, 1))
        self.centre: Tensor
        self.spread: Tensor

    def encode(self, x: Tensor) -> Tensor:
        """Normalised latents of volumes (batch, 1, z, y, x)."""
        return (self.autoencoder.posterior(x)[0] - self.centre) / self.spread

    def decode(self, z: Tensor) -> Tensor:
        """Volumes of normalised latents."""
        return self.autoencoder.decode(z * self.spread + self.centre)

    @torch.no_grad()
    def normalise(self, volumes: Tensor) -> None:
        """Have the latents of these volumes mean 0 and standard deviation 1 in each channel."""
        mean = self.autoencoder.posterior(volumes)[0]
        over = (0, 2, 3, 4)
        self.centre.copy_(mean.mean(over, keepdim=True))
        self.spread.copy_(mean.std(over, keepdim=True).clamp(min=1e-3))


def load_latent(name: str | Path, device: str | torch.device = "cpu") -> LatentModel:
    """Load a latent model; see :func:`fewview.models.weights.load_network`."""
    return load_network(
        name, LatentModel.kind, lambda shape: LatentModel(LatentConfig.model_validate_json(shape)), device
    )
