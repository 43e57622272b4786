"""Joseph's interpolation weights of a tile: some rows of pixels against some views, as two CSR matrices.

A ray that runs closer to the image columns crosses every row once and takes there the linear interpolation of
the two nearest pixels (Joseph, IEEE Trans. Med. Imaging 1 (1982) 192). Seen from a pixel, this is a tent of half
width ``max(|cos|, |sin|)`` pixels on the detector, which gives each weight in closed form. Positions are float64
whatever the precision of the operator.
"""

from __future__ import annotations

import functools
import math
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Lattice:
    """Detector against image grid, in image pixels: what fixes the weights beside the angles.

    Parameters
    ----------
    grid, columns : int
        Pixels along a side; detector columns.
    axis : float
        Column of the rotation axis.
    pitch : float
        Width of a detector column in image pixels.
    """

    grid: int
    columns: int
    axis: float
    pitch: float

    @property
    def rays(self) -> int:
        """Rays per column: one, or more where a column is wider than a pixel, to integrate over its width."""
        return max(1, math.ceil(self.pitch - 1e-9))

    @property
    def reach(self) -> int:
        """Most rays that one pixel meets in one view."""
        return math.ceil(2 * self.rays / self.pitch - 1e-9)


@dataclass(frozen=True)
class Csr:
    """A sparse matrix by rows: int32 indices, ready for a product of any kind."""

    start: Tensor
    index: Tensor
    value: Tensor
    shape: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(t.numel() * t.element_size() for t in (self.start, self.index, self.value))


def weights(
    lattice: Lattice,
    angles: np.ndarray,
    rows: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> Csr:
    """Weights between the pixels of image rows ``[start, stop)`` and the rays of some views, by torch on any device.

    Returns
    -------
    Csr
        (pixels, views x columns): lengths in units of a pixel. Its :func:`transpose` has the same values.
    """
    n, columns, rays = lattice.grid, lattice.columns, lattice.rays
    kw: dict[str, Any] = {"device": device, "dtype": torch.float64}
    cos, sin = torch.as_tensor(np.cos(angles), **kw), torch.as_tensor(np.sin(angles), **kw)
    half = torch.maximum(cos.abs(), sin.abs())
    x = torch.arange(n, **kw) - (n - 1) / 2
    y = (n - 1) / 2 - torch.arange(*rows, **kw)

    # Position of each pixel among the rays (row, column, view), and the tent around it.
    scale = rays / lattice.pitch
    place = (x[None, :, None] * cos + y[:, None, None] * sin) * scale + ((lattice.axis + 0.5) * rays - 0.5)
    width = half * scale
    first = torch.floor(place - width) + 1
    ray = first[..., None] + torch.arange(lattice.reach, **kw)
    weight = (1 - (ray - place[..., None]).abs() / width[:, None]) / (half[:, None] * rays)
    column = torch.floor(ray / rays)
    kept = (weight > 0) & (column >= 0) & (column < columns)

    views, pixels = len(angles), n * (rows[1] - rows[0])
    index = (column + columns * torch.arange(views, **kw)[:, None]).to(torch.int32).masked_select(kept)
    value = weight.masked_select(kept).to(dtype)
    start = torch.zeros(pixels + 1, device=device, dtype=torch.int32)
    start[1:] = kept.reshape(pixels, -1).sum(1).cumsum(0)
    return Csr(start, index, value, (pixels, views * columns))


def matrix_bytes(lattice: Lattice, angles: np.ndarray, dtype: torch.dtype) -> int:
    """Bytes of the stored matrix and its transpose, before it is built.

    Every pixel is taken to be seen in every view; where the corners of the grid leave the detector the true
    figure is smaller (by a tenth, for a detector as wide as the grid).
    """
    half = np.maximum(np.abs(np.cos(angles)), np.abs(np.sin(angles)))
    entries = float(np.sum(2 * half)) * lattice.rays / lattice.pitch * lattice.grid**2
    return int(2 * entries * (4 + torch.finfo(dtype).bits // 8))


def transpose(matrix: Csr) -> Csr:
    """The transpose, values unchanged, by torch on any device."""
    height, width = matrix.shape
    order = torch.argsort(matrix.index, stable=True)
    counts = torch.bincount(matrix.index, minlength=width)
    start = torch.zeros(width + 1, device=matrix.start.device, dtype=torch.int32)
    start[1:] = counts.cumsum(0)
    lengths = (matrix.start[1:] - matrix.start[:-1]).long()
    row = torch.repeat_interleave(torch.arange(height, device=lengths.device, dtype=torch.int32), lengths)
    return Csr(start, row[order], matrix.value[order], (width, height))


@functools.cache
def _announce() -> None:
    """Let torch say, unheard, that its CSR layout is in beta: it says so once per process, to no use of the user."""
    none = torch.zeros(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        torch.sparse_csr_tensor(torch.zeros(2, dtype=torch.int32), none.int(), none, (1, 1), check_invariants=False)


_one_at_a_time = threading.Lock()  # the list of filters is one for all threads


def product(matrix: Csr, dense: Tensor) -> Tensor:
    """``matrix @ dense`` for ``dense`` of shape (width, slices), contiguous."""
    if dense.device.type == "cpu" and dense.dtype == torch.float32 and dense.shape[1] >= BAG_FROM:
        # A row of the product is a weighted sum of rows of `dense`: what an embedding bag is, and its kernel
        # (vectorised over the slices, with prefetch) runs two to three times faster than the sparse library's.
        return torch.nn.functional.embedding_bag(
            matrix.index,
            dense,
            matrix.start,
            mode="sum",
            per_sample_weights=matrix.value,
            include_last_offset=True,
        )
    with _one_at_a_time:
        _announce()
    csr = torch.sparse_csr_tensor(matrix.start, matrix.index, matrix.value, matrix.shape, check_invariants=False)
    return csr @ dense if dense.shape[1] > 1 else (csr @ dense[:, 0])[:, None]


# From this many slices the embedding bag wins (measured: fewview benchmark operators).
BAG_FROM = 16
