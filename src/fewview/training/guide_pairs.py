"""Pairs whose X-ray slice relates to the neutron slice in ways that one kind of sample never shows.

In concrete what is bright to X-rays is dark to neutrons. A guide that has seen nothing else takes that for a law, and
errs on a bone, a shell or a battery. So grey values are mapped at random, and plain shapes are paired, too: what holds
for all of them is that edges are in the same places, and that either modality may show what the other does not.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..simulate.shapes import random_stack
from .sources import unit

AIR = 0.2
"""Below this part of the maximum a pixel is partly air: a map of grey values fades to 0 there."""
DEPTH = 6
RECOLOURED = 0.4
"""Part of the X-ray images whose grey values are mapped at random."""

Pair = tuple[NDArray[np.floating], NDArray[np.floating]]


def perhaps_recoloured(xray: Tensor, neutron: Tensor, rng: np.random.Generator) -> Tensor:
    """:func:`recoloured`, or the X-ray image as it is.

    Parameters
    ----------
    xray : Tensor, shape (slices, y, x)
    neutron : Tensor, shape (slices, y, x)
    rng : np.random.Generator

    Returns
    -------
    Tensor
        Shape (slices, y, x).
    """
    return recoloured(xray, neutron, rng) if rng.random() < RECOLOURED else xray


def recoloured(xray: Tensor, neutron: Tensor, rng: np.random.Generator) -> Tensor:
    """An X-ray image of the same sample made of other materials.

    Parameters
    ----------
    xray, neutron : Tensor, shape (..., y, x)
        About 0 to 1, air at 0.
    rng : Generator
        Of the maps, and of how much of the image comes from what X-rays show and from what neutrons show.

    Returns
    -------
    Tensor
        In units of its robust maximum.
    """
    part = float(rng.choice([1.0, 1.0, rng.uniform(), 0.0]))
    mixed = part * _mapped(xray, rng) + (1 - part) * _mapped(neutron, rng)
    values = mixed.reshape(-1)
    top = float(values.kthvalue(max(1, round(0.999 * values.numel()))).values)
    return mixed / top if top > 0 else mixed


def _mapped(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Grey values through a curve of straight pieces: rising half of the time, falling or up and down else."""
    knots = np.linspace(AIR, 1.1, int(rng.integers(2, 6)))
    heights = rng.uniform(0.1, 1.0, len(knots))
    chance = rng.random()
    if chance < 0.75:
        heights = np.sort(heights)
    if 0.5 < chance < 0.75:
        heights = heights[::-1]
    curve = np.interp(image.clamp(AIR, 1.1).numpy(), knots, heights)
    return torch.from_numpy(curve.astype(np.float32)) * (image / AIR).clamp(0, 1)


def plain_pair(rng: np.random.Generator, size: int) -> Pair:
    """Plain shapes or curved walls as neutrons and as X-rays see them: :data:`DEPTH` slices each.

    Neutrons show a texture that X-rays do not, and each may show inclusions of its own.
    """
    shapes = _walls(rng, size) if rng.random() < 0.4 else random_stack(rng, size, DEPTH)
    across = np.arange(size) - (size - 1) / 2
    shapes = unit(shapes * (across[:, None] ** 2 + across**2 < (size / 2 - 1) ** 2))
    images = []
    for _ in range(2):
        image = shapes.copy()
        if rng.random() < 0.4:
            image *= 1 - float(rng.uniform(0.2, 0.7)) * random_stack(rng, size, DEPTH)
        images.append(image)
    neutron, xray = images
    if rng.random() < 0.7:
        texture = _field(rng, size, math.exp(rng.uniform(math.log(0.6), math.log(5.0))))
        neutron = np.clip(neutron * (1 + float(rng.uniform(0.02, 0.3)) * texture), 0, None)
    as_seen = recoloured(torch.from_numpy(xray), torch.from_numpy(xray), rng).numpy()
    return unit(neutron), np.clip(as_seen, 0, 1.5)


def _walls(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Curved walls of one material about cells of air or of another: where a smooth field is near a value."""
    field = _field(rng, size, size * float(rng.uniform(0.05, 0.2)))
    distance = np.abs(field - rng.uniform(-1, 1)) / (np.abs(np.gradient(field, axis=1)) + 1e-3)
    thick = float(rng.uniform(0.8, 5.0))
    inside = np.clip(0.5 + thick - distance, 0, 1)
    cells = float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.6)]))
    return np.asarray(cells + (1 - cells) * inside, np.float32)


def _field(rng: np.random.Generator, size: int, length: float) -> NDArray[np.float32]:
    """White noise smoothed over ``length`` pixels; mean 0, standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal((DEPTH, size, size)), (length, length, length), mode="wrap")
    return np.asarray((field - field.mean()) / field.std(), np.float32)
