"""Plain shapes: polygons, rings, cylinders, constant backgrounds: what the generic prior learns. Never concrete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ellipses import Ellipsoids, Volume, cut, disk_ellipsoids, render, scattered_ellipsoids, to_unit


def random_stack(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw one stack of neighbouring slices of plain shapes.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    size, depth : int
        Pixels a side, slices.

    Returns
    -------
    ndarray
        (depth, size, size), in [0, 1].
    """
    kind = rng.choice(["disk", "few", "scattered", "polygons", "packed"], p=[0.3, 0.15, 0.1, 0.25, 0.2])
    start = rng.uniform(-0.8, 0.7)
    heights = start + np.arange(depth) * 2.0 / size
    if kind == "polygons":
        return _polygons(rng, size, heights)
    if kind == "packed":
        return _packed(rng, size, heights)
    if kind == "disk":
        shapes = disk_ellipsoids(rng)
    elif kind == "few":
        shapes = disk_ellipsoids(rng, int(rng.integers(60, 400)))
    else:
        shapes = scattered_ellipsoids(rng, int(rng.integers(80, 400)))
    return to_unit(np.stack([render(cut(shapes, z), size) for z in heights]))


def polytope_signed_distance(
    x: NDArray[np.float64], y: NDArray[np.float64], normals: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signed distance (negative inside, exact near the faces) to ``max_k(n_k . p - d_k)`` on a plane grid.

    Parameters
    ----------
    x : ndarray, shape (y, x)
    y : ndarray, shape (y, x)
        Of the grid.
    normals : ndarray, shape (faces, 2)
        Of length 1.
    offsets : ndarray, shape (faces,)
        Distance of each face from the origin.

    Returns
    -------
    ndarray
        Shape (y, x).
    """
    result: NDArray[np.float64] = np.max(
        normals[:, 0, None, None] * x[None] + normals[:, 1, None, None] * y[None] - offsets[:, None, None], axis=0
    )
    return result


def cut_out(stack: Volume, body: Volume) -> Volume:
    """A stack (depth, size, size) within a body, unless that is empty, brought to a maximum of 1; ``stack`` changes."""
    stack *= body if body.any() else 1.0
    return (stack / max(float(stack.max()), 1e-6)).astype(np.float32)


def body_in_view(rng: np.random.Generator, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Volume, float]:
    """Return the pixel coordinates and the coverage of a constant body: the whole field, a disk or a ring."""
    step = 2.0 / size
    coordinate = (np.arange(size) + 0.5) * step - 1
    x, y = np.meshgrid(coordinate, coordinate[::-1])
    kind = rng.choice(["none", "field", "disk", "ring"], p=[0.2, 0.15, 0.5, 0.15])
    if kind == "none":
        return x, y, np.zeros((size, size), np.float32), 0.95
    if kind == "field":
        return x, y, np.ones((size, size), np.float32), 0.95
    outer = rng.uniform(0.6, 0.95)
    radius = np.hypot(x - rng.uniform(-0.04, 0.04), y - rng.uniform(-0.04, 0.04))
    body = np.clip(0.5 - (radius - outer) / step, 0, 1)
    if kind == "ring":
        body *= np.clip(0.5 + (radius - outer * rng.uniform(0.4, 0.9)) / step, 0, 1)
    return x, y, body.astype(np.float32), outer


def _polygons(rng: np.random.Generator, size: int, heights: NDArray[np.float64]) -> Volume:
    """Convex polyhedra over a constant body, later ones covering earlier ones."""
    x, y, body, outer = body_in_view(rng, size)
    step = 2.0 / size
    stack = np.repeat((body * rng.uniform(0.2, 0.8))[None], len(heights), 0)
    for _ in range(int(rng.integers(8, 90))):
        faces = int(rng.integers(4, 11))
        normals = rng.normal(size=(faces, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        radius = np.exp(rng.uniform(np.log(0.02), np.log(0.35)))
        offsets = radius * rng.uniform(0.6, 1.2, faces)
        place = outer * np.sqrt(rng.uniform(0, 0.9))
        turn = rng.uniform(0, 2 * np.pi)
        centre = np.array(
            [place * np.cos(turn), place * np.sin(turn), rng.uniform(heights[0] - radius, heights[-1] + radius)]
        )
        value = rng.uniform(0, 1)
        left, right = np.searchsorted(x[0], [centre[0] - 2 * radius, centre[0] + 2 * radius])
        low, high = size - np.searchsorted(x[0], [centre[1] + 2 * radius, centre[1] - 2 * radius])
        window = np.s_[low:high, left:right]
        if left == right or low == high:
            continue
        for index, z in enumerate(heights):
            rest = offsets + normals @ centre - normals[:, 2] * z
            flat = np.linalg.norm(normals[:, :2], axis=1)
            distance = polytope_signed_distance(x[window], y[window], normals[:, :2] / flat[:, None], rest / flat)
            inside = np.clip(0.5 - distance / step, 0, 1)
            stack[index][window] += (inside * (value - stack[index][window])).astype(np.float32)
    return _finish(stack)


def _packed(rng: np.random.Generator, size: int, heights: NDArray[np.float64]) -> Volume:
    """Ellipsoids of few grey values over a constant body, covering (not adding to) each other."""
    _, _, body, outer = body_in_view(rng, size)
    stack = np.repeat((body * rng.uniform(0.2, 0.8))[None], len(heights), 0)
    levels = rng.uniform(0, 1, int(rng.integers(1, 5)))
    count = int(rng.integers(30, 250))
    largest = np.exp(rng.uniform(np.log(0.05), np.log(0.3)))
    shapes = scattered_ellipsoids(rng, count)
    axes = largest * rng.uniform(0.4, 1.0, shapes.axes.shape) * rng.uniform(0.1, 1.0, (len(shapes.axes), 1))
    centres = shapes.centres * outer
    centres[:, 2] = rng.uniform(heights[0] - largest, heights[-1] + largest, len(axes))
    placed = Ellipsoids(centres, axes, shapes.rotations, np.ones(len(axes)))
    grey = rng.choice(levels, len(axes))
    for index, z in enumerate(heights):
        for item in range(len(axes)):
            one = slice(item, item + 1)
            section = cut(Ellipsoids(placed.centres[one], axes[one], placed.rotations[one], placed.values[one]), z)
            if len(section.values):
                inside = render(section, size)
                stack[index] += inside * (grey[item] - stack[index])
    return _finish(stack)


def _finish(stack: Volume) -> Volume:
    return (stack / max(float(stack.max()), 1e-6)).astype(np.float32)
