"""Measured samples of the quality benchmark; the reference is the FBP of all their views.

It is made at the detector's own resolution and then averaged over pixels, as the truth of simulated samples is: an FBP
of binned views is blurred by its interpolation, and favours what is smooth.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...geometry import ParallelBeam, full_turn, spread_views
from ...operators import filtered_backprojection, projector
from ...prepare import line_integrals
from ...samples import TOOTH
from ...scan import LineIntegrals
from .case import Array, Case, NoData, area_means

WOOD = "neutron_psi_wood_sinogram"
WOODS = (("woodsino_0100.tif", 257.75), ("woodsino_0200_crop448.tif", 252.25))  # file, axis (Vo's method)
TOOTH_AXIS = 295.0
FULL, HALF = 2 * np.pi, np.pi


@lru_cache(maxsize=4)
def wood(size: int, volume: int, folder: Path) -> tuple[LineIntegrals, Array]:
    """All views of a neutron sinogram of wood, and their FBP.

    Parameters
    ----------
    size : int
        Pixels a side, to which the detector is binned.
    volume : int
        Number of the sinogram.
    folder : Path
        Of the measured data.

    Returns
    -------
    tuple[LineIntegrals, Array]
        The reference has the shape (1, size, size), in 1/pixel.

    Raises
    ------
    NoData
        The sinograms do not travel with fewview.
    """
    name, axis = WOODS[volume]
    path = folder / WOOD / name
    if not path.is_file():
        raise NoData(f"There is no {path}.", "Give the folder of the measured data with --measured FOLDER.")
    import tifffile

    sinogram = tifffile.imread(path).astype(np.float32)[:-1]  # the last view repeats the first
    return _whole("wood", sinogram[None], np.linspace(0, FULL, len(sinogram), endpoint=False), axis, size)


@lru_cache(maxsize=2)
def tooth(size: int, slices: int) -> tuple[LineIntegrals, Array]:
    """All views of the shipped X-ray scan of a tooth, and their FBP."""
    from ...io import read_scan

    lines = read_scan(TOOTH).line_integrals(axis=TOOTH_AXIS)
    return _whole("tooth", lines.values.swapaxes(0, 1)[:slices], lines.geometry.angles, TOOTH_AXIS, size)


def _whole(
    name: str, sinograms: Array, angles: NDArray[np.float64], axis: float, size: int
) -> tuple[LineIntegrals, Array]:
    columns = sinograms.shape[-1]
    if size > columns:
        raise NoData(f"The detector of '{name}' has {columns} columns, fewer than {size}.", "Choose a smaller size.")
    binned = line_integrals(area_means(sinograms, size).swapaxes(0, 1), None, None, "attenuation")
    geometry = ParallelBeam(angles, len(sinograms), size, (axis + 0.5) * size / columns - 0.5)
    own = line_integrals(sinograms.swapaxes(0, 1), None, None, "attenuation").values.swapaxes(0, 1).copy()
    A = projector(ParallelBeam(angles, len(sinograms), columns, axis), memory_budget=0)
    fine = filtered_backprojection(A, torch.from_numpy(own)).numpy()
    reference = area_means(area_means(fine, size).swapaxes(1, 2), size).swapaxes(1, 2) * np.float32(columns / size)
    return LineIntegrals(binned.values, geometry, binned.weights), np.ascontiguousarray(reference)


def few_views(whole: LineIntegrals, reference: Array, views: int, seed: int) -> Case:
    """``views`` of all views, spread equally; every seed begins elsewhere. All the others are to be predicted.

    Parameters
    ----------
    whole : LineIntegrals
        All views.
    reference : Array, shape (slices, size, size)
        Of all views.
    views : int
        To keep.
    seed : int
        Number of the choice; 0 begins at the first angle.

    Returns
    -------
    Case
        Line integrals that are used and that are held out, and the reference.

    Raises
    ------
    NoData
        The scan has not that many views.
    """
    angles = whole.geometry.angles
    if views >= len(angles):
        raise NoData(f"The scan has {len(angles)} views, not more than {views}.", "Choose fewer.")
    turn = FULL if full_turn(angles) else HALF
    shift = np.random.default_rng(seed).random() * HALF / views if seed else 0.0
    chosen = spread_views(np.mod(angles - angles.min() - shift, turn), views)
    return Case(whole.select_views(chosen), whole.drop_views(chosen), reference)
