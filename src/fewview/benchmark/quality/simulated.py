"""Simulated samples of the quality benchmark: grown from test seeds, which no training may draw."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...geometry import ParallelBeam
from ...prepare import line_integrals
from ...samples import FOLDER
from ...scan import LineIntegrals
from ...simulate import Beam, make_phantom, measure
from ...simulate.phantoms import Phantom, Radiation, VoxelPhantom
from ...simulate.seeds import nth
from .case import Array, Case, area_means

FIRST = 50_000  # of the test seeds: examples and demonstrations use small ones
OTHERS = 8  # views between the others, to be predicted
SHELL_PIXELS = 272  # of the shipped slice


class Slab:
    """Some slices of a phantom: grown alone, so thin a sample would hold grains of other shapes.

    Parameters
    ----------
    whole : Phantom
    slices : int
        How many.
    first : int, optional
        The middle ones when not given.
    """

    def __init__(self, whole: Phantom, slices: int, first: int | None = None) -> None:
        self.whole, self.depth, self.pixel = whole, slices, whole.pixel
        self.first = (whole.depth - slices) // 2 if first is None else first

    def truth(self, radiation: Radiation) -> Array:
        """See :class:`fewview.simulate.phantoms.Phantom`."""
        return self.whole.truth(radiation)[self.first : self.first + self.depth]

    def integrals(self, radiation: Radiation, angles: NDArray[np.float64], first: int, last: int) -> Array:
        """See :class:`fewview.simulate.phantoms.Phantom`."""
        return self.whole.integrals(radiation, angles, self.first + first, self.first + last)


def seed_of(volume: int) -> int:
    """The test seed that the sample of this number grows from."""
    return nth("test", FIRST + volume)


@lru_cache(maxsize=4)
def grown(name: str, size: int, slices: int, volume: int) -> tuple[Phantom, Array]:
    """A phantom and its truth for neutrons.

    Parameters
    ----------
    name : str
        Kind of phantom.
    size : int
        Pixels a side.
    slices : int
    volume : int
        Number of the sample: its seed follows.

    Returns
    -------
    tuple[Phantom, Array]
        The truth has the shape (slices, size, size), in 1/mm.
    """
    # As deep as the blocks that priors are trained on.
    slab = Slab(make_phantom(name, size, seed_of(volume), max(slices, size // 4)), slices)
    return slab, slab.truth("neutron")


@lru_cache(maxsize=2)
def shell(size: int) -> tuple[Phantom, Array]:
    """The shipped neutron slice of a snail shell as a phantom, lengths in its pixels."""
    import tifffile

    image = np.atleast_3d(tifffile.imread(FOLDER / "shell_neutron.tif").squeeze())[..., 0]
    fine = np.repeat(area_means(area_means(image, 2 * size).T, 2 * size).T[None], 2, axis=0)
    phantom = VoxelPhantom(lambda radiation, first, last: fine[first:last], 1, SHELL_PIXELS / size)
    return phantom, phantom.truth("neutron")


def measured(phantom: Phantom, truth: Array, views: int, counts: float | None, stream: tuple[int, ...]) -> Case:
    """Measure a phantom at ``views`` angles over the half turn, and between some of them.

    Parameters
    ----------
    phantom : Phantom
    truth : array, shape (slices, y, x)
    views : int
    counts : float or None
        Open-beam counts per pixel; None measures without noise.
    stream : tuple of int
        Seeds the noise.

    Returns
    -------
    Case
        Line integrals that are used and that are held out, and the truth in mm^-1.
    """
    few = min(views, OTHERS)
    gaps = np.floor(np.arange(few, dtype=np.float64) * (views / few))
    angles = np.arange(views, dtype=np.float64) * (np.pi / views)
    between = (gaps + 0.5) * (np.pi / views)
    used, held = (
        lines_of(phantom, at, Beam(counts=counts), np.random.default_rng([*stream, views, part]))
        for part, at in enumerate((angles, between))
    )
    return Case(used, held, truth)


def lines_of(phantom: Phantom, angles: NDArray[np.float64], beam: Beam, rng: np.random.Generator) -> LineIntegrals:
    """Line integrals of a measurement; angles in radians, the axis in the middle of the detector.

    Parameters
    ----------
    phantom : Phantom
    angles : ndarray, shape (views,)
        In radians.
    beam : Beam
    rng : np.random.Generator
        Draws the noise.

    Returns
    -------
    LineIntegrals
        Values and weights (views, v, u), the pixel in mm.
    """
    scan = measure(phantom, angles, beam, rng)
    prepared = line_integrals(scan.projections, scan.flats, scan.darks, "counts")
    rows, columns = prepared.values.shape[1:]
    geometry = ParallelBeam(angles, rows, columns, (columns - 1) / 2, phantom.pixel)
    return LineIntegrals(prepared.values, geometry, prepared.weights)
