"""Phantoms of random ellipses and ellipsoids: the published training data of disk-ellipse priors.

Distribution: Barbano et al., "Steerable conditional diffusion for out-of-distribution adaptation in medical image
reconstruction", 2023 (ellipses whose centres fill a disk). Here each ellipse is antialiased, so that a prior does not
learn staircase edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Volume = NDArray[np.float32]

_DISK = 0.4745  # radius of the disk of centres in the published distribution, on [-1, 1]


@dataclass(frozen=True)
class Ellipsoids:
    """A sum of ellipsoids on [-1, 1]^3, x to the right, y up, z along the rotation axis.

    Parameters
    ----------
    centres : ndarray
        (n, 3), columns x, y, z.
    axes : ndarray
        (n, 3), semi-axes.
    rotations : ndarray
        (n, 3, 3), columns are the directions of the axes.
    values : ndarray
        (n,), what each ellipsoid adds inside.
    """

    centres: NDArray[np.float64]
    axes: NDArray[np.float64]
    rotations: NDArray[np.float64]
    values: NDArray[np.float64]

    def quadrics(self) -> NDArray[np.float64]:
        """Return (n, 3, 3) matrices Q with ``(p - centre)' Q (p - centre) <= 1`` inside."""
        scaled = self.rotations / self.axes[:, None, :]
        result: NDArray[np.float64] = np.einsum("nij,nkj->nik", scaled, scaled)
        return result


@dataclass(frozen=True)
class Ellipses:
    """A sum of ellipses on [-1, 1]^2: ``(p - centre)' Q (p - centre) <= 1`` inside; values add up."""

    centres: NDArray[np.float64]
    quadrics: NDArray[np.float64]
    values: NDArray[np.float64]


def disk_ellipsoids(rng: np.random.Generator, mean_count: int = 700) -> Ellipsoids:
    """Draw ellipsoids whose centres lie in a disk across the axis and all along it.

    A plane cuts about a fifth of them: 700 give the published 140 ellipses in a slice.
    """
    count = max(1, min(int(rng.poisson(mean_count)), mean_count))
    radius = rng.triangular(0.0, _DISK, _DISK, count) * 1.9  # the object should nearly fill the field of view
    angle = rng.uniform(0, 2 * np.pi, count)
    centres = np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-1, 1, count)], axis=1)
    axes = np.clip(0.2 * _DISK * 1.9 * rng.exponential(1.0, (count, 3)), 0.008, 0.7)
    return Ellipsoids(centres, axes, _rotations(rng, count), rng.uniform(-0.4, 1.0, count))


def scattered_ellipsoids(rng: np.random.Generator, mean_count: int = 300) -> Ellipsoids:
    """Draw ellipsoids spread over the whole square (the non-disk variant)."""
    count = max(1, int(rng.poisson(mean_count)))
    centres = np.concatenate([rng.uniform(-0.9, 0.9, (count, 2)), rng.uniform(-1, 1, (count, 1))], axis=1)
    axes = np.clip(0.2 * rng.exponential(1.0, (count, 3)), 0.008, 0.9)
    return Ellipsoids(centres, axes, _rotations(rng, count), rng.uniform(-0.4, 1.0, count))


def cut(shapes: Ellipsoids, z: float) -> Ellipses:
    """Return the ellipses in which the plane at height ``z`` cuts the ellipsoids (exact)."""
    quadrics = shapes.quadrics()
    height = z - shapes.centres[:, 2]
    plane, mixed, along = quadrics[:, :2, :2], quadrics[:, :2, 2], quadrics[:, 2, 2]
    # Completing the square in (x, y): the centre moves with height, what is left of the 1 scales the ellipse.
    shift = -np.linalg.solve(plane, mixed[:, :, None])[:, :, 0] * height[:, None]
    left = 1 - height**2 * (along - np.einsum("ni,ni->n", mixed, np.linalg.solve(plane, mixed[:, :, None])[:, :, 0]))
    hit = left > 1e-6
    return Ellipses(
        shapes.centres[hit, :2] + shift[hit],
        plane[hit] / left[hit, None, None],
        shapes.values[hit],
    )


def render(shapes: Ellipses, size: int) -> Volume:
    """Sum the ellipses on a (size, size) grid, antialiased to first order; row 0 is the top (y = 1)."""
    image = np.zeros((size, size), np.float32)
    step = 2.0 / size
    coordinate = (np.arange(size) + 0.5) * step - 1
    reach = np.sqrt(np.maximum(np.linalg.inv(shapes.quadrics)[:, [0, 1], [0, 1]], 0)) + step
    for (cx, cy), quadric, value, (rx, ry) in zip(shapes.centres, shapes.quadrics, shapes.values, reach, strict=True):
        left, right = np.searchsorted(coordinate, [cx - rx, cx + rx])
        low, high = np.searchsorted(coordinate, [cy - ry, cy + ry])
        if left == right or low == high:
            continue
        x = coordinate[None, left:right] - cx
        y = coordinate[low:high, None] - cy
        gx = quadric[0, 0] * x + quadric[0, 1] * y
        gy = quadric[0, 1] * x + quadric[1, 1] * y
        norm = np.sqrt(x * gx + y * gy)
        # (norm - 1) over its gradient is the distance to the edge; one pixel of it is the antialiasing ramp.
        slope = np.sqrt(gx**2 + gy**2) / np.maximum(norm, 1e-9)
        distance = (norm - 1) / np.maximum(slope, 1e-9)
        image[low:high, left:right] += (value * np.clip(0.5 - distance / step, 0, 1)).astype(np.float32)
    return image[::-1].copy()


def line_integrals(shapes: Ellipses, angles: NDArray[np.float64], columns: int, fine: int = 4) -> NDArray[np.float32]:
    """Exact line integrals of a sum of ellipses, averaged over each detector column.

    Parameters
    ----------
    shapes : Ellipses
        On [-1, 1]^2; lengths come out in the same unit (a side is 2).
    angles : ndarray
        (views,), radians.
    columns : int
        Detector columns across [-1, 1], the axis in the middle.
    fine : int
        Rays per column.

    Returns
    -------
    ndarray
        (views, columns).
    """
    offset = (np.arange(columns * fine) + 0.5) * (2.0 / (columns * fine)) - 1
    inverse = np.linalg.inv(shapes.quadrics)
    out = np.zeros((len(angles), columns), np.float32)
    for view, angle in enumerate(angles):
        normal = np.array([np.cos(angle), np.sin(angle)])
        half = np.einsum("i,nij,j->n", normal, inverse, normal)  # squared half width of the shadow
        area = 1 / np.sqrt(np.linalg.det(shapes.quadrics))  # over pi
        s = offset[None, :] - (shapes.centres @ normal)[:, None]
        chord = 2 * area[:, None] / half[:, None] * np.sqrt(np.maximum(half[:, None] - s**2, 0))
        out[view] = (shapes.values @ chord).reshape(columns, fine).mean(1)
    return out


def to_unit(stack: NDArray[np.floating]) -> Volume:
    """Shift what is not background so that its minimum is 0, and divide by the maximum: values in [0, 1]."""
    inside = np.abs(stack) > 1e-6
    if not inside.any():
        return np.zeros(stack.shape, np.float32)
    low = min(float(stack[inside].min()), 0.0)
    shifted = np.where(inside, stack - low, 0.0)
    return (shifted / max(float(shifted.max()), 1e-6)).astype(np.float32)


def _rotations(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    result: NDArray[np.float64] = Rotation.random(count, rng=rng).as_matrix()
    return result
