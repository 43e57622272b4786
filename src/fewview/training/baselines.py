"""Median and total-variation denoisers, tuned on training images: what a prior must beat."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..simulate.seeds import nth
from .sources import MAKERS, Kind
from .validate import NOISE_LEVELS, denoising_psnr

_IMAGES = 6  # of training, that settings are chosen on
Denoiser = Callable[[Tensor, float], Tensor]


def median(size: int) -> Denoiser:
    """Median filter of ``size`` pixels a side."""
    from scipy.ndimage import median_filter

    return lambda noisy, _: _each(noisy, lambda image: median_filter(image, size=size))


def total_variation(weight: float) -> Denoiser:
    """Chambolle's denoiser with ``weight`` times the noise level."""
    from skimage.restoration import denoise_tv_chambolle

    return lambda noisy, sigma: _each(noisy, lambda image: denoise_tv_chambolle(image, weight=weight * sigma))


def baseline_psnr(kind: Kind, images: Tensor) -> dict[str, dict[str, float]]:
    """PSNR of both denoisers on ``images``, each with the setting that is best on training images of ``kind``."""
    families: dict[str, list[Denoiser]] = {
        "median": [median(size) for size in (3, 5, 7, 9)],
        "tv": [total_variation(weight) for weight in (0.5, 0.75, 1.0, 1.4, 2.0)],
    }
    training = _training_images(kind)
    out: dict[str, dict[str, float]] = {name: {} for name in families}
    for name, candidates in families.items():
        for sigma in NOISE_LEVELS:
            tuning = [denoising_psnr(candidate, training, [sigma])[f"{sigma:g}"] for candidate in candidates]
            out[name].update(denoising_psnr(candidates[int(np.argmax(tuning))], images, [sigma]))
    return out


@cache
def _training_images(kind: Kind) -> Tensor:
    images = []
    for index in range(_IMAGES):
        blocks = MAKERS[kind](nth("train", index), 128)
        block = blocks[index % len(blocks)]
        images.append(block[len(block) // 2][None])
    return torch.from_numpy(np.stack(images))


def _each(noisy: Tensor, denoise: Callable[[NDArray[np.float32]], NDArray[np.floating]]) -> Tensor:
    middle = noisy.shape[1] // 2
    return torch.from_numpy(np.stack([denoise(image.numpy()) for image in noisy[:, middle]]))[:, None].float()
