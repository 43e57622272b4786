"""Dead leaves: plain shapes of all sizes that cover each other, as things cover each other in the world.

A power law of sizes gives images the statistics of natural ones, from edges down to what looks like texture; networks
that learnt on them alone restore photographs nearly as well as those that learnt on photographs.

References
----------
Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41, 2001;
Achddou, Gousseau and Ladjal, "Synthetic images as a regularity prior for image restoration neural networks", SSVM 2021.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .ellipses import Volume
from .shapes import body_in_view

MOST = 5000
"""Leaves in a stack: bounds the time: 0.2 s at 128 px."""


def leaves(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw ellipsoids and cuboids that cover each other; shapes as in :func:`~fewview.simulate.shapes.random_stack`.

    Parameters
    ----------
    rng : np.random.Generator
    size : int
        Pixels a side.
    depth : int
        Slices.

    Returns
    -------
    Volume
        Shape (depth, size, size), in [0, 1].
    """
    step = 2.0 / size
    heights = np.arange(depth) * step
    x, y, body, outer = body_in_view(rng, size)
    stack = np.repeat((body * rng.uniform(0.2, 0.8))[None], depth, 0)
    radii = _radii(rng, 0.5 * step * rng.uniform(1, 3), np.exp(rng.uniform(np.log(0.06), np.log(0.5))), outer, step)
    place, turn = outer * np.sqrt(rng.uniform(0, 1, len(radii))), rng.uniform(0, 2 * np.pi, len(radii))
    z = rng.uniform(heights[0] - radii, heights[-1] + radii)
    centres = np.stack([place * np.cos(turn), place * np.sin(turn), z], axis=1)
    axes = radii[:, None] * rng.uniform(rng.uniform(0.2, 1.0), 1.0, (len(radii), 3))
    turned = Rotation.random(len(radii), rng=rng).as_matrix()
    boxes = rng.random(len(radii)) < rng.choice([0.0, 0.5, 1.0], p=[0.5, 0.3, 0.2])
    values = _values(rng, len(radii))
    opaque = rng.uniform(rng.choice([0.2, 1.0]), 1.0, len(radii))  # thin leaves make weak texture
    for centre, semi, rotation, box, value, cover in zip(centres, axes, turned, boxes, values, opaque, strict=True):
        reach = float(semi.max()) * (1.8 if box else 1.05) + step
        left, right = np.searchsorted(x[0], [centre[0] - reach, centre[0] + reach])
        low, high = size - np.searchsorted(x[0], [centre[1] + reach, centre[1] - reach])
        if left == right or low == high:
            continue
        window = np.s_[:, low:high, left:right]
        off = (x[0, left:right] - centre[0], y[low:high, :1] - centre[1], (heights - centre[2])[:, None, None])
        along = [off[0] * r[0] + off[1] * r[1] + off[2] * r[2] for r in rotation.T]
        inside = np.clip(0.5 - (_cuboid if box else _ellipsoid)(along, semi) / step, 0, 1)
        stack[window] += (inside * cover * (value - stack[window])).astype(np.float32)
    if rng.random() < 0.8:
        stack *= body if body.any() else 1.0
    return (stack / max(float(stack.max()), 1e-6)).astype(np.float32)


def _radii(rng: np.random.Generator, least: float, most: float, outer: float, step: float) -> NDArray[np.float64]:
    """Radii of a power law, so many that they would cover the body once to a few times; in random order."""
    power = rng.uniform(2.0, 3.5)
    low, high = least ** (1 - power), most ** (1 - power)
    drawn = (low + rng.uniform(0, 1, MOST) * (high - low)) ** (1 / (1 - power))
    # The part of the body that a slice sees covered by each: flattened, and not cut by every slice.
    covered = np.cumsum(0.25 * (drawn / outer) ** 2 * drawn / (drawn + 3 * step))
    wanted = np.exp(rng.uniform(np.log(0.2), np.log(4.0)))
    result: NDArray[np.float64] = drawn[: max(1, int(np.searchsorted(covered, wanted)))]
    return result


def _values(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Grey values: of a few materials, each a little uneven, or any."""
    if rng.random() < 0.3:
        return rng.uniform(0, 1, count)
    levels = rng.uniform(0, 1, int(rng.integers(2, 6)))
    return np.clip(rng.choice(levels, count) + rng.normal(0, rng.uniform(0, 0.15), count), 0, 1)


def _ellipsoid(along: list[NDArray[np.float64]], semi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance to the surface, to first order; negative inside."""
    norm = np.maximum(np.sqrt(sum((u / s) ** 2 for u, s in zip(along, semi, strict=True))), 1e-3)
    slope = np.sqrt(sum((u / s**2) ** 2 for u, s in zip(along, semi, strict=True))) / norm
    return np.asarray((norm - 1) / np.maximum(slope, 1e-3))


def _cuboid(along: list[NDArray[np.float64]], semi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance to the nearest face's plane; negative inside."""
    return np.asarray(np.max(np.stack([np.abs(u) - s for u, s in zip(along, semi, strict=True)]), axis=0))
