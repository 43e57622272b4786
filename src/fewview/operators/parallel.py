"""The parallel-beam operator in torch."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .interface import Operator
from .joseph import Lattice, matrix_bytes
from .tiles import BLOCK, PAIRS, SLICES, TiledMatrix, shared

if TYPE_CHECKING:
    from .compiled import CompiledProduct

TILE_BYTES = 170  # per pixel-view pair, while torch builds a tile on a graphics card
MEMORY_BUDGET = 2 << 30  # bytes: up to some 280 views at 512 x 512, or 1100 at 256 x 256, are kept as a matrix


class ParallelBeamTorch(Operator):
    """Joseph's projector as a sparse matrix in tiles; see :func:`parallel_beam` for the parameters."""

    label = "torch"

    def __init__(
        self,
        angles: NDArray[np.float64],
        columns: int,
        grid: int,
        axis: float,
        pixel: float,
        detector_pitch: float,
        device: torch.device,
        dtype: torch.dtype,
        memory_budget: int = MEMORY_BUDGET,
    ) -> None:
        super().__init__(angles, columns, grid, axis, pixel, detector_pitch, device, dtype)
        self.memory_budget = memory_budget
        self.lattice = Lattice(grid, columns, axis, detector_pitch / pixel)

    @property
    def stored(self) -> bool:
        """Whether the matrix fits the budget and is kept; otherwise weights are computed as they are needed."""
        return matrix_bytes(self.lattice, self.angles, self.dtype) <= self.memory_budget

    @cached_property
    def engine(self) -> TiledMatrix | CompiledProduct:
        """What computes the products: made at first use, the matrix shared by operators of one geometry."""
        geometry = (self.lattice, self.angles, self.device, self.dtype)
        if self.stored:
            return shared(*geometry)
        if self.device.type != "cpu":
            return TiledMatrix(*geometry, stored=False)
        from .compiled import CompiledProduct  # numba takes a second to import: only where it is needed

        return CompiledProduct(*geometry)

    def workspace(self, slices: int) -> int:
        """Bytes that an application to so many slices takes beside its argument and its result."""
        size = torch.finfo(self.dtype).bits // 8
        pixels, rays = self.grid**2, self.views * self.columns
        on_card = self.device.type != "cpu"
        if not (self.stored or on_card):
            return size * min(slices, SLICES, max(1, BLOCK // (pixels * size))) * (2 * rays + 4 * pixels)
        matrix = matrix_bytes(self.lattice, self.angles, self.dtype) if self.stored else 0
        building = TILE_BYTES * min(PAIRS, pixels * self.views) if on_card else 0
        return matrix + building + size * min(slices, SLICES) * (2 * rays + pixels // 2)

    def _forward(self, x: Tensor) -> Tensor:
        y = self.engine.forward(x.flatten(1), self._tick)
        if self.pixel != 1.0:
            y *= self.pixel
        return y.unflatten(1, (self.views, self.columns))

    def _backward(self, y: Tensor) -> Tensor:
        y = y.flatten(1)
        x = self.engine.backward(y if self.pixel == 1.0 else y * self.pixel, self._tick)
        return x.unflatten(1, (self.grid, self.grid))

    def _of(self, angles: NDArray[np.float64]) -> ParallelBeamTorch:
        size = (self.columns, self.grid, self.axis, self.pixel, self.detector_pitch)
        return ParallelBeamTorch(angles, *size, self.device, self.dtype, self.memory_budget)


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
        When the backend is not on this machine.

    Notes
    -----
    Pixel (row i, column j) has its centre at X = (j - (grid - 1) / 2) pixel, Y = ((grid - 1) / 2 - i) pixel. The
    view at angle t integrates along lines of constant X cos t + Y sin t, which land at column
    ``axis + (X cos t + Y sin t) / detector_pitch``.
    """
    values = angles.detach().cpu().numpy() if isinstance(angles, Tensor) else angles
    values = np.array(values, dtype=np.float64).reshape(-1)
    values.setflags(write=False)
    grid = columns if grid is None else grid
    axis = (columns - 1) / 2 if axis is None else float(axis)
    pitch = pixel if detector_pitch is None else detector_pitch
    if not len(values) or not np.all(np.isfinite(values)) or not np.isfinite(axis):
        raise ValueError("angles (one or more) and axis must be finite numbers")
    if min(columns, grid) < 1 or not (0 < pixel < np.inf and 0 < pitch < np.inf):
        raise ValueError("columns, grid, pixel and detector_pitch must be positive")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64, not {dtype}")
    where = torch.empty(0, device=device).device  # "cuda" becomes "cuda:0", as tensors name it
    geometry = (values, int(columns), int(grid), axis, float(pixel), float(pitch), where, dtype)
    if backend == "torch":
        return ParallelBeamTorch(*geometry, memory_budget)
    if backend == "astra":
        from .astra import ParallelBeamAstra  # optional, and not quick to import

        return ParallelBeamAstra(*geometry)
    raise ValueError(f"backend must be 'torch' or 'astra', not {backend!r}")
