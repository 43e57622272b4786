"""Aggregates, voids and fibres laid into a cylinder without overlap, largest first.

Shapes and assembly follow PyCMG (Holla et al.): ellipsoids cut by tangent half-spaces, a size distribution in classes,
random sequential placement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grain:
    """A convex body: an ellipsoid cut by planes.

    Parameters
    ----------
    centre : ndarray
        (3,), z, y, x in voxels.
    matrix : ndarray
        (3, 3): ``|matrix (p - centre)| <= 1`` inside the ellipsoid.
    normals, offsets : ndarray
        (k, 3) and (k,): ``normals (p - centre) <= offsets`` inside the cuts.
    radius : float
        Largest semi-axis.
    """

    centre: Array
    matrix: Array
    normals: Array
    offsets: Array
    radius: float

    def at(self, centre: Array) -> Grain:
        """Return the same grain elsewhere."""
        return Grain(centre, self.matrix, self.normals, self.offsets, self.radius)

    def distance(
        self, shape: tuple[int, int, int], scale: float, margin: float
    ) -> tuple[tuple[slice, slice, slice], NDArray[np.float32]]:
        """Signed distance to the surface (negative inside; voxels of the unscaled grid) around the grain.

        Parameters
        ----------
        shape : tuple of int
            The grid, finer by ``scale`` than the coordinates of the grain.
        scale : float
            Grid voxels per unit of the grain's coordinates.
        margin : float
            How far beyond the bounding sphere to look.

        Returns
        -------
        window, distance
            Where in the grid, and the values there.
        """
        reach = self.radius + margin
        window = tuple(
            slice(max(0, int((c - reach) * scale)), min(n, int((c + reach) * scale) + 2))
            for c, n in zip(self.centre, shape, strict=True)
        )
        # (zz, yy, xx) of voxel centres relative to the grain; each plane costs three rank-one terms.
        z, y, x = (
            ((np.arange(w.start, w.stop) + 0.5) / scale - c).astype(np.float32)
            for w, c in zip(window, self.centre, strict=True)
        )

        def linear(row: Array) -> NDArray[np.float32]:
            a, b, c = row.astype(np.float32)
            return np.asarray((a * z)[:, None, None] + (b * y)[None, :, None] + (c * x)[None, None, :])

        squared = linear(self.matrix[0]) ** 2
        squared += linear(self.matrix[1]) ** 2
        squared += linear(self.matrix[2]) ** 2
        # Near the surface of the ellipsoid (norm - 1) times the mean semi-axis is close enough to a distance.
        mean_axis = float(np.linalg.det(self.matrix) ** (-1 / 3))
        value = (np.sqrt(squared) - 1) * np.float32(mean_axis)
        for normal, offset in zip(self.normals, self.offsets, strict=True):
            np.maximum(value, linear(normal) - np.float32(offset), out=value)
        return window, value  # type: ignore[return-value]


def random_grain(rng: np.random.Generator, radius: float, cuts: tuple[int, int], flatness: float) -> Grain:
    """Draw a grain of largest semi-axis ``radius`` at the origin.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    radius : float
        Largest semi-axis in voxels.
    cuts : tuple of int
        Fewest and most cutting planes; (0, 0) leaves an ellipsoid.
    flatness : float
        Smallest ratio of the semi-axes.

    Returns
    -------
    Grain
        Convex, in voxels.
    """
    axes = radius * np.array([1.0, rng.uniform(flatness, 1.0), rng.uniform(flatness, 1.0)])
    turn = Rotation.random(rng=rng).as_matrix()
    matrix = (turn / axes).T
    count = int(rng.integers(cuts[0], cuts[1] + 1))
    normals = rng.normal(size=(count, 3))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    # The support function of the ellipsoid is where a plane touches it; a little less cuts a cap off.
    support = np.linalg.norm(normals @ turn * axes, axis=1)
    return Grain(np.zeros(3), matrix, normals, support * rng.uniform(0.62, 0.95, count), radius)


class Cylinder:
    """The sample: a cylinder along z, and which of its voxels are taken (on a grid of one voxel per unit).

    Parameters
    ----------
    shape : tuple of int
        Grid (z, y, x).
    radius : float
        Of the cylinder, in voxels.
    """

    def __init__(self, shape: tuple[int, int, int], radius: float) -> None:
        self.shape, self.radius = shape, radius
        y, x = (np.arange(n) + 0.5 - n / 2 for n in shape[1:])
        inside = np.hypot(y[:, None], x[None, :]) < radius
        self.inside = np.broadcast_to(inside, shape)
        self.taken = np.zeros(shape, bool)

    @property
    def volume(self) -> int:
        """Voxels inside."""
        return int(self.inside.sum())

    def place(
        self,
        rng: np.random.Generator,
        grain: Grain,
        places: NDArray[np.floating],
        gap: float,
        across: bool,
        tries: int = 12,
    ) -> tuple[Grain, int] | None:
        """Try to lay a grain with its centre at one of the candidate places, and mark its voxels as taken.

        Parameters
        ----------
        rng : Generator
            Source of randomness.
        grain : Grain
            What to lay down.
        places : ndarray
            (n, 3) candidate centres.
        gap : float
            Free voxels around the grain.
        across : bool
            Whether the surface of the cylinder may cut the grain (a drilled core) or not (a cast sample).
        tries : int
            How often to try.

        Returns
        -------
        (Grain, int) or None
            The grain where it lies and the voxels it takes inside the cylinder, or None when there was no room.
        """
        for _ in range(tries):
            centre = places[int(rng.integers(len(places)))] + rng.uniform(-0.5, 0.5, 3)
            laid = grain.at(centre)
            window, distance = laid.distance(self.shape, 1.0, gap)
            body = distance < 0
            if not body.any() or (self.taken[window] & (distance < gap)).any():
                continue
            inside = self.inside[window]
            if not across and (body & ~inside).any():
                continue
            self.taken[window] |= body
            return laid, int((body & inside).sum())
        return None

    def fill(
        self,
        rng: np.random.Generator,
        radii: NDArray[np.float64],
        fractions: NDArray[np.float64],
        cuts: tuple[int, int],
        flatness: float,
        gap: float,
        across: bool,
    ) -> list[Grain]:
        """Lay grains class by class, largest first, until each class has its volume fraction or finds no room.

        Parameters
        ----------
        rng : np.random.Generator
        radii : ndarray, shape (classes,)
            Of the grains, in voxels.
        fractions : ndarray, shape (classes,)
            Of the volume, 0 to 1.
        cuts : tuple[int, int]
            Fewest and most planes that cut a grain.
        flatness : float
            Smallest ratio of the semi-axes; 1 for balls.
        gap : float
            Least distance between grains, in voxels.
        across : bool
            Whether grains may reach over the edge.

        Returns
        -------
        list of Grain
            Those that were laid, in voxels; the cylinder remembers what they take.
        """
        grains: list[Grain] = []
        for radius, fraction in zip(radii, fractions, strict=True):
            free = distance_transform_edt(~self.taken & (self.inside | across))
            # A grain needs room for its inner sphere at least.
            places = np.argwhere((free > 0.45 * radius) & self._near()) + 0.5
            wanted, failures = fraction * self.volume, 0
            while wanted > 0 and failures < 20 and len(places):
                size = radius * rng.uniform(0.85, 1.15)
                laid = self.place(rng, random_grain(rng, size, cuts, flatness), places, gap, across)
                if laid is None:
                    failures += 1
                else:
                    grains.append(laid[0])
                    wanted -= laid[1]
        return grains

    def _near(self) -> NDArray[np.bool_]:
        y, x = (np.arange(n) + 0.5 - n / 2 for n in self.shape[1:])
        return np.broadcast_to(np.hypot(y[:, None], x[None, :]) < self.radius, self.shape)
