"""The sums of :mod:`fewview.methods.fields.voxelise` in torch alone, for devices that numba does not compile for.

Every Gaussian gets a cube of voxels around it, as wide as the widest of those that are treated together.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .field import Shape

VALUES = 2**23  # voxels of all cubes together


def splat(gaussians: Tensor, reach: Tensor, size: Shape, top: int, cut: float) -> Tensor:
    """Sum of Gaussians (n, 10) on the ``size`` voxels from slice ``top`` on.

    Parameters
    ----------
    gaussians : Tensor
        Amplitude, centre, size and turn of each.
    reach : Tensor, shape (n, 3)
        Voxels around a centre that are looked at.
    size : Shape
        (z, y, x) of the slab.
    top : int
        Its first slice.
    cut : float
        Standard deviations from the centre beyond which a Gaussian is 0.

    Returns
    -------
    Tensor
        Shape ``size``.
    """
    volume = gaussians.new_zeros(size[0] * size[1] * size[2])
    for chosen, index, inside, d in _cubes(gaussians, reach, size, top):
        value, near = _value(gaussians[chosen], d, cut)
        value = torch.where(inside & near, gaussians[chosen, :1] * value, torch.zeros_like(value))
        volume.index_add_(0, index.reshape(-1), value.reshape(-1))
    return volume.reshape(size)


def splat_gradient(gaussians: Tensor, reach: Tensor, gradient: Tensor, top: int, cut: float) -> Tensor:
    """Gradient of :func:`splat` with respect to the Gaussians: (n, 10).

    Parameters
    ----------
    gaussians : Tensor, shape (n, 10)
    reach : Tensor, shape (n, 3)
    gradient : Tensor, shape (slab, y, x)
        With respect to the voxels.
    top : int
        First slice of the slab.
    cut : float
        As of :func:`splat`.

    Returns
    -------
    Tensor, shape (n, 10)
        In the order of ``gaussians``.
    """
    out = torch.zeros_like(gaussians)
    size = (gradient.shape[0], gradient.shape[1], gradient.shape[2])
    flat = gradient.reshape(-1)
    for chosen, index, inside, d in _cubes(gaussians, reach, size, top):
        g = gaussians[chosen]
        value, near = _value(g, d, cut)
        w = torch.where(inside & near, flat[index] * value, torch.zeros_like(value))
        first = torch.einsum("nk,nkc->nc", w, d)
        second = torch.einsum("nk,nkc,nke->nce", w, d, d)
        out[chosen, 0] = w.sum(dim=1)
        out[chosen, 1:4] = g[:, :1] * torch.einsum("nce,ne->nc", _precision(g), first)
        diagonal = torch.diagonal(second, dim1=1, dim2=2)
        mixed = torch.stack([second[:, 0, 1], second[:, 0, 2], second[:, 1, 2]], dim=1)
        out[chosen, 4:] = g[:, :1] * torch.cat([-0.5 * diagonal, -mixed], dim=1)
    return out


def _precision(g: Tensor) -> Tensor:
    order = torch.tensor([4, 7, 8, 7, 5, 9, 8, 9, 6], device=g.device)
    return g[:, order].reshape(-1, 3, 3)


def _value(g: Tensor, d: Tensor, cut: float) -> tuple[Tensor, Tensor]:
    square = torch.einsum("nkc,nce,nke->nk", d, _precision(g), d)
    return torch.exp(-0.5 * square), square <= cut * cut


def _cubes(gaussians: Tensor, reach: Tensor, size: Shape, top: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Gaussians a few at a time: their numbers, and of each voxel its place, whether it is there, and its distance."""
    limits = torch.tensor(size, device=gaussians.device)
    offset = torch.tensor([top, 0, 0], device=gaussians.device)
    widest = reach.amax(dim=1).ceil()
    order = widest.argsort()
    start = 0
    while start < len(order):
        room = max(1, int(VALUES // (2 * float(widest[order[start]]) + 1) ** 3))
        half = int(widest[order[min(start + room, len(order)) - 1]])
        room = max(1, VALUES // (2 * half + 1) ** 3)
        chosen = order[start : start + room]
        half = int(widest[chosen[-1]])
        side = torch.arange(-half, half + 1, device=gaussians.device)
        cube = torch.cartesian_prod(side, side, side)
        mean = gaussians[chosen, 1:4]
        voxel = mean.round().long()[:, None] + cube
        place = voxel - offset
        inside = ((place >= 0) & (place < limits)).all(dim=-1)
        safe = torch.minimum(place.clamp(min=0), limits - 1)
        index = (safe[..., 0] * size[1] + safe[..., 1]) * size[2] + safe[..., 2]
        yield chosen, index, inside, voxel - mean[:, None]
        start += len(chosen)
