"""What the training of a prior minimises, and the noise levels that it draws."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..methods.diffusion.denoiser import Denoiser
from ..models.prior import SIGMA_DATA


def noise_levels(count: int) -> Tensor:
    """Draw noise levels: nine in ten log-normal where reconstruction happens, one in ten anywhere from 0.002 to 150."""
    narrow = torch.exp(math.log(0.15) + 1.3 * torch.randn(count))
    wide = torch.exp(math.log(0.002) + (math.log(150) - math.log(0.002)) * torch.rand(count))
    return torch.where(torch.rand(count) < 0.9, narrow, wide).clamp(0.002, 150.0)


def lesson_loss(
    net: nn.Module, denoiser: Denoiser, noisy: Tensor, sigma: float, clean: Tensor
) -> tuple[Tensor, Tensor]:
    """What the network makes of images (slices, y, x) at the noise level it is told, and its weighted squared error.

    The weight is that of :func:`denoising_loss` at the noise that is really there, streaks included.

    Parameters
    ----------
    net : nn.Module
    denoiser : Denoiser
        Knows the neighbours of a slice.
    noisy : Tensor, shape (slices, y, x)
    sigma : float
        The noise level that it is told.
    clean : Tensor, shape (slices, y, x)

    Returns
    -------
    x0 : Tensor, shape (slices, y, x)
        In units of the object's maximum.
    loss : Tensor, shape ()
    """
    told = torch.full((len(clean),), sigma, device=clean.device)
    with torch.autocast(clean.device.type, torch.bfloat16, enabled=clean.device.type == "cuda"):
        x0 = net(denoiser.neighbourhood(noisy), told)[:, 0]
    error, there = ((image.float() - clean).square().mean(dim=(1, 2)) for image in (x0, noisy))
    weight = (there + SIGMA_DATA**2) / (there * SIGMA_DATA**2)
    return x0.float(), (weight * error).mean()


def denoising_loss(net: nn.Module, clean: Tensor, sigma: Tensor) -> Tensor:
    """Weighted squared error of the denoised central slice; the weight gives every noise level the same say.

    Karras et al., NeurIPS 2022, equation 8: ``(sigma^2 + sigma_data^2) / (sigma sigma_data)^2``.

    Parameters
    ----------
    net : nn.Module
    clean : Tensor, shape (batch, slices, y, x)
        In [0, 1].
    sigma : Tensor, shape (batch,)
        Standard deviation of the noise.

    Returns
    -------
    Tensor, shape ()
        Mean over the batch.
    """
    noisy = clean + sigma[:, None, None, None] * torch.randn_like(clean)
    with torch.autocast(clean.device.type, torch.bfloat16, enabled=clean.device.type == "cuda"):
        estimate = net(noisy, sigma)
    middle = clean.shape[1] // 2
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    error = (estimate.float() - clean[:, middle : middle + 1]).square().mean(dim=(1, 2, 3))
    result: Tensor = (weight * error).mean()
    return result
