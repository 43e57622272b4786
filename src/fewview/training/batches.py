"""Random crops from a pool: flips, turns, zoom and contrast, so that size, orientation and scale are not learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def draw_batch(
    blocks: Sequence[NDArray[np.floating]], count: int, crop: int, slices: int, rng: np.random.Generator
) -> Tensor:
    """Draw clean crops.

    Parameters
    ----------
    blocks : sequence of ndarray
        (z, y, x) each, in [0, 1].
    count, crop, slices : int
        Crops, pixels a side, neighbouring slices per crop.
    rng : Generator
        Source of randomness.

    Returns
    -------
    Tensor
        (count, slices, crop, crop), float32.
    """
    large = [b for b in blocks if min(b.shape[1:]) >= crop and b.shape[0] >= slices]
    if not large:
        raise ValueError(f"no block in the pool has {slices} slices of at least {crop} pixels")
    return torch.stack([_crop(large[int(rng.integers(len(large)))], crop, slices, rng) for _ in range(count)])


def _crop(block: NDArray[np.floating], crop: int, slices: int, rng: np.random.Generator) -> Tensor:
    z = int(rng.integers(block.shape[0] - slices + 1))
    stack = torch.from_numpy(np.ascontiguousarray(block[z : z + slices], dtype=np.float32))
    size = min(stack.shape[1:])
    how = rng.choice(["plain", "turned", "shrunk"], p=[0.5, 0.35, 0.15])
    if how == "shrunk" and size >= 2 * crop:
        stack = F.avg_pool2d(stack[None], 2)[0]  # the whole object in one crop
    if how == "turned":
        image = _turned(stack, crop, rng)
    else:
        top = int(rng.integers(stack.shape[1] - crop + 1))
        left = int(rng.integers(stack.shape[2] - crop + 1))
        image = stack[:, top : top + crop, left : left + crop]
    image = torch.rot90(image, int(rng.integers(4)), (1, 2))
    if rng.random() < 0.5:
        image = image.flip(2)
    if slices > 1 and rng.random() < 0.5:
        image = image.flip(0)
    # A reconstruction's robust maximum misses the true one by some per cent, streaks included.
    return image * float(rng.uniform(0.8, 1.08))


def _turned(stack: Tensor, crop: int, rng: np.random.Generator) -> Tensor:
    """Crop of random place, angle and zoom by bilinear interpolation."""
    size_y, size_x = stack.shape[1:]
    angle, zoom = rng.uniform(0, 2 * math.pi), math.exp(rng.uniform(math.log(0.75), math.log(1.5)))
    half = crop / zoom
    room_y, room_x = max(0.0, 1 - half / size_y), max(0.0, 1 - half / size_x)
    shift_y, shift_x = rng.uniform(-room_y, room_y), rng.uniform(-room_x, room_x)
    cos, sin = math.cos(angle) * half, math.sin(angle) * half
    matrix = torch.tensor(
        [[cos / size_x, -sin / size_x, shift_x], [sin / size_y, cos / size_y, shift_y]], dtype=torch.float32
    )
    grid = F.affine_grid(matrix[None], [1, stack.shape[0], crop, crop], align_corners=False)
    return F.grid_sample(stack[None], grid, padding_mode="border", align_corners=False)[0]
