"""Grains: cells of a random tessellation, tight as in a rock or apart as in sand, of a few minerals, with pores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cells import Cells
from .ellipses import Volume
from .shapes import body_in_view, cut_out


def grains(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw a stack of neighbouring slices, (depth, size, size), in [0, 1].

    The cells may be long; between neighbours lies nothing, a dark gap or a bright cement; some are pores.

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
    _, _, body, _ = body_in_view(rng, size)
    cells = Cells(rng, size, depth, np.exp(rng.uniform(np.log(size / 40), np.log(size / 4))), 0.4)
    values = _minerals(rng, cells.count)
    gap = cells.across * rng.uniform(0.02, 0.25) if rng.random() < 0.6 else 0.0
    between = rng.choice([0.0, rng.uniform(0, 0.5), rng.uniform(0.5, 1.0)])
    # Apart, each grain ends at a radius of its own.
    radius = cells.across * (rng.uniform(0.3, 0.7, cells.count) if rng.random() < 0.4 else np.full(cells.count, 1e3))
    stack = np.empty((depth, size, size), np.float32)
    for z, (distance, nearest) in enumerate(cells.slices(2)):
        own = nearest[:, 0]
        image = np.where(distance[:, 1] - distance[:, 0] < gap, between, values[own])
        stack[z] = cells.image(np.where(distance[:, 0] < radius[own], image, 0.0))
    return cut_out(stack, body)


def _minerals(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Grey value of each grain: of a few minerals, a little uneven; some are pores."""
    levels = rng.uniform(0.2, 1.0, int(rng.integers(1, 6)))
    values = rng.choice(levels, count) + rng.normal(0, rng.uniform(0, 0.12), count)
    values[rng.random(count) < rng.choice([0.0, rng.uniform(0, 0.3)])] = 0.0
    return np.clip(values, 0, 1)
