"""Phantoms by name: something with a truth for neutrons and X-rays and a way to measure it finely."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, choices
from .anatomy import FIELD_OF_VIEW as BODY
from .anatomy import anatomy
from .ellipses import Ellipsoids, cut, disk_ellipsoids, line_integrals, render
from .fibres import fibres
from .foam import foam
from .grains import grains
from .materials import ENERGIES
from .microstructure import FIELD_OF_VIEW, Microstructure, halve, microstructure
from .project import project
from .shapes import random_stack

Volume = NDArray[np.float32]
Radiation = Literal["neutron"] | int
"""Neutrons, or X-rays of an energy in keV (60, 80 or 100)."""


class Phantom(Protocol):
    """What the acquisition asks of a phantom."""

    pixel: float
    """Side of a truth pixel in mm."""
    depth: int
    """Truth slices."""

    def truth(self, radiation: Radiation) -> Volume:
        """Return (depth, size, size) in mm^-1, the mean over each voxel."""

    def integrals(self, radiation: Radiation, angles: NDArray[np.float64], first: int, last: int) -> Volume:
        """Return line integrals of truth slices first to last on half-size columns: (slices, views, 2 size).

        Parameters
        ----------
        radiation : Radiation
            Neutrons, or X-rays of an energy in keV.
        angles : ndarray, shape (views,)
            In radians.
        first : int
            Slice.
        last : int
            Slice after the last one.

        Returns
        -------
        ndarray of float32, shape (slices, views, 2 size)
            Without unit.
        """


class VoxelPhantom:
    """A phantom given on a grid of twice the resolution in each direction.

    Parameters
    ----------
    fine : callable
        Takes radiation and first and last fine slice, returns (slices, 2 size, 2 size) in mm^-1.
    depth : int
        Truth slices.
    pixel : float
        Side of a truth pixel in mm.
    """

    def __init__(self, fine: Callable[[Radiation, int, int], Volume], depth: int, pixel: float) -> None:
        self.fine, self.depth, self.pixel = fine, depth, pixel

    def truth(self, radiation: Radiation) -> Volume:
        """See :class:`Phantom`."""
        starts = range(0, self.depth, 16)
        return np.concatenate([halve(self.fine(radiation, 2 * a, 2 * min(a + 16, self.depth))) for a in starts])

    def integrals(self, radiation: Radiation, angles: NDArray[np.float64], first: int, last: int) -> Volume:
        """See :class:`Phantom`."""
        fine = self.fine(radiation, 2 * first, 2 * last)
        # Both half-slices meet the same detector row; in the plane the fine grid stays.
        rows = fine.reshape(last - first, 2, *fine.shape[1:]).mean(axis=1)
        return project(rows, angles) * np.float32(self.pixel / 2)


class EllipsoidPhantom:
    """A sum of ellipsoids with exact line integrals; X-rays see the same shapes with other values.

    Parameters
    ----------
    shapes : Ellipsoids
        On [-1, 1]^3, values in mm^-1 for neutrons.
    xray : ndarray
        (n,), values in mm^-1 for X-rays of 80 keV.
    size, depth : int
        Truth pixels and slices.
    """

    def __init__(self, shapes: Ellipsoids, xray: NDArray[np.float64], size: int, depth: int) -> None:
        self.shapes, self.xray, self.size, self.depth = shapes, xray, size, depth
        self.pixel = FIELD_OF_VIEW / size

    def _at(self, radiation: Radiation) -> Ellipsoids:
        if radiation == "neutron":
            return self.shapes
        return Ellipsoids(
            self.shapes.centres, self.shapes.axes, self.shapes.rotations, self.xray * _spectral(radiation)
        )

    def _heights(self, index: int) -> list[float]:
        """Two planes per slice, at a quarter and three quarters of it."""
        return [(2 * (index + part) - self.depth) / self.size for part in (0.25, 0.75)]

    def truth(self, radiation: Radiation) -> Volume:
        """See :class:`Phantom`."""
        shapes = self._at(radiation)
        fine = [render(cut(shapes, z), 2 * self.size) for i in range(self.depth) for z in self._heights(i)]
        return halve(np.stack(fine))

    def integrals(self, radiation: Radiation, angles: NDArray[np.float64], first: int, last: int) -> Volume:
        """See :class:`Phantom`."""
        shapes, scale = self._at(radiation), np.float32(FIELD_OF_VIEW / 2)
        rows = [
            np.mean([line_integrals(cut(shapes, z), angles, 2 * self.size, 2) for z in self._heights(i)], axis=0)
            for i in range(first, last)
        ]
        return np.stack(rows).astype(np.float32) * scale


def make_phantom(name: str, size: int, seed: int, depth: int | None = None) -> Phantom:
    """Make a phantom.

    Parameters
    ----------
    name : str
        A key of :data:`PHANTOMS`.
    size : int
        Truth pixels a side.
    seed : int
        See :mod:`fewview.simulate.seeds`.
    depth : int, optional
        Slices; ``size`` when not given.

    Returns
    -------
    Phantom
        In mm.

    Raises
    ------
    OptionError
        There is no phantom of that name.
    """
    if name not in PHANTOMS:
        raise OptionError(f"There is no phantom '{name}'.", choices(name, PHANTOMS))
    return PHANTOMS[name](size, seed, depth or size)


def _concrete(size: int, seed: int, depth: int) -> Phantom:
    sample: Microstructure = microstructure(size, seed, depth)
    return VoxelPhantom(sample.fine, depth, sample.pixel)


def _ellipses(size: int, seed: int, depth: int) -> Phantom:
    rng = np.random.default_rng(seed)
    drawn = disk_ellipsoids(rng)
    # Exact integrals need a plain sum: positive values, instead of a shift of what came out negative.
    values = np.abs(drawn.values) * 0.05
    shapes = Ellipsoids(drawn.centres, drawn.axes, drawn.rotations, values)
    return EllipsoidPhantom(shapes, rng.permutation(values) * 0.5, size, depth)


def _drawn(draw: Callable[[np.random.Generator, int, int], Volume], size: int, seed: int, depth: int) -> Phantom:
    """A stack drawn at twice the resolution; X-rays see other contrasts of the same edges."""
    stack = draw(np.random.default_rng(seed), 2 * size, 2 * depth)

    def fine(radiation: Radiation, first: int, last: int) -> Volume:
        slab = stack[first:last]
        # X-rays see other contrasts of the same edges: a bend of the grey scale, not a copy.
        return (
            slab * np.float32(0.1)
            if radiation == "neutron"
            else np.sqrt(slab) * np.float32(0.05 * _spectral(radiation))
        )

    return VoxelPhantom(fine, depth, FIELD_OF_VIEW / size)


def _body(size: int, seed: int, depth: int) -> Phantom:
    """A torso, which neutrons would hardly pass: both scans of it are X-ray scans of 60 keV."""
    stack = anatomy(np.random.default_rng(seed), 2 * size, 2 * depth)
    return VoxelPhantom(lambda radiation, first, last: stack[first:last], depth, BODY / size)


def _spectral(radiation: Radiation) -> float:
    """Attenuation of a mineral at an energy relative to 80 keV (quartz)."""
    return dict(zip(ENERGIES, (1.31, 1.0, 0.88), strict=True))[radiation]  # type: ignore[index]


PHANTOMS: dict[str, Callable[[int, int, int], Phantom]] = {
    "microstructure": _concrete,
    "ellipses": _ellipses,
    "shapes": partial(_drawn, random_stack),
    "grains": partial(_drawn, grains),
    "fibres": partial(_drawn, fibres),
    "foam": partial(_drawn, foam),
    "anatomy": _body,
}
"""Concrete-like samples, disk-distributed ellipsoids with exact line integrals, and other plain shapes."""
