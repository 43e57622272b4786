"""Operators of a geometry, and of loose arguments."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..errors import MethodUnavailable
from ..geometry import Beam, FanBeam, ParallelBeam, VolumeGrid
from .interface import Operator
from .tiled import MEMORY_BUDGET, TiledOperator


def projector(
    geometry: Beam,
    volume: VolumeGrid | None = None,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    backend: str = "torch",
    memory_budget: int = MEMORY_BUDGET,
) -> Operator:
    """Projector of a geometry, with its exact adjoint.

    Parameters
    ----------
    geometry : Beam
        An unknown pixel size counts as 1: values are then per pixel.
    volume : VolumeGrid, optional
        Grid of the slices; that of the geometry if left out.
    device, dtype
        Torch device; ``torch.float32`` or ``torch.float64``.
    backend : {"torch", "astra"}
        ``astra`` needs the extra of that name.
    memory_budget : int
        Bytes that the stored matrix may take. Above it nothing is stored: the weights are computed while they
        are used, which takes up to four times as long on the CPU.

    Returns
    -------
    Operator
        ``A(x)`` maps (slices, grid, grid) to (slices, views, columns); ``A.T(y)`` is its adjoint.

    Raises
    ------
    ValueError
        On another precision or backend.
    fewview.errors.MethodUnavailable
        When the backend or the device is not on this machine.
    """
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, not {dtype}")
    where = _device(device)
    geometry = geometry.with_pixel(geometry.pitch)
    parts = (geometry, geometry.volume if volume is None else volume, where, dtype)
    if backend == "torch":
        return TiledOperator(*parts, memory_budget)
    if backend == "astra":
        from .astra import AstraOperator  # optional, and not quick to import

        return AstraOperator(*parts)
    raise ValueError(f"backend must be 'torch' or 'astra', not {backend!r}")


def _device(device: str | torch.device) -> torch.device:
    """As tensors name it: "cuda" becomes "cuda:0"."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for CUDA
        raise MethodUnavailable(
            f"There is no device '{device}' here: {str(error).splitlines()[0]}", "Choose cpu; see `fewview doctor`."
        ) from None


def parallel_beam(
    angles: ArrayLike | Tensor,
    columns: int = 256,
    grid: int | None = None,
    axis: float | None = None,
    pixel: float = 1.0,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    backend: str = "torch",
    *,
    detector_pitch: float | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> Operator:
    """Parallel-beam projector with its exact adjoint.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians; any values in any order.
    columns : int
        Detector columns.
    grid : int, optional
        Pixels along each side of a slice; the number of columns if left out.
    axis : float, optional
        0-based column of the rotation axis; the middle of the detector, ``(columns - 1) / 2``, if left out.
    pixel : float
        Side of an image pixel in mm (1: values are per pixel).
    device, dtype
        Torch device; ``torch.float32`` or ``torch.float64``.
    backend : {"torch", "astra"}
        ``astra`` needs the extra of that name.
    detector_pitch : float, optional
        Width of a detector column in mm; ``pixel`` if left out.
    memory_budget : int
        Bytes that the stored matrix may take. Above it nothing is stored: the weights are computed while they
        are used, which takes up to four times as long on the CPU.

    Returns
    -------
    Operator
        ``A(x)`` maps (slices, grid, grid) to (slices, views, columns); ``A.T(y)`` is its adjoint.

    Raises
    ------
    ValueError
        On an angle that is not finite, or a size that is not positive.
    fewview.errors.MethodUnavailable
        When the backend or the device is not on this machine.

    Notes
    -----
    Pixel (row i, column j) has its centre at X = (j - (grid - 1) / 2) pixel, Y = ((grid - 1) / 2 - i) pixel. The
    view at angle t integrates along lines of constant X cos t + Y sin t, which land at column
    ``axis + (X cos t + Y sin t) / detector_pitch``.
    """
    values = as_angles(angles)
    grid = columns if grid is None else grid
    axis = (columns - 1) / 2 if axis is None else float(axis)
    pitch = pixel if detector_pitch is None else detector_pitch
    if columns % 1 or grid % 1:
        raise ValueError(f"columns and grid must be whole numbers, not {columns} and {grid}")
    if not np.isfinite(axis) or min(columns, grid) < 1 or not (0 < pixel < np.inf and 0 < pitch < np.inf):
        raise ValueError("axis must be finite; columns, grid, pixel and detector_pitch must be positive")
    beam = ParallelBeam(values, 1, int(columns), axis, float(pitch))
    volume = VolumeGrid(int(grid), float(pixel))
    return projector(beam, volume, device=device, dtype=dtype, backend=backend, memory_budget=memory_budget)


def fan_beam(
    angles: ArrayLike | Tensor,
    columns: int = 256,
    grid: int | None = None,
    axis: float | None = None,
    principal: float | None = None,
    pixel: float = 1.0,
    sod: float = 1000.0,
    sdd: float = 1500.0,
    voxel: float | None = None,
    detector: Literal["flat", "curved"] = "flat",
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    backend: str = "torch",
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Operator:
    """Fan-beam projector with its exact adjoint.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians; any values in any order.
    columns : int
        Detector columns.
    grid : int, optional
        Voxels along each side of a slice; the number of columns if left out.
    axis : float, optional
        0-based column of the shadow of the rotation axis; the middle of the detector if left out.
    principal : float, optional
        Column of the perpendicular from the source; that of the axis if left out.
    pixel : float
        Width of a detector column, mm.
    sod, sdd : float
        Distance from the source to the axis, and to the detector, mm.
    voxel : float, optional
        Side of a voxel, mm; ``pixel * sod / sdd`` if left out, which is a column brought back to the axis.
    detector : {"flat", "curved"}
        Curved: on a circle about the source.
    device, dtype, backend, memory_budget
        See :func:`projector`.

    Returns
    -------
    Operator
        ``A(x)`` maps (slices, grid, grid) to (slices, views, columns); ``A.T(y)`` is its adjoint.

    Raises
    ------
    ValueError
        On an angle that is not finite, or a size that is not positive.
    fewview.errors.ScanError
        On distances that are not possible.

    Notes
    -----
    See :class:`fewview.geometry.FanBeam` for the formulae.
    """
    axis = (columns - 1) / 2 if axis is None else float(axis)
    if columns % 1 or (grid or 0) % 1:
        raise ValueError(f"columns and grid must be whole numbers, not {columns} and {grid}")
    if min(columns, columns if grid is None else grid) < 1 or not (voxel is None or 0 < voxel < np.inf):
        raise ValueError("columns, grid and voxel must be positive")
    distances = {"principal": principal, "sod": float(sod), "sdd": float(sdd), "detector": detector}
    beam = FanBeam(as_angles(angles), 1, int(columns), axis, float(pixel), **distances)  # type: ignore[arg-type]
    volume = VolumeGrid(int(columns if grid is None else grid), float(beam.voxel if voxel is None else voxel))
    return projector(beam, volume, device=device, dtype=dtype, backend=backend, memory_budget=memory_budget)


def as_angles(angles: ArrayLike | Tensor) -> NDArray[np.float64]:
    """Angles of one or more views, checked."""
    values = angles.detach().cpu().numpy() if isinstance(angles, Tensor) else angles
    values = np.array(values, dtype=np.float64).reshape(-1)
    if not len(values) or not np.all(np.isfinite(values)):
        raise ValueError("angles (one or more) must be finite numbers")
    return values
