"""A volume file of a sister sample, on the field of view of a scan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from ..errors import FewviewError
from ..io import read_volume

SAME = 0.02  # voxels that differ by less need no resampling
AT_ONCE = 2**22  # voxels that are worked on between two looks at the stop


def sister_volume(
    path: str | Path,
    grid: int,
    pixel: float | None,
    voxel: float | None = None,
    tick: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Read a volume and bring it onto the field of view of a scan; see :func:`on_field`.

    Parameters
    ----------
    path : str or Path
        As :func:`fewview.io.read_volume` takes it.
    grid, pixel
        Of the scan.
    voxel : float, optional
        mm, where the file does not tell.
    tick : callable
        Called several times per second; what it raises ends the work.

    Returns
    -------
    ndarray of float32, shape (z, side, side)
        In the unit of the file; ``side`` is ``grid``, or more where the voxels are finer than the pixels.
    """
    volume = read_volume(path, tick)
    known = volume.voxel if volume.voxel is not None else voxel
    return on_field(np.asarray(volume.values, dtype=np.float32), known, grid, pixel, Path(path).name, tick)


def on_field(
    values: NDArray[np.float32],
    voxel: float | None,
    grid: int,
    pixel: float | None,
    name: str,
    tick: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Bring a volume onto the field of view of slices of ``grid`` pixels of ``pixel`` mm.

    Parameters
    ----------
    values : ndarray, shape (z, y, x)
    voxel, pixel : float, optional
        mm. None where one is not known: voxels and pixels then count as equal.
    grid : int
    name : str
        For messages.
    tick : callable
        Called several times per second; what it raises ends the work.

    Returns
    -------
    ndarray, shape (z, side, side)
        ``side`` is ``grid``, or more where the voxels are finer than the pixels; cut or surrounded by air.

    Raises
    ------
    FewviewError
        Voxels coarser than the pixels by more than a half, which would teach blur.
    """
    ratio = 1.0 if voxel is None or pixel is None else voxel / pixel
    if ratio > 1.5:
        raise FewviewError(
            f"The voxels of {name} are {voxel:g} mm wide, the pixels of the scan {pixel:g} mm.",
            "Give a volume that is as fine as the scan, or bin the scan (--bin) until its pixels are as wide.",
        )
    finite = np.empty_like(values)
    for place in _parts(len(values), values[0].size):
        tick()
        finite[place] = np.nan_to_num(values[place])
    values = finite
    if ratio > 1 + SAME:
        values = _finer(values, ratio, tick)
        ratio = 1.0
    elif ratio > 1 - SAME:
        ratio = 1.0
    return _fitted(values, round(grid / ratio))


def _finer(values: NDArray[np.float32], ratio: float, tick: Callable[[], None]) -> NDArray[np.float32]:
    """Linear interpolation, along z and then within the slices: the same as at once, and it can be ended."""
    tall = []
    for place in _parts(values.shape[1], values[:, 0].size):
        tick()
        tall.append(zoom(values[:, place], (ratio, 1, 1), order=1))
    slices = []
    for image in np.concatenate(tall, axis=1):
        tick()
        slices.append(zoom(image, ratio, order=1))
    return np.stack(slices)


def _parts(count: int, size: int) -> list[slice]:
    """Parts of ``count`` pieces of ``size`` voxels each."""
    step = max(1, AT_ONCE // size)
    return [slice(start, start + step) for start in range(0, count, step)]


def _fitted(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Cut to a square about the middle, or surround by air."""
    for axis in (1, 2):
        extra = values.shape[axis] - side
        if extra > 0:
            values = np.take(values, np.arange(extra // 2, extra // 2 + side), axis=axis)
        elif extra < 0:
            width = [(0, 0)] * 3
            width[axis] = (-extra // 2, -extra - (-extra // 2))
            values = np.pad(values, width)
    return np.ascontiguousarray(values)
