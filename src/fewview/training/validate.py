"""How good a network is on validation seeds: one-step denoising at five noise levels, and rollouts of the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..methods.diffusion.denoiser import Denoiser
from ..models.prior import SIGMA_POSTNET, DiffusionPrior
from ..simulate.seeds import nth
from .rollouts import rollout
from .sources import MAKERS, Kind

NOISE_LEVELS = (0.02, 0.05, 0.1, 0.25, 0.5)
"""Standard deviations of the noise, for images in [0, 1]."""


def validation_images(kind: Kind, count: int = 16, slices: int = 1, size: int = 128) -> Tensor:
    """Return (count, slices, size, size) central slices from the validation seeds; materials alternate modality.

    Parameters
    ----------
    kind : Kind
    count : int, optional
    slices : int, optional
        Of each image.
    size : int, optional
        Pixels a side.

    Returns
    -------
    Tensor, shape (count, slices, size, size)
        Between 0 and 1.
    """
    images = []
    for index in range(count):
        block = _middle(kind, index, size)
        first = (block.shape[0] - slices) // 2
        images.append(block[first : first + slices])
    return torch.from_numpy(np.stack(images).astype(np.float32))


@lru_cache(maxsize=128)
def _middle(kind: Kind, index: int, size: int) -> NDArray[np.floating]:
    """Five slices of a validation sample: growing one takes seconds, and every validation asks for the same."""
    blocks = MAKERS[kind](nth("validation", index), size)
    block = blocks[index % len(blocks)]
    first = (block.shape[0] - 5) // 2
    return block[first : first + 5].copy()


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
    levels : sequence of float, optional
        Standard deviations of the noise.

    Returns
    -------
    dict of str to float
        PSNR in dB, by noise level.
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
    """:func:`denoising_psnr` of a prior.

    Parameters
    ----------
    prior : DiffusionPrior
    images : Tensor, shape (count, slices, y, x)
        In [0, 1].
    device : str or torch.device, optional

    Returns
    -------
    dict
        In dB, by noise level.
    """
    return denoising_psnr(lambda noisy, sigma: prior(noisy.to(device), sigma).cpu(), images)


ROLLED_OUT = (8, 16, 32)
"""Numbers of views of the rollouts."""


@torch.no_grad()
def rollout_psnr(prior: DiffusionPrior, images: Tensor, once: bool = False) -> dict[str, float]:
    """PSNR in dB (range 1) of a network's last answer in rollouts with 8, 16 and 32 views, two doses each.

    Parameters
    ----------
    prior : DiffusionPrior
    images : Tensor, shape (count, slices, y, x)
        Clean stacks; every slice counts.
    once : bool
        Ask once, about the first reconstruction, as :mod:`fewview.methods.supervised.postnet` does.

    Returns
    -------
    dict of str to float
        PSNR in dB, by number of views.
    """
    device = next(prior.parameters()).device
    clean = images.flatten(0, 1).to(device)
    denoiser = Denoiser(prior, images.shape[1])
    out = {}
    for views in ROLLED_OUT:
        squares = []
        for seed in (1, 2):
            steps = rollout(clean, np.random.default_rng([views, seed]), views=views)
            lesson = next(steps)
            scale = lesson.clean.amax() / clean.amax()  # errors are those of images whose maximum is that of ``images``
            while True:
                noisy = lesson.x if once else lesson.x_t / lesson.level.abar**0.5
                sigma = SIGMA_POSTNET if once else lesson.level.sigma
                answer = torch.cat([prior(part, sigma)[:, 0] for part in denoiser.neighbourhood(noisy).split(4)])
                if once or lesson.level.last:
                    break
                lesson = steps.send(answer)
            squares.append(((answer - lesson.clean) / scale).double().square().mean())
        out[str(views)] = round(float(-10 * torch.stack(squares).mean().log10()), 3)
    return out
