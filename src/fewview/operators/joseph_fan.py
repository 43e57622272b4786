"""Joseph's weights of a fan beam, and the interpolation that its filtered back-projection sums up.

The main axis belongs to a ray, not to a view. A ray of direction d that passes a voxel at distance c takes
``(1 - |c| / m) / m`` of it with m = max(|dx|, |dy|), which for parallel rays is the tent of
:mod:`fewview.operators.joseph`; so the rays to be asked are those that pass within one voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import FanBeam, VolumeGrid
from .csr import Csr
from .joseph import Weights, csr_bytes, gathered

NEARLY = 0.01  # of a voxel by which a column may be wider before it is divided into rays


@dataclass(frozen=True, eq=False)
class FanWeights(Weights):
    """Weights of a fan beam; lengths in voxels.

    Parameters
    ----------
    sod, shift : float
        Distance from the source to the axis, and its shift along the detector.
    scale : float
        Columns per radian at the perpendicular.
    foot : float
        Column of the perpendicular.
    curved : bool
        The detector is a circle about the source.
    """

    sod: float
    shift: float
    scale: float
    foot: float
    curved: bool

    @classmethod
    def of(cls, beam: FanBeam, volume: VolumeGrid) -> Self:
        """Of a geometry."""
        sod, shift = beam.sod / volume.voxel, beam.shift / volume.voxel
        size = (volume.side, beam.columns, beam.angles)
        return cls(*size, sod, shift, beam.sdd / beam.pitch, beam.foot, beam.detector == "curved")

    def _seen(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device) -> Seen:
        kw: dict[str, Any] = {"device": device, "dtype": torch.float64}
        angles = self.angles[slice(*views)]
        cos, sin = torch.as_tensor(np.cos(angles), **kw), torch.as_tensor(np.sin(angles), **kw)
        x = torch.arange(self.grid, **kw)[None, :, None] - (self.grid - 1) / 2
        y = (self.grid - 1) / 2 - torch.arange(*rows, **kw)[:, None, None]
        return Seen(x * cos + y * sin - self.shift, self.sod - x * sin + y * cos, cos, sin)


class Seen(NamedTuple):
    """Voxels as the source sees them: across and along the perpendicular, (rows, voxels, views)."""

    across: Tensor
    depth: Tensor
    cos: Tensor
    sin: Tensor


@dataclass(frozen=True, eq=False)
class FanJoseph(FanWeights):
    """Joseph's weights of a fan beam."""

    @property
    def rays(self) -> int:
        """Rays per column: one, or more where a column is wider than a voxel on the axis."""
        return max(1, math.ceil(self.sod / self.scale - NEARLY))

    def directions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sine and cosine of the angle of every ray to the perpendicular."""
        places = (np.arange(self.columns * self.rays) + 0.5) / self.rays - 0.5
        gamma = (places - self.foot) / self.scale
        gamma = gamma if self.curved else np.arctan(gamma)
        return np.sin(gamma), np.cos(gamma)

    def compiled(self, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        from .build_fan import joseph_tile

        return joseph_tile(self, rows, views, dtype)

    def by_torch(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        seen = self._seen(rows, views, device)
        # The rays between those that pass at one voxel's distance on either side.
        distance = torch.hypot(seen.across, seen.depth)
        middle = torch.atan2(seen.across, seen.depth)
        reach = torch.asin((1 / distance).clamp(max=1.0))
        low, high = self._ray(middle - reach), self._ray(middle + reach)
        first = torch.ceil(low).clamp(min=0)
        count = int((torch.floor(high).clamp(max=self.columns * self.rays - 1) - first).max()) + 1
        ray = first[..., None] + torch.arange(max(count, 1), device=device, dtype=torch.float64)
        place = (ray + 0.5) / self.rays - 0.5
        gamma = (place - self.foot) / self.scale
        gamma = gamma if self.curved else torch.atan(gamma)
        across, along = torch.sin(gamma), torch.cos(gamma)
        cos, sin = seen.cos[:, None], seen.sin[:, None]
        main = torch.maximum((across * cos - along * sin).abs(), (across * sin + along * cos).abs())
        beside = (seen.across[..., None] * along - seen.depth[..., None] * across).abs()
        weight = (1 - beside / main) / (main * self.rays)
        return gathered(ray, torch.where(seen.depth[..., None] > 1, weight, -1.0), self.rays, self.columns, dtype)

    def _ray(self, gamma: Tensor) -> Tensor:
        bound = math.radians(89)
        along = gamma if self.curved else torch.tan(gamma.clamp(-bound, bound))
        return (self.foot + self.scale * along + 0.5) * self.rays - 0.5

    def nbytes(self, dtype: torch.dtype) -> int:
        """See :class:`Weights`: each ray meets two voxels per step and crosses the whole grid."""
        return csr_bytes(2.0 * self.views * self.columns * self.rays * self.grid, dtype)


@dataclass(frozen=True, eq=False)
class FanInterpolation(FanWeights):
    """Linear interpolation at a voxel's shadow over its squared distance, in mm: a term of the sum of FBP.

    The distance is the depth for a flat detector, that from the source for a curved one. Beyond the circle that the
    widest ray touches all around, it counts as no less than within: the source itself may pass through the corners of
    the grid, where few views say anything.
    """

    @property
    def nearest(self) -> float:
        """The least distance within that circle."""
        ends = (np.array([-0.5, self.columns - 0.5]) - self.foot) / self.scale
        beside = np.abs((ends if self.curved else np.arctan(ends)) - math.atan2(-self.shift, self.sod)).max()
        axis = math.hypot(self.sod, self.shift)
        radius = axis * math.sin(min(beside, math.pi / 2))
        return max((axis if self.curved else self.sod) - radius, 1.0)

    def compiled(self, rows: tuple[int, int], views: tuple[int, int], dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        from .build_fan import interpolation_tile

        return interpolation_tile(self, rows, views, dtype)

    def by_torch(self, rows: tuple[int, int], views: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Csr:
        """See :class:`Weights`."""
        seen = self._seen(rows, views, device)
        tangent = seen.across / seen.depth
        place = self.foot + self.scale * (torch.atan(tangent) if self.curved else tangent)
        squared = (seen.depth.square() + (seen.across.square() if self.curved else 0.0)).clamp(min=self.nearest**2)
        column = torch.floor(place)[..., None] + torch.arange(2, device=device, dtype=torch.float64)
        weight = (1 - (column - place[..., None]).abs()) / squared[..., None]
        return gathered(column, torch.where(seen.depth[..., None] > 1, weight, -1.0), 1, self.columns, dtype)

    def nbytes(self, dtype: torch.dtype) -> int:
        """See :class:`Weights`."""
        return csr_bytes(2.0 * self.views * self.grid**2, dtype)
