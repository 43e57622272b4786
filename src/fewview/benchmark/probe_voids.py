"""Small voids in a simulated sample: dug where there was none, or filled where one had grown."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from ..simulate.microstructure import Microstructure, halve, microstructure
from ..simulate.phantoms import VoxelPhantom
from .quality.case import Array
from .quality.simulated import Slab, seed_of

VOIDS = 4  # at most
DIAMETER = 3.0  # px of the truth
APART = 16  # px between the middles of two voids: so far, one does not disturb the next
WITHIN = 0.36  # of the image: the sample's radius is 0.45
VOID, PASTE = 2, 0  # labels of :mod:`fewview.simulate.microstructure`

Kind = Literal["added", "removed"]


@lru_cache(maxsize=2)
def pair(kind: Kind, size: int, slices: int, volume: int) -> tuple[Slab, Slab, Array]:
    """A test sample as it is and with the voids changed, and how much attenuation they take away.

    Parameters
    ----------
    kind : {"added", "removed"}
        Spheres of three pixels dug into solid material; or grown voids of about that size, filled with paste.
    size, slices : int
        Pixels a side, and middle slices.
    volume : int
        Number of the sample.

    Returns
    -------
    before, after : Slab
        Phantoms.
    missing : array, shape (voids, slices, size, size)
        Truth with each void filled minus truth with it open, in mm^-1: positive within the void, 0 elsewhere. There
        may be fewer voids than asked for, or none.
    """
    depth = max(slices, size // 4)
    first = 2 * ((depth - slices) // 2)  # fine slices of the slab, two to each slice
    before = microstructure(size, seed_of(volume), depth)
    after = replace(before, labels=before.labels.copy())
    window = slice(first, first + 2 * slices)
    choose = _solid if kind == "added" else _grown
    masks = choose(before.labels[window], before.fine("neutron", window.start, window.stop), VOIDS)
    for mask in masks:
        after.labels[window][mask] = VOID if kind == "added" else PASTE
    slabs = [_slab(sample, slices) for sample in (before, after)]
    lost = slabs[0].truth("neutron") - slabs[1].truth("neutron")
    lost = lost if kind == "added" else -lost
    missing = [np.where(halve(mask.astype(np.float32)) > 0, lost, 0) for mask in masks]
    return slabs[0], slabs[1], np.stack(missing) if missing else np.empty((0, *lost.shape), np.float32)


def _slab(sample: Microstructure, slices: int) -> Slab:
    return Slab(VoxelPhantom(sample.fine, len(sample.labels) // 2, sample.pixel), slices)


def _solid(labels: NDArray[np.uint16], values: Array, count: int) -> list[NDArray[np.bool_]]:
    """Spheres in solid material, the strongest first: there a void takes most away."""
    from scipy.ndimage import gaussian_filter, minimum_filter

    radius = DIAMETER  # fine pixels: half of twice
    solid = np.where(labels == VOID, 0, values).astype(np.float32)
    # A smooth value high and no gap near: paste of its own kind all around, whatever its texture.
    level = gaussian_filter(solid, (0, radius, radius))
    free = minimum_filter((labels != VOID).astype(np.uint8), int(4 * radius)).astype(bool)
    middle = level[len(level) // 2 - 1 : len(level) // 2 + 1].mean(axis=0)
    allowed = free[len(level) // 2] & _near(labels.shape[1])
    spheres = _spread(np.where(allowed, middle, 0), count)
    z, y, x = np.indices(labels.shape)
    centre = (len(labels) - 1) / 2
    return [np.sqrt((z - centre) ** 2 + (y - j - 0.5) ** 2 + (x - i - 0.5) ** 2) < radius for j, i in spheres]


def _grown(labels: NDArray[np.uint16], values: Array, count: int) -> list[NDArray[np.bool_]]:
    """Voids that end within the slab, those nearest to a sphere of three pixels first."""
    named, _ = label(labels == VOID)
    sphere = 4 / 3 * np.pi * DIAMETER**3  # fine voxels
    near = _near(labels.shape[1])
    found: list[tuple[float, NDArray[np.bool_], tuple[float, float]]] = []
    for number, place in enumerate(find_objects(named), start=1):
        z, y, x = place
        if z.start == 0 or z.stop == len(labels):
            continue
        mask = named == number
        middle = ((y.start + y.stop) / 2, (x.start + x.stop) / 2)
        if near[int(middle[0]), int(middle[1])] and 0.4 < mask.sum() / sphere < 2.5:
            found.append((abs(np.log(mask.sum() / sphere)), mask, middle))
    kept: list[tuple[NDArray[np.bool_], tuple[float, float]]] = []
    for _, mask, middle in sorted(found, key=lambda entry: entry[0]):
        if len(kept) < count and all(np.hypot(*np.subtract(middle, other)) > 2 * APART for _, other in kept):
            kept.append((mask, middle))
    return [mask for mask, _ in kept]


def _spread(score: Array, count: int) -> list[tuple[int, int]]:
    """Places of the highest scores, at least :data:`APART` pixels from each other."""
    score = score.copy()
    y, x = np.indices(score.shape)
    places: list[tuple[int, int]] = []
    while len(places) < count and score.max() > 0:
        j, i = (int(k) for k in np.unravel_index(np.argmax(score), score.shape))
        places.append((j, i))
        score[np.hypot(y - j, x - i) < 2 * APART] = 0
    return places


def _near(size: int) -> NDArray[np.bool_]:
    """Within the sample, off its edge."""
    offset = np.arange(size) - (size - 1) / 2
    result: NDArray[np.bool_] = np.hypot(offset[:, None], offset[None, :]) < WITHIN * size
    return result
