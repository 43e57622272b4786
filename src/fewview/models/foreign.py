"""Priors trained elsewhere: any diffusers ``UNet2DModel`` that predicts noise, used like our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import MethodUnavailable
from .prior import linear_alphabar, sigma_to_vp, vp_to_sigma
from .weights import WeightsError


class ForeignPrior(nn.Module):
    """The interface of :class:`fewview.models.prior.DiffusionPrior` around a noise-predicting network.

    Parameters
    ----------
    net : Module
        Called with images (batch, channels, y, x) and times (batch,), returns an object with ``sample``: a
        diffusers ``UNet2DModel``.
    alphabar : Tensor, optional
        (times,) of its schedule; the linear one of DDPM when not given.
    low, high : float
        Its values for air and for the brightest material: -1 and 1 in most published checkpoints.
    multiple : int
        Image sides are padded to a multiple of this.
    """

    def __init__(
        self, net: nn.Module, alphabar: Tensor | None = None, low: float = -1.0, high: float = 1.0, multiple: int = 32
    ) -> None:
        super().__init__()
        self.net, self.low, self.high, self.multiple = net, low, high, multiple
        self.register_buffer("alphabar", linear_alphabar() if alphabar is None else alphabar)

    def forward(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the expected clean image of values in [0, 1]; see :class:`DiffusionPrior`."""
        level = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0])
        scaled = level * (self.high - self.low)  # its own values are so much further apart
        abar = sigma_to_vp(scaled)[:, None, None, None]
        image = F.pad(
            self.low + x * (self.high - self.low), (0, -x.shape[-1] % self.multiple, 0, -x.shape[-2] % self.multiple)
        )
        noisy = abar.sqrt() * image
        eps = self.net(noisy.expand(-1, self._channels(), -1, -1), self._time(scaled)).sample
        clean = (noisy - (1 - abar).sqrt() * eps.mean(1, keepdim=True)) / abar.sqrt()
        return cast(Tensor, ((clean - self.low) / (self.high - self.low))[..., : x.shape[-2], : x.shape[-1]])

    def denoise_vp(self, x_t: Tensor, alphabar: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return clean image and noise; see :class:`DiffusionPrior`."""
        abar = torch.as_tensor(alphabar, dtype=x_t.dtype, device=x_t.device).expand(x_t.shape[0])
        root = abar.sqrt()[:, None, None, None]
        x0 = self(x_t / root, vp_to_sigma(abar))
        return x0, (x_t - root * x0) / (1 - abar).sqrt()[:, None, None, None]

    def _time(self, sigma: Tensor) -> Tensor:
        """Time of its schedule, between whole steps too, at which the noise-to-signal ratio is ``sigma``."""
        table = vp_to_sigma(cast(Tensor, self.alphabar)).log()
        wanted = sigma.log().clamp(float(table[0]), float(table[-1]))
        above = torch.searchsorted(table, wanted).clamp(1, len(table) - 1)
        rest = (wanted - table[above - 1]) / (table[above] - table[above - 1])
        return above - 1 + rest

    def _channels(self) -> int:
        return int(cast(Any, self.net).config.in_channels)


def load_diffusers(folder: Path, **values: float) -> ForeignPrior:
    """Load a diffusers ``UNet2DModel`` from a folder with ``config.json`` and safetensors weights.

    Parameters
    ----------
    folder : Path
        As written by ``save_pretrained``.
    **values
        ``low`` and ``high`` of :class:`ForeignPrior`.

    Raises
    ------
    MethodUnavailable
        diffusers (extra ``sd-turbo``) is not installed.
    WeightsError
        The folder holds no safetensors weights of a UNet2DModel.
    """
    if not list(folder.glob("*.safetensors")):
        raise WeightsError(f"{folder} holds no .safetensors.", "Save the model with safe_serialization=True.")
    try:
        from diffusers import UNet2DModel
    except ImportError as error:
        raise MethodUnavailable("diffusers is not installed.", "pip install 'fewview[sd-turbo]'") from error
    net = UNet2DModel.from_pretrained(folder, use_safetensors=True).eval().requires_grad_(False)
    if net.config.out_channels not in (1, 3):
        raise WeightsError(f"{folder} predicts {net.config.out_channels} channels.", "Give a model of 1 or 3 channels.")
    multiple = 2 ** (len(net.config.down_block_types) - 1)
    return ForeignPrior(net, multiple=multiple, **values)  # type: ignore[arg-type]
