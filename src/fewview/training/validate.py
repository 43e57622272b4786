"""One-step denoising on validation seeds at five noise levels: how good a prior is, without a reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..models.prior import DiffusionPrior
from ..simulate.seeds import nth
from .sources import MAKERS, Kind

NOISE_LEVELS = (0.02, 0.05, 0.1, 0.25, 0.5)
"""Standard deviations of the noise, for images in [0, 1]."""


def validation_images(kind: Kind, count: int = 16, slices: int = 1, size: int = 128) -> Tensor:
    """Return (count, slices, size, size) central slices from the validation seeds; materials alternate modality."""
    images = []
    for index in range(count):
        blocks = MAKERS[kind](nth("validation", index), size)
        block = blocks[index % len(blocks)]
        first = (block.shape[0] - slices) // 2
        images.append(block[first : first + slices])
    return torch.from_numpy(np.stack(images).astype(np.float32))


def denoising_psnr(
    denoise: Callable[[Tensor, float], Tensor], images: Tensor, levels: Sequence[float] = NOISE_LEVELS
) -> dict[str, float]:
    """PSNR in dB (range 1, mean over images) of a one-step denoiser at each noise level.

    Parameters
    ----------
    denoise : callable
        Takes noisy images (batch, slices, y, x) and sigma, returns (batch, 1, y, x).
    images : Tensor
        Clean images; the noise comes from a fixed seed, equal for every denoiser.
    """
    middle = images.shape[1] // 2
    clean = images[:, middle : middle + 1]
    out = {}
    for sigma in levels:
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(int(sigma * 1e4)))
        noisy = images + sigma * noise
        estimate = torch.cat([denoise(part, sigma) for part in noisy.split(4)])
        mse = (estimate - clean).double().pow(2).mean(dim=(1, 2, 3))
        out[f"{sigma:g}"] = round(float((-10 * mse.log10()).mean()), 3)
    return out


@torch.no_grad()
def prior_psnr(prior: DiffusionPrior, images: Tensor, device: str | torch.device = "cpu") -> dict[str, float]:
    """:func:`denoising_psnr` of a prior."""
    return denoising_psnr(lambda noisy, sigma: prior(noisy.to(device), sigma).cpu(), images)
