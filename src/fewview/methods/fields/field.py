"""What every field offers: values on the lattice of the data or a finer one, values at points, its parameters.

A field is a function on the box [-1, 1]^3, in the order z, y, x, whose faces are those of the volume: of ``n`` voxels
the centre of number ``k`` lies at ``(2 k + 1) / n - 1``. Values are in units of the object's maximum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]
Slab = tuple[int, int]
POINTS = {"cpu": 2**16, "cuda": 2**21}  # evaluated together: some 0.1 s of the largest network on a CPU


class Field(nn.Module, ABC):
    """A volume as a function of its parameters.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows and columns of the data's lattice.

    Attributes
    ----------
    tick : callable
        Called several times per second of work, so that a runner can stop it by raising.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.tick: Callable[[], None] = lambda: None
        self.batch = POINTS  # points of a gradient step, by device

    @abstractmethod
    def lattice(self, slab: Slab | None = None, finer: int = 1) -> Tensor:
        """Values at the voxel centres; gradients flow to the parameters.

        Parameters
        ----------
        slab : pair of int, optional
            Slices ``[start, stop)`` of the lattice asked for; all when not given.
        finer : int
            So many voxels along each side of one of the data's; a single slice stays one.

        Returns
        -------
        Tensor, shape (slices, y, x)
        """

    @abstractmethod
    def at(self, points: Tensor) -> Tensor:
        """Values at ``points`` (n, 3) of the box, in the order z, y, x; shape (n,)."""

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Parameters that learn alike, and their learning rate relative to the field's."""
        return [(list(self.parameters()), 1.0)]

    def penalty(self) -> Tensor:
        """What the parameters cost beside the values they make, in squared units of the object's maximum."""
        return torch.zeros((), device=next(self.parameters()).device)

    def revise(self, missing: Tensor, part: float) -> bool:
        """Change the number of parameters where that helps; whether it did.

        Parameters
        ----------
        missing : Tensor, shape of the lattice
            What the data step would add to the values.
        part : float
            Of the run that is done, from 0 to 1.
        """
        return False

    def numbers(self) -> dict[str, Tensor]:
        """All parameters by name, copied: what :meth:`take` wants."""
        return {name: value.detach().clone() for name, value in self.named_parameters()}

    @torch.no_grad()
    def take(self, numbers: Mapping[str, Any]) -> None:
        """Become the field of :meth:`numbers`."""
        for name, value in self.named_parameters():
            value.copy_(torch.as_tensor(numbers[name]))

    @torch.no_grad()
    def values(self, finer: int = 1) -> Tensor:
        """The whole lattice without gradients, some slices at a time."""
        parts = []
        for slab in slabs(refined(self.shape, finer), self.device):
            parts.append(self.lattice(slab, finer))
            self.tick()
        return torch.cat(parts)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device


def refined(shape: Shape, finer: int) -> Shape:
    """The lattice with ``finer`` voxels along each side of one; a single slice stays one."""
    slices, rows, columns = shape
    return (slices * finer if slices > 1 else 1, rows * finer, columns * finer)


def slabs(shape: Shape, device: torch.device, points: Mapping[str, int] = POINTS) -> list[Slab]:
    """Ranges of slices that are evaluated together.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows and columns of the lattice.
    device : torch.device
        Where it is evaluated.
    points : mapping of str to int
        Most points at a time, by type of device.

    Returns
    -------
    list of (int, int)
        First slice, and the one after the last, of each; together they are all slices.
    """
    height = max(1, min(shape[0], points.get(device.type, points["cpu"]) // (shape[1] * shape[2])))
    edges: Iterable[int] = [*range(0, shape[0], height), shape[0]]
    return list(pairwise(edges))


def centres(count: int, device: torch.device) -> Tensor:
    """Voxel centres along one side of the box.

    Parameters
    ----------
    count : int
        Voxels along the side.
    device : torch.device

    Returns
    -------
    Tensor
        Shape (count,), between -1 and 1.
    """
    return (2 * torch.arange(count, device=device, dtype=torch.float32) + 1) / count - 1


def grid_points(shape: Shape, slab: Slab, device: torch.device) -> Tensor:
    """Voxel centres of some slices as points of the box: (points, 3), z slowest.

    Parameters
    ----------
    shape : Shape
        (z, y, x) of the grid.
    slab : Slab
        First slice, and the one after the last.
    device : torch.device

    Returns
    -------
    Tensor, shape (points, 3)
        (z, y, x), each between -1 and 1.
    """
    z, y, x = (centres(count, device) for count in shape)
    return torch.cartesian_prod(z[slab[0] : slab[1]], y, x)


def sampled(volume: Tensor, points: Tensor) -> Tensor:
    """Trilinear values of ``volume`` (channels, z, y, x) at ``points`` of the box: (channels, n)."""
    grid = points.flip(-1)[None, None, None]
    out = nn.functional.grid_sample(volume[None], grid, padding_mode="border", align_corners=False)
    return out.reshape(len(volume), -1)


def planes(volume: Tensor, slices: int, slab: Slab) -> Tensor:
    """Linear interpolation along z alone, to some of ``slices`` slices: (channels, slab, y, x).

    Parameters
    ----------
    volume : Tensor, shape (channels, z, y, x)
    slices : int
        Of the grid that is filled.
    slab : Slab
        First of its slices, and the one after the last.

    Returns
    -------
    Tensor, shape (channels, slab, y, x)
        Beyond the centres of the volume's outer slices, the values of these.
    """
    depth = volume.shape[1]
    place = ((torch.arange(*slab, device=volume.device) + 0.5) * (depth / slices) - 0.5).clamp(0, depth - 1)
    low = place.floor().long()
    part = (place - low).to(volume.dtype)[:, None, None]
    return torch.lerp(volume[:, low], volume[:, (low + 1).clamp(max=depth - 1)], part)


def resampled(volume: Tensor, shape: Shape, slab: Slab) -> Tensor:
    """Trilinear values of ``volume`` (channels, z, y, x) on some slices of a lattice: (channels, slab, y, x).

    Parameters
    ----------
    volume : Tensor
    shape : Shape
        (z, y, x) of the lattice.
    slab : Slab
        First of its slices, and the one after the last.

    Returns
    -------
    Tensor, shape (channels, slab, y, x)
        In the unit of the volume.
    """
    between = planes(volume, shape[0], slab)
    if between.shape[2:] == shape[1:]:
        return between
    return nn.functional.interpolate(between, size=shape[1:], mode="bilinear", align_corners=False)
