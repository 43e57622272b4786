"""Joseph's interpolation weights: the entries of A, made tile by tile (some rows of voxels against some views).

A ray that runs closer to the image columns crosses every row once and takes there the linear interpolation of
the two nearest voxels (Joseph, IEEE Trans. Med. Imaging 1 (1982) 192). Seen from a voxel, this is a tent of half
width ``max(|cos|, |sin|)`` voxels across the ray, which gives each weight in closed form. Positions are float64
whatever the precision of the operator.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry import ParallelBeam, VolumeGrid
from .csr import Csr


@dataclass(frozen=True, eq=False)
class Weights(ABC):
    """Entries of A for one geometry, lengths in units of a voxel.

    Parameters
    ----------
    grid, columns : int
        Voxels along a side of a slice; detector columns.
    angles : array of float, shape (views,)
        Radians.
    """

    grid: int
    columns: int
    angles: NDArray[np.float64]

    def tile(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Csr:
        """Weights between the voxels of image rows ``[start, stop)`` and the rays of views ``[start, stop)``.

        By numba on the CPU, by torch anywhere else.

        Parameters
        ----------
        rows : tuple[int, int]
            First image row, and the one after the last.
        views : tuple[int, int]
            The same of views.
        device : torch.device
        dtype : torch.dtype

        Returns
        -------
        Csr
            (voxels, views x columns).
        """
        if device.type == "cpu":
            return self.compiled(rows, views, dtype)
        return self.by_torch(rows, views, device, dtype)

    @abstractmethod
    def compiled(self, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
        """See :meth:`tile`; numba takes a second to import, and is imported here."""

    @abstractmethod
    def by_torch(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Csr:
        """See :meth:`tile`: by array arithmetic on any device."""

    @abstractmethod
    def nbytes(self, dtype: torch.dtype) -> int:
        """Bytes of the stored matrix and its transpose, before it is built; the true figure may be smaller."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal entries."""
        facts = {name: value for name, value in vars(self).items() if name != "angles"}
        return type(self), *facts.values(), self.angles.tobytes()

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.angles)


@dataclass(frozen=True, eq=False)
class ParallelJoseph(Weights):
    """Joseph's weights of a parallel beam.

    Parameters
    ----------
    axis : float
        Column of the rotation axis.
    pitch : float
        Width of a detector column in voxels.
    """

    axis: float
    pitch: float

    @classmethod
    def of(cls, beam: ParallelBeam, volume: VolumeGrid) -> Self:
        """Of a geometry."""
        return cls(volume.side, beam.columns, beam.angles, beam.centre, beam.pitch / volume.voxel)

    @property
    def rays(self) -> int:
        """Rays per column: one, or more where a column is wider than a voxel, to integrate over its width."""
        return max(1, math.ceil(self.pitch - 1e-9))

    @property
    def reach(self) -> int:
        """Most rays that one voxel meets in one view."""
        return math.ceil(2 * self.rays / self.pitch - 1e-9)

    def compiled(self, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        from .build import parallel_tile

        return parallel_tile(self, rows, views, dtype)

    def by_torch(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        n, columns, rays, angles = self.grid, self.columns, self.rays, self.angles[slice(*views)]
        kw: dict[str, Any] = {"device": device, "dtype": torch.float64}
        cos, sin = torch.as_tensor(np.cos(angles), **kw), torch.as_tensor(np.sin(angles), **kw)
        half = torch.maximum(cos.abs(), sin.abs())
        x = torch.arange(n, **kw) - (n - 1) / 2
        y = (n - 1) / 2 - torch.arange(*rows, **kw)

        # Position of each voxel among the rays (row, column, view), and the tent around it.
        scale = rays / self.pitch
        place = (x[None, :, None] * cos + y[:, None, None] * sin) * scale + ((self.axis + 0.5) * rays - 0.5)
        width = half * scale
        first = torch.floor(place - width) + 1
        ray = first[..., None] + torch.arange(self.reach, **kw)
        weight = (1 - (ray - place[..., None]).abs() / width[:, None]) / (half[:, None] * rays)
        return gathered(ray, weight, rays, columns, dtype)

    def nbytes(self, dtype: torch.dtype) -> int:
        """See :class:`Weights`; true but where the corners of the grid leave the detector (a tenth, at equal width)."""
        half = np.maximum(np.abs(np.cos(self.angles)), np.abs(np.sin(self.angles)))
        entries = float(np.sum(2 * half)) * self.rays / self.pitch * self.grid**2
        return csr_bytes(entries, dtype)


def gathered(ray: torch.Tensor, weight: torch.Tensor, rays: int, columns: int, dtype: torch.dtype) -> Csr:
    """The tile with these weights at these rays, both (rows, voxels in a row, views, candidates).

    ``rays`` of them make a column; what is not positive or beside the detector is left out.

    Parameters
    ----------
    ray : torch.Tensor
        Number of the ray, as a float.
    weight : torch.Tensor
        Its weight; not positive where there is none.
    rays : int
        Per column.
    columns : int
        Of the detector.
    dtype : torch.dtype
        Of the stored weights.

    Returns
    -------
    Csr
        (voxels, views x columns).
    """
    views = ray.shape[2]
    column = torch.floor(ray / rays)
    kept = (weight > 0) & (column >= 0) & (column < columns)
    offset = columns * torch.arange(views, device=ray.device, dtype=ray.dtype)[:, None]
    index = (column + offset).to(torch.int32).masked_select(kept)
    value = weight.masked_select(kept).to(dtype)
    voxels = ray.shape[0] * ray.shape[1]
    start = torch.zeros(voxels + 1, device=ray.device, dtype=torch.int32)
    start[1:] = kept.reshape(voxels, -1).sum(1).cumsum(0)
    return Csr(start, index, value, (voxels, views * columns))


def csr_bytes(entries: float, dtype: torch.dtype) -> int:
    """Bytes of a matrix with so many entries and of its transpose."""
    return int(2 * entries * (4 + torch.finfo(dtype).bits // 8))
