"""X-ray slices as a guide meets them: blurred, noisy, moved, of another contrast, missing, or of another sample."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

ZEROED, OTHER = 0.15, 0.10  # parts of the pictures without an X-ray slice, and with one of another sample
FAR = 0.1  # part that is moved farther than a good registration leaves


def delivered(xray: Tensor, other: Tensor, rng: np.random.Generator) -> Tensor:
    """A degraded X-ray slice, or none (zeros), or one of another sample.

    Parameters
    ----------
    xray, other : Tensor, shape (y, x)
        The right one, and one that is not.
    rng : Generator

    Returns
    -------
    Tensor, shape (y, x)
        About 0 to 1, as the slices given.
    """
    chance = rng.random()
    if chance < ZEROED:
        return torch.zeros_like(xray)
    return degraded(other if chance < ZEROED + OTHER else xray, rng)


def degraded(xray: Tensor, rng: np.random.Generator) -> Tensor:
    """One X-ray slice as a beamline may deliver it.

    Parameters
    ----------
    xray : Tensor, shape (y, x)
        About 0 to 1.
    rng : Generator
    """
    image = moved(xray, rng)
    if rng.random() < 0.3:
        image = hardened(image, rng)
    if rng.random() < 0.5:
        image = blurred(image, float(rng.uniform(0.3, 1.5)))
    image = image.clamp(min=0) ** math.exp(rng.uniform(-0.25, 0.25)) * float(rng.uniform(0.85, 1.1))
    if rng.random() < 0.3:
        image = image + float(rng.uniform(-0.05, 0.05))
    if rng.random() < 0.6:
        noise = torch.from_numpy(rng.standard_normal(tuple(image.shape)).astype(np.float32))
        if rng.random() < 0.5:  # reconstructions have noise of some pixels' size
            noise = blurred(noise, 0.6) * 2
        image = image + float(rng.uniform(0.005, 0.07)) * noise
    return image


def hardened(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Brighter at the rim, and a haze around and within: what a polychromatic beam and its scatter leave."""
    across = torch.linspace(-1, 1, image.shape[-1])
    image = image * (1 + float(rng.uniform(-0.1, 0.4)) * (across[:, None] ** 2 + across**2 - 0.5))
    haze = blurred(image, float(rng.uniform(4, 12)))
    return image + float(rng.uniform(0, 0.25)) * haze


def moved(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Turned and shifted by what a registration leaves: mostly under 2 px and 1 degree, often nothing."""
    if rng.random() < 0.4:
        return image
    pixels, degrees = (5.0, 3.0) if rng.random() < FAR else (2.0, 1.0)
    # A uniform share of the largest: small errors are as frequent as large ones.
    shift = rng.uniform(-1, 1, 2) * pixels * rng.random()
    turn = math.radians(float(rng.uniform(-1, 1)) * degrees)
    side = image.shape[-1]
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = torch.tensor([[cos, -sin, 2 * shift[0] / side], [sin, cos, 2 * shift[1] / side]], dtype=torch.float32)
    grid = F.affine_grid(matrix[None], [1, 1, side, side], align_corners=False)
    return F.grid_sample(image[None, None], grid, padding_mode="border", align_corners=False)[0, 0]


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Gaussian of ``sigma`` pixels, edges replicated."""
    reach = max(1, math.ceil(3 * sigma))
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    line = (line / line.sum()).reshape(1, 1, 1, -1)
    padded = F.pad(image[None, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, line), line.transpose(2, 3))[0, 0]
