"""Grains: cells of a random tessellation, tight as in a rock or apart as in sand, of a few minerals, with pores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .ellipses import Volume
from .shapes import body_in_field

FINE = 2  # samples per pixel and direction in the plane


def grains(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw a stack of neighbouring slices, (depth, size, size), in [0, 1].

    Voronoi cells of seeds in a box that is stretched at random, so that grains may be long; between neighbours lies
    nothing, a dark gap or a bright cement; cells of some seeds are pores.
    """
    _, _, body, _ = body_in_field(rng, size)
    body = body if body.any() else np.ones_like(body)
    across = np.exp(rng.uniform(np.log(size / 40), np.log(size / 4)))  # diameter in pixels
    stretch = np.exp(rng.uniform(-0.4, 0.4, 3))
    margin = 2 * across
    box = np.array([depth, size, size]) + 2 * margin
    count = int(np.clip(np.prod(box) / across**3, 20, 60_000))
    seeds = rng.uniform(0, 1, (count, 3)) * box - margin
    plane = (np.arange(FINE * size) + 0.5) / FINE
    grid = np.stack(np.meshgrid(np.arange(depth) + 0.5, plane, plane, indexing="ij"), -1)
    distance, nearest = cKDTree(seeds / stretch).query(grid.reshape(-1, 3) / stretch, k=2)
    values = _minerals(rng, count)
    image = values[nearest[:, 0]]
    if rng.random() < 0.6:
        gap = distance[:, 1] - distance[:, 0] < across * rng.uniform(0.02, 0.25)
        image = np.where(gap, rng.choice([0.0, rng.uniform(0, 0.5), rng.uniform(0.5, 1.0)]), image)
    if rng.random() < 0.4:  # apart: each grain ends at a radius of its own
        image = np.where(distance[:, 0] < across * rng.uniform(0.3, 0.7, count)[nearest[:, 0]], image, 0.0)
    stack = image.reshape(depth, size, FINE, size, FINE).mean(axis=(2, 4)) * body
    return (stack / max(float(stack.max()), 1e-6)).astype(np.float32)


def _minerals(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Grey value of each grain: of a few minerals, a little uneven; some are pores."""
    levels = rng.uniform(0.2, 1.0, int(rng.integers(1, 6)))
    values = rng.choice(levels, count) + rng.normal(0, rng.uniform(0, 0.12), count)
    values[rng.random(count) < rng.choice([0.0, rng.uniform(0, 0.3)])] = 0.0
    return np.clip(values, 0, 1)
