"""Fibres: straight, solid or hollow, bundled or in every direction, in a matrix or in air."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ellipses import Volume
from .shapes import body_in_view, cut_out


def fibres(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw a stack of neighbouring slices, (depth, size, size), in [0, 1].

    Parameters
    ----------
    rng : np.random.Generator
    size : int
        Pixels a side.
    depth : int
        Slices.

    Returns
    -------
    ndarray of float32, shape (depth, size, size)
        Relative attenuation, 0 around the sample.
    """
    x, y, body, outer = body_in_view(rng, size)
    step = 2.0 / size
    matrix = rng.choice([0.0, rng.uniform(0.1, 0.7)])
    stack = np.repeat((body * matrix)[None], depth, 0).astype(np.float32)
    heights = (np.arange(depth) - depth / 2) * step
    thickness = np.exp(rng.uniform(np.log(0.7 * step), np.log(0.12)))
    count = int(np.clip(rng.uniform(0.05, 0.6) * outer**2 / thickness**2, 3, 250))
    main = rng.normal(size=3)
    spread = rng.choice([0.05, 0.4, 3.0])  # a bundle, a felt, every direction
    flat = rng.choice([0.1, 1.0, 4.0])  # in the plane, any, across it
    level = rng.uniform(0.4, 1.0) if matrix else 1.0
    hollow = rng.random() < 0.25
    for _ in range(count):
        along = (main / np.linalg.norm(main) + spread * rng.normal(size=3)) * (1, 1, flat)
        place, turn = outer * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        centre = np.array([place * np.cos(turn), place * np.sin(turn), rng.uniform(heights[0], heights[-1] + step)])
        radius = thickness * rng.uniform(0.7, 1.3)
        distance = _from_line(x, y, heights, centre, along / np.linalg.norm(along))
        inside = np.clip(0.5 - (distance - radius) / step, 0, 1)
        stack += (inside * (level * rng.uniform(0.8, 1.0) - stack)).astype(np.float32)
        if hollow:
            lumen = np.clip(0.5 - (distance - 0.5 * radius) / step, 0, 1)
            stack -= (lumen * stack).astype(np.float32)
    return cut_out(stack, body)


def _from_line(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    heights: NDArray[np.floating],
    centre: NDArray[np.float64],
    along: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Distance of every voxel (depth, size, size) from a line."""
    off = (x[None] - centre[0], y[None] - centre[1], (heights - centre[2])[:, None, None])
    forward = off[0] * along[0] + off[1] * along[1] + off[2] * along[2]
    return np.asarray(np.sqrt(np.maximum(off[0] ** 2 + off[1] ** 2 + off[2] ** 2 - forward**2, 0)))
