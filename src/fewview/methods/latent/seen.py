"""A measurement as the latent networks take it: in units of the volume's mean, on their grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...models.latent.autoencoder import FACTOR
from ...models.latent.condition import Seen
from ...models.latent.model import UNIT
from ...operators import Operator
from ...operators.krylov import cgls
from ..interface import Views
from ..inverse.masking import measured, reciprocal

ROUGH = 10  # iterations of CGLS


@dataclass(frozen=True, eq=False)
class Rays:
    """Where the columns of a scan reach on the grid of a latent; one for all volumes of a geometry.

    Parameters
    ----------
    lift, depth : Tensor
        See :class:`fewview.models.latent.condition.Seen`.
    """

    lift: Tensor
    depth: Tensor

    @classmethod
    def of(cls, A: Operator, side: int) -> Rays:
        """The rays of an operator, for networks that take ``side`` columns."""
        basis = torch.eye(side, device=A.device, dtype=A.dtype)[:, None]
        columns = F.interpolate(basis, A.columns, mode="linear", align_corners=False)
        lifts = []
        for view in range(A.views):
            one = A.subset([view])
            smeared = one.T(columns) * reciprocal(one.column_sums())
            lifts.append(F.adaptive_avg_pool2d(smeared[:, None], side // FACTOR)[:, 0].flatten(1))
        n = side // FACTOR
        across = (torch.arange(n, device=A.device, dtype=A.dtype) * 2 + 1 - n) / n
        y, x = torch.meshgrid(-across, across, indexing="ij")
        angle = torch.as_tensor(np.array(A.angles), device=A.device, dtype=A.dtype)[:, None]
        return cls(torch.stack(lifts), y.flatten() * angle.cos() - x.flatten() * angle.sin())


@torch.no_grad()
def seen_of(views: Views, rays: Rays, side: int, batch: int = 1) -> tuple[Seen, Tensor]:
    """What the networks are told of a measurement, and what they take for 1.

    Parameters
    ----------
    views : Views
        Slices of ``batch`` volumes, one after the other.
    rays : Rays
    side : int
        Of the volumes that the networks take.
    batch : int

    Returns
    -------
    seen : Seen
    unit : Tensor, shape (batch,)
        Attenuation of the value 1: :data:`UNIT` times the mean of the volume, which every view tells.
    """
    A = views.operator
    y, weights = measured(views)
    usable = torch.ones_like(y) if weights is None else (weights > 0).to(y)
    chords = A.row_sums().expand_as(y)
    unit = UNIT * ((y * usable).reshape(batch, -1).sum(1) / (chords * usable).reshape(batch, -1).sum(1))
    unit = unit.clamp(min=1e-9)
    longest = float(A.row_sums().max())
    lines = (y * usable).reshape(batch, -1, *y.shape[1:]) / (longest * unit[:, None, None, None])
    lines = F.interpolate(lines.permute(0, 2, 1, 3), (side, side), mode="bilinear", antialias=True)
    rough = A.zeros(len(y))
    for step in cgls(A, y, iterations=ROUGH, weights=weights):
        rough = step.x
    rough = rough.reshape(batch, 1, -1, *rough.shape[1:]) / unit[:, None, None, None, None]
    return Seen(lines, resized(rough.clamp(-0.2, 1.5), (side, side, side)), rays.lift, rays.depth), unit


def resized(volume: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Volumes (batch, 1, z, y, x) on another grid, each axis averaged or interpolated linearly."""
    if volume.shape[2:] == shape:
        return volume
    z, y, x = (min(a, b) for a, b in zip(volume.shape[2:], shape, strict=True))
    return F.interpolate(F.adaptive_avg_pool3d(volume, (z, y, x)), shape, mode="trilinear", align_corners=False)
