"""Foam: open cells between struts, as in a sponge or in trabecular bone, or closed ones between walls.

No training sees it: a family to test on, and what a network learns only from a volume of its own.
"""

from __future__ import annotations

import numpy as np

from .cells import Cells
from .ellipses import Volume
from .shapes import body_in_view, cut_out


def foam(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw a stack of neighbouring slices, (depth, size, size), in [0, 1].

    A point near the middle between two seeds of the cells lies in a wall, one near the middle of three in a strut;
    struts and walls vary in thickness and density.

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
    cells = Cells(rng, size, depth, np.exp(rng.uniform(np.log(size / 16), np.log(size / 6))), 0.35)
    thickness = cells.across * rng.uniform(0.08, 0.25) * rng.uniform(0.5, 1.5, cells.count)
    closed = rng.random() < 0.3
    density = rng.uniform(0.7, 1.0, cells.count)
    filling = rng.choice([0.0, rng.uniform(0.05, 0.25)])
    stack = np.empty((depth, size, size), np.float32)
    for z, (distance, nearest) in enumerate(cells.slices(3)):
        own = nearest[:, 0]
        apart = distance[:, 1 if closed else 2] - distance[:, 0]
        inside = apart < thickness[own] * (1.0 if closed else 1.6)
        stack[z] = cells.image(np.where(inside, density[own], filling))
    return cut_out(stack, body)
