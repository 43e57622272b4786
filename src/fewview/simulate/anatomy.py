"""A simulated torso: lungs, heart, spine, ribs and nodules, whose layout all bodies share and whose shapes differ.

Two views can suffice here, because what they leave open is known from other bodies. Attenuation of water, lung and bone
at about 60 keV (ICRU 44 tissues, NIST XCOM), rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

Volume = NDArray[np.float32]
Field = NDArray[np.float32]
Put = Callable[[Field, float], None]
"""Takes the distance to a shape, negative inside, and the attenuation to put there."""
FIELD_OF_VIEW = 200.0
"""Side of the slices, mm: a child, which 60 keV pass through."""
SOFT, LUNG, BONE, HEART, FAT = 0.020, 0.005, 0.040, 0.021, 0.018
"""Attenuation, mm^-1."""
BENT = 0.06  # standard deviation of the displacement in half sides: 3 % of the side


def anatomy(rng: np.random.Generator, size: int, depth: int) -> Volume:
    """Draw a torso, axis of the body along z, as (depth, size, size) in mm^-1.

    Parameters
    ----------
    rng : Generator
    size, depth : int
        Pixels a side, and slices of the same thickness; edges are as wide as a pixel.

    Returns
    -------
    ndarray of float32, shape (depth, size, size)
        Attenuation in mm^-1, 0 around the body.
    """
    place = _bent(rng, size, depth)
    edge = np.float32(2 / size)
    volume = np.zeros((depth, size, size), np.float32)

    def put(distance: Field, value: float) -> None:
        volume[:] += np.clip(0.5 - distance / edge, 0, 1) * (np.float32(value) - volume)

    wide, deep = rng.uniform(0.68, 0.8), rng.uniform(0.48, 0.58)
    put(_ellipsoid(place, (0, 0, 0), (9.0, deep, wide)), FAT)
    put(_ellipsoid(place, (0, 0, 0), (9.0, deep - 0.05, wide - 0.05)), SOFT)
    height = rng.uniform(0.65, 0.8)
    for side in (-1, 1):
        centre = (rng.uniform(-0.08, 0.08), rng.uniform(-0.06, 0.02), side * wide * rng.uniform(0.46, 0.52))
        axes = (height * rng.uniform(0.92, 1.05), deep * rng.uniform(0.6, 0.7), wide * rng.uniform(0.31, 0.37))
        put(_ellipsoid(place, centre, axes), LUNG)
        for _ in range(rng.integers(1, 5)):
            inside = rng.uniform(-0.5, 0.5, 3) * axes + centre
            put(_ellipsoid(place, tuple(inside), tuple(rng.uniform(0.03, 0.08, 3))), SOFT)
    heart = (rng.uniform(-0.25, 0.0), -deep * rng.uniform(0.22, 0.34), wide * rng.uniform(0.1, 0.2))
    put(_ellipsoid(place, heart, tuple(rng.uniform((0.24, 0.17, 0.19), (0.32, 0.23, 0.26)))), HEART)
    _spine(rng, place, deep, put)
    _ribs(rng, place, (deep - 0.08, wide - 0.07), put)
    texture = zoom(rng.normal(0, 0.02, (6, 8, 8)), (depth / 6, size / 8, size / 8), order=1)
    volume *= 1 + texture.astype(np.float32)
    return volume


def _bent(rng: np.random.Generator, size: int, depth: int) -> Field:
    """Coordinates z, y, x of the undeformed body at each voxel, (3, depth, size, size), in half sides."""
    z = (2 * np.arange(depth) + 1 - depth) / size
    across = (2 * np.arange(size) + 1 - size) / size
    place = np.stack(np.meshgrid(z, across, across, indexing="ij")).astype(np.float32)
    turn = rng.normal(0, 0.05)
    c, s = np.cos(turn), np.sin(turn)
    y, x = place[1] - rng.normal(0, 0.03), place[2] - rng.normal(0, 0.03)
    place[1], place[2] = c * y + s * x, c * x - s * y
    place[0] -= rng.normal(0, 0.06)
    control = rng.normal(0, BENT, (3, 4, 4, 4))
    smooth = [zoom(one, (depth / 4, size / 4, size / 4), order=1, mode="nearest") for one in control]
    return place + np.stack(smooth).astype(np.float32)


def _ellipsoid(place: Field, centre: tuple[float, ...], axes: tuple[float, ...]) -> Field:
    """Distance to an ellipsoid in half sides, negative inside; right to first order near its surface."""
    scaled = [(place[k] - np.float32(centre[k])) / np.float32(axes[k]) for k in range(3)]
    radius = np.sqrt(sum(one * one for one in scaled)) + np.float32(1e-6)
    slope = np.sqrt(sum((one / np.float32(axes[k])) ** 2 for k, one in enumerate(scaled))) / radius
    distance: Field = (radius - 1) / np.maximum(slope, np.float32(1e-3))
    return distance


def _spine(rng: np.random.Generator, place: Field, deep: float, put: Put) -> None:
    """Vertebral bodies, boxes with round corners, with discs between them, and an arch behind."""
    count = int(rng.integers(4, 7))
    behind = deep * rng.uniform(0.58, 0.68)
    start, pitch = rng.uniform(-0.15, 0.15), 2.3 / count
    z = (place[0] - start + 3 * pitch) % pitch - pitch / 2
    half = (pitch * 0.38, rng.uniform(0.09, 0.12), rng.uniform(0.1, 0.14))
    off = np.stack([np.abs(z) - half[0], np.abs(place[1] - behind) - half[1], np.abs(place[2]) - half[2]]) + 0.04
    box = np.sqrt((np.maximum(off, 0) ** 2).sum(axis=0)) + np.minimum(off.max(axis=0), 0) - 0.04
    put(box.astype(np.float32), BONE)
    arch = np.hypot(place[1] - behind - half[1] - 0.04, place[2]) - 0.035
    put(arch.astype(np.float32), BONE * 0.9)


def _ribs(rng: np.random.Generator, place: Field, ring: tuple[float, float], put: Put) -> None:
    """Arcs of an elliptic torus that fall towards the front, evenly spaced along the body."""
    y, x = place[1] / np.float32(ring[0]), place[2] / np.float32(ring[1])
    radius = np.hypot(y, x)
    pitch, fall, thick = rng.uniform(0.26, 0.34), rng.uniform(0.1, 0.25), rng.uniform(0.03, 0.045)
    z = (place[0] + fall * y - rng.uniform(0, pitch)) % pitch - pitch / 2
    across = (radius - 1) * np.float32(np.mean(ring))
    distance = np.hypot(across, z) - thick
    open_front = np.float32(rng.uniform(0.15, 0.3)) - np.abs(place[2]) - np.maximum(y, 0)
    put(np.maximum(distance, open_front).astype(np.float32), BONE * 0.8)
