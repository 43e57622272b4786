"""The kernels of :mod:`fewview.operators.compiled` for a fan: ray by ray, each along its own main axis.

Projection and back-projection step along a ray by the same expressions, so that the adjoint stays exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit
from .joseph_fan import FanJoseph

MARGIN = 2


def fan_facts(weights: FanJoseph) -> tuple[Any, ...]:
    """What the kernels take beside data and angles."""
    return weights.sod, weights.shift, *weights.directions()


@jit
def _ray(n: int, cos: float, sin: float, sod: float, shift: float, ray_sin: float, ray_cos: float) -> Any:
    """Whether a ray is steep, where it crosses line 0 of its main axis, its slope per line, and its length per line."""
    middle = (n - 1) / 2
    source_x, source_y = sod * sin + shift * cos, -sod * cos + shift * sin
    dx, dy = ray_sin * cos - ray_cos * sin, ray_sin * sin + ray_cos * cos
    if abs(dy) >= abs(dx):  # it crosses every row, the first at Y = middle
        slope = -dx / dy
        return True, source_x + (middle - source_y) * dx / dy + middle, slope, 1.0 / abs(dy)
    slope = -dy / dx
    return False, middle - (source_y + (-middle - source_x) * dy / dx), slope, 1.0 / abs(dx)


@jit
def _lines(start: float, slope: float, low: float, high: float, n: int) -> Any:
    """Range of lines where the place lies between ``low`` and ``high``, a line more at its ends."""
    if abs(slope) < 1e-12:
        return (0, n) if low <= start <= high else (0, 0)
    a, b = (low - start) / slope, (high - start) / slope
    first, last = min(a, b), max(a, b)
    return int(min(max(first - 1.0, 0.0), float(n))), int(min(max(last + 2.0, 0.0), float(n)))


@jit
def project(
    image: Any, turned: Any, sino: Any, cos: Any, sin: Any, sod: float, shift: float, ray_sin: Any, ray_cos: Any
) -> None:
    """Add the projections of ``image`` (n, MARGIN + n + MARGIN, slices) to ``sino`` (views, rays, slices).

    Parameters
    ----------
    image : Any
    turned : Any
        The image with its axes swapped.
    sino : Any
        Is added to.
    cos : Any, shape (views,)
    sin : Any, shape (views,)
        Of the angles.
    sod : float
        Source to axis, in voxels.
    shift : float
        Of the source along the detector, in voxels.
    ray_sin : Any, shape (rays,)
    ray_cos : Any, shape (rays,)
        Of the angles between the rays and the middle one.
    """
    n, slices = image.shape[0], sino.shape[2]
    for v in range(len(cos)):
        for ray in range(len(ray_sin)):
            steep, start, slope, length = _ray(n, cos[v], sin[v], sod, shift, ray_sin[ray], ray_cos[ray])
            source = image if steep else turned
            out = sino[v, ray]
            first, stop = _lines(start, slope, -1.0, float(n), n)
            for line in range(first, stop):
                place = start + line * slope
                if place <= -1.0 or place >= n:
                    continue
                near = int(np.floor(place))
                f = place - near
                w, w2 = image.dtype.type((1.0 - f) * length), image.dtype.type(f * length)
                row = source[line]
                for t in range(slices):
                    out[t] += w * row[near + MARGIN, t] + w2 * row[near + MARGIN + 1, t]


@jit
def back_project(
    sino: Any,
    image: Any,
    top: int,
    cos: Any,
    sin: Any,
    sod: float,
    shift: float,
    ray_sin: Any,
    ray_cos: Any,
) -> None:
    """Add to image rows from ``top`` on (rows, n, slices) the rays (views, MARGIN + rays + MARGIN, slices).

    Parameters
    ----------
    sino : Any
    image : Any
        Is added to.
    top : int
        First of its rows.
    cos : Any, shape (views,)
    sin : Any, shape (views,)
        Of the angles.
    sod : float
        Source to axis, in voxels.
    shift : float
        Of the source along the detector, in voxels.
    ray_sin : Any, shape (rays,)
    ray_cos : Any, shape (rays,)
        Of the angles between the rays and the middle one.
    """
    rows, n, slices = image.shape
    for v in range(len(cos)):
        for ray in range(len(ray_sin)):
            steep, start, slope, length = _ray(n, cos[v], sin[v], sod, shift, ray_sin[ray], ray_cos[ray])
            data = sino[v, ray + MARGIN]
            if steep:
                first, stop = _lines(start, slope, -1.0, float(n), n)
                first, stop = max(first, top), min(stop, top + rows)
            else:
                first, stop = _lines(start, slope, top - 1.0, float(top + rows), n)
            for line in range(first, stop):
                place = start + line * slope
                if place <= -1.0 or place >= n:
                    continue
                near = int(np.floor(place))
                f = place - near
                for side in range(2):
                    at = near + side
                    weight = image.dtype.type((f if side else 1.0 - f) * length)
                    i, j = (line - top, at) if steep else (at - top, line)
                    if 0 <= at < n and 0 <= i < rows:
                        for t in range(slices):
                            image[i, j, t] += weight * data[t]
