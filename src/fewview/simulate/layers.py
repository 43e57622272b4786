"""Layers: growth rings, sediments and rolled sheets, each layer even or fading into the next, with rays and cracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ellipses import Volume
from .shapes import body_in_view, cut_out, polytope_signed_distance
from .textures import gaussian_field, smooth_field


def layers(rng: np.random.Generator, size: int, depth: int) -> Volume:
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
        Relative attenuation, 1 at most and 0 around the sample.
    """
    size *= 2  # drawn finer, so that an edge shares its pixels between both sides
    x, y, body, outer = body_in_view(rng, size)
    if rng.random() < 0.3:
        body = _block(rng, x, y)
    shape = (depth, size, size)
    heart = rng.normal(0, rng.choice([0.1, 0.6, 4.0]), 2)  # within the sample, aside, or far: straight layers
    tilt = rng.normal(0, 0.15) * (np.arange(depth) - depth / 2)[:, None, None] * 4.0 / size
    far = np.hypot(x - heart[0], y - heart[1])[None] + tilt
    far = far + rng.uniform(0, 0.06) * smooth_field(rng, shape, rng.uniform(0.1, 0.3))
    turn = np.arctan2(y - heart[1], x - heart[0])
    if rng.random() < 0.15:  # one sheet, rolled up
        far = far + turn[None] / (2 * np.pi) * 0.12
    stack = _profile(rng, far, size)
    stack *= 1 + rng.uniform(0, 0.12) * gaussian_field(rng, shape, rng.uniform(1.2, 6.0))
    if rng.random() < 0.5:  # rays across the layers
        many = rng.uniform(20, 120)
        stack *= 1 + rng.uniform(0, 0.2) * (np.cos(many * turn + rng.uniform(0, 6)) > 0.9)[None]
    for _ in range(rng.poisson(1.0)):  # cracks along a ray
        bend = turn - rng.uniform(-np.pi, np.pi)
        across = np.abs(np.sin(bend)) * far[0]
        open_ = (np.cos(bend) > 0) & (far[0] > rng.uniform(0, outer)) & (across < rng.uniform(1, 8) / size)
        stack *= 1 - open_[None]
    drawn = cut_out(np.clip(stack, 0, None).astype(np.float32), body)
    image = drawn.reshape(depth, size // 2, 2, size // 2, 2).mean(axis=(2, 4))
    return np.asarray(image / image.max())


def _profile(rng: np.random.Generator, far: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Grey values by the distance from the heart: a layer fades, or is even, and ends sharply."""
    first, last = float(far.min()), float(far.max())
    mean = np.exp(rng.uniform(np.log(12 / size), np.log(0.5)))
    widths = mean * np.exp(rng.normal(0, rng.uniform(0.05, 0.5), int(2.5 * (last - first) / mean) + 4))
    ends = first - widths[0] + np.cumsum(widths)
    layer = np.clip(np.searchsorted(ends, far), 0, len(ends) - 1)
    within = np.clip((ends[layer] - far) / widths[layer], 0, 1)
    low = np.clip(rng.uniform(0.1, 0.8) + rng.normal(0, 0.1, len(ends)), 0, 1)[layer]
    high = np.clip(rng.uniform(0.4, 1.0) + rng.normal(0, 0.1, len(ends)), 0, 1)[layer]
    if rng.random() < 0.3:  # even layers, of one material and another in turn
        even: NDArray[np.float64] = np.where(layer % 2, low, high)
        return even
    faded: NDArray[np.float64] = low + (high - low) * within ** np.exp(rng.uniform(-0.5, 1.5))
    return faded


def _block(rng: np.random.Generator, x: NDArray[np.float64], y: NDArray[np.float64]) -> Volume:
    """A piece with straight sides."""
    turns = rng.uniform(0, 2 * np.pi) + np.arange(4) * np.pi / 2 + rng.normal(0, 0.1, 4)
    normals = np.stack([np.cos(turns), np.sin(turns)], 1)
    distance = polytope_signed_distance(x, y, normals, rng.uniform(0.35, 0.75, 4))
    result: Volume = np.clip(0.5 - distance * len(x) / 2, 0, 1).astype(np.float32)
    return result
