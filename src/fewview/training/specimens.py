"""Whole slices for end-to-end training: drawn from a pool, at twice the resolution of what is to be reconstructed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

WIDE = 0.15  # part of the stacks that reach into the corners, where not every view sees them, where that is asked for
SOFT = 0.4  # part of the stacks that are blurred and shaded, as in the volume of a real detector, where asked for
BLURS = (0.25, 1.5)  # of those: standard deviation in pixels of what is to be reconstructed
SHADES = 0.2  # largest standard deviation of the shades, in parts of the value
TURNED = 0.5  # part of the stacks turned by any angle, where that is asked for


def specimens(
    blocks: Sequence[NDArray[np.floating]],
    side: int,
    count: int,
    depth: int,
    rng: np.random.Generator,
    turned: bool = False,
    wide: float = 0.0,
    soft: float = 0.0,
) -> tuple[Tensor, int]:
    """Draw stacks of neighbouring slices; most end at the circle that every view sees.

    Parameters
    ----------
    blocks : sequence of ndarray
        (z, y, x) each, about 0 to 1.
    side : int
        Pixels a side of what is to be reconstructed.
    count, depth : int
        Stacks, and slices of each; fewer where a block has fewer.
    rng : Generator
    turned : bool
        Turn and bend the grey values of some, besides flips and quarter turns: for a pool of one object.
    wide : float
        Part of the stacks that keep their corners, as of a sample wider than the detector.
    soft : float
        Part of the stacks that are blurred and shaded, for no edge is sharp and no material even in a real volume.

    Returns
    -------
    fine : Tensor, shape (count * depth, 2 side, 2 side)
    depth : int
        As it is.
    """
    drawn = [_fitted(blocks[int(rng.integers(len(blocks)))], 2 * side, depth, rng) for _ in range(count)]
    depth = min(len(stack) for stack in drawn)
    across = torch.arange(2 * side) - (2 * side - 1) / 2
    always_seen = across[:, None] ** 2 + across**2 < side**2
    stacks = []
    for stack in drawn:
        image = torch.rot90(stack[:depth], int(rng.integers(4)), (1, 2))
        image = image.flip(2) if rng.random() < 0.5 else image
        image = image.flip(0) if rng.random() < 0.5 else image
        if turned:
            image = image.clamp(min=0) ** math.exp(rng.uniform(-0.12, 0.12))
            image = _rotated(image, rng) if rng.random() < TURNED else image
        image = _softened(image, rng) if soft and rng.random() < soft else image
        stacks.append(image if rng.random() < wide else image * always_seen)
    return torch.cat(stacks), depth


def halved(fine: Tensor) -> Tensor:
    """The slices at the resolution of the reconstruction, (slices, side, side): means over 2 x 2 pixels."""
    return F.avg_pool2d(fine[:, None], 2)[:, 0]


def _fitted(block: NDArray[np.floating], size: int, depth: int, rng: np.random.Generator) -> Tensor:
    """Some neighbouring slices of a block, the whole of it or a window, as (depth, size, size)."""
    shape = block.shape
    window = min(shape[1:])
    if window > size and rng.random() < 0.3:
        window = size
    # Slices stay as far apart as pixels: several of a block make one where it is made coarser.
    thick = max(1, min(round(2 * window / size), shape[0] // 3))
    depth = min(depth, shape[0] // thick)
    z, y, x = (int(rng.integers(n - m + 1)) for n, m in zip(shape, (depth * thick, window, window), strict=True))
    part = np.ascontiguousarray(block[z : z + depth * thick, y : y + window, x : x + window], dtype=np.float32)
    stack = torch.from_numpy(part).unflatten(0, (depth, thick)).mean(dim=1)
    if window == size:
        returned: Tensor = stack
        return returned
    if 2 * window == size:
        result: Tensor = stack.repeat_interleave(2, 1).repeat_interleave(2, 2)
        return result
    return F.interpolate(stack[:, None], size=(size, size), mode="bilinear", antialias=True)[:, 0]


def _softened(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Shade a stack (z, y, x) by a random field of any size of structure, then blur its slices."""
    side = image.shape[1]
    coarse = round(math.exp(rng.uniform(math.log(3), math.log(side / 2))))
    noise = torch.from_numpy(rng.standard_normal((1, len(image), coarse, coarse), dtype=np.float32))
    shade = F.interpolate(noise, size=(side, side), mode="bicubic", align_corners=False)[0]
    image = image * (1 + rng.uniform(0, SHADES) * shade).clamp(min=0)
    low, high = BLURS
    sigma = 2 * math.exp(rng.uniform(math.log(low), math.log(high)))
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    kernel = kernel / kernel.sum()
    image = F.conv2d(image[:, None], kernel[None, None, :, None], padding=(reach, 0))
    return F.conv2d(image, kernel[None, None, None], padding=(0, reach))[:, 0]


def _rotated(image: Tensor, rng: np.random.Generator) -> Tensor:
    angle = rng.uniform(0, 2 * math.pi)
    return turned_slices(image, image.shape[1], angle, math.exp(rng.uniform(-0.1, 0.1)))


def turned_slices(stack: Tensor, side: int, angle: float, zoom: float) -> Tensor:
    """Slices turned about their middle, in the plane.

    Parameters
    ----------
    stack : Tensor, shape (slices, y, x)
    side : int
        Of the slices that come of it.
    angle : float
        Radians.
    zoom : float
        Width that is shown over the width of ``stack``.

    Returns
    -------
    Tensor, shape (slices, side, side)
    """
    cos, sin = math.cos(angle) * zoom, math.sin(angle) * zoom
    turn = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]], device=stack.device)
    turned: Tensor = F.grid_sample(stack[None], F.affine_grid(turn, [1, 1, side, side], False), align_corners=False)
    return turned[0]
