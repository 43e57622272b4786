"""3D Gaussians as a field: densities at first rectified, late some that may be negative (after R2-Gaussian)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .field import Field, Slab, refined
from .voxelise import CUT, voxelise

NARROWEST, WIDEST = 0.4, 8.0  # standard deviations, in voxels
SPREAD = 0.6  # standard deviation over the distance to the next Gaussian, at the start
SOFT = 10.0  # softplus(SOFT r) / SOFT: a density of a tenth of the maximum already is nearly linear in r
FAINT = 1e-3  # of the largest density: below it a Gaussian is removed
NEEDLE = 5.0  # longest over shortest axis, from which on the shape costs
MOST = 2  # times as many as at the start
BIRTHS = 20  # one for so many that there are, at a time
SIGNED, SETTLED = 0.6, 0.8  # parts of the run: densities of newborns may be negative; the number stays
NAMES = ("mean", "size", "turn", "raw")


class Gaussians(Field):
    """A sum of Gaussians.

    Parameters
    ----------
    first : Tensor, shape (slices, y, x)
        Volume to begin at, in units of the object's maximum.
    count : int
        Gaussians at the start, where the volume has so many voxels that are not empty.
    generator : Generator
        On the CPU.
    """

    mean: nn.Parameter
    size: nn.Parameter
    turn: nn.Parameter
    raw: nn.Parameter
    signed: Tensor

    def __init__(self, first: Tensor, count: int, generator: torch.Generator) -> None:
        super().__init__((len(first), first.shape[1], first.shape[2]))
        self.most = MOST * count
        solid = first.detach().cpu().clamp(min=0)
        occupied = torch.nonzero(solid.reshape(-1) > 0.05).reshape(-1)
        if len(occupied) == 0:
            occupied = torch.arange(solid.numel())
        chosen = occupied[torch.randperm(len(occupied), generator=generator)[:count]]
        axes = 3 if self.shape[0] > 1 else 2
        apart = (len(occupied) / len(chosen)) ** (1 / axes)
        place = torch.stack(torch.unravel_index(chosen, self.shape), dim=1).float()
        value = solid.reshape(-1)[chosen].clamp(min=1e-3)
        size = min(max(SPREAD * apart, NARROWEST), WIDEST)
        self._take(place.to(first), torch.full_like(place, math.log(size)).to(first), value.to(first), False)
        # Neighbours overlap: one factor for all densities brings the sum to the volume.
        with torch.no_grad():
            made = self.values().cpu()
            factor = float((made * solid).sum() / made.square().sum().clamp(min=1e-12))
            self.raw.copy_(_unsoft(self.densities() * max(factor, 1e-3)))

    def lattice(self, slab: Slab | None = None, finer: int = 1) -> Tensor:
        """See :meth:`Field.lattice`."""
        shape = refined(self.shape, finer)
        stretch = torch.tensor([after / before for after, before in zip(shape, self.shape, strict=True)])
        rows, reach = self._rows(stretch.to(self.device))
        return voxelise(rows, reach, shape, slab, self.tick)

    def at(self, points: Tensor) -> Tensor:
        """See :meth:`Field.at`."""
        sides = torch.tensor(self.shape, device=points.device)
        place = (points + 1) * (sides / 2) - 0.5
        _, precision = self._shapes(torch.ones(3, device=points.device))
        out = []
        for some in place.split(max(1, 2**22 // len(self.mean))):
            d = some[:, None] - self.mean
            square = torch.einsum("pni,nij,pnj->pn", d, precision, d)
            value = torch.where(square <= CUT**2, torch.exp(-0.5 * square), torch.zeros_like(square))
            out.append(value @ self.densities())
        return torch.cat(out)

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Places in voxels, sizes and turns in parts of themselves, densities in parts of the maximum."""
        return [([self.mean], 5.0), ([self.size, self.turn], 2.0), ([self.raw], 1.0)]

    def penalty(self) -> Tensor:
        """Needles along the rays of a few views are what the data do not forbid."""
        longer = (self.size.amax(dim=1) - self.size.amin(dim=1) - math.log(NEEDLE)).clamp(min=0)
        return 1e-3 * longer.square().mean()

    def densities(self) -> Tensor:
        """Peak of every Gaussian, (n,)."""
        soft = nn.functional.softplus(SOFT * self.raw) / SOFT
        return torch.where(self.signed, self.raw, soft)

    def revise(self, missing: Tensor, part: float) -> bool:
        """Remove faint Gaussians and add some where they are missing, until :data:`SETTLED` of the run is done."""
        if part > SETTLED:
            return False
        removed = self.prune()
        room = min(max(1, len(self.mean) // BIRTHS), self.most - len(self.mean))
        return self.bear(missing, room, part >= SIGNED) > 0 or removed > 0

    @torch.no_grad()
    def prune(self) -> int:
        """Remove faint Gaussians and those that left the volume; how many went."""
        density = self.densities().abs()
        limits = torch.tensor(self.shape, device=self.device)
        within = ((self.mean > -1) & (self.mean < limits)).all(dim=1)
        kept = within & (density >= FAINT * density.max())
        if bool(kept.all()) or not bool(kept.any()):
            return 0
        self._set({name: getattr(self, name)[kept] for name in NAMES}, self.signed[kept])
        return int((~kept).sum())

    @torch.no_grad()
    def bear(self, missing: Tensor, count: int, signed: bool) -> int:
        """Add Gaussians where ``missing`` (slices, y, x), what the sum lacks, is largest among its neighbours.

        Parameters
        ----------
        missing : Tensor
            In units of the object's maximum.
        count : int
            At most.
        signed : bool
            Whether they may be negative, and stand where too much is as well as where too little.

        Returns
        -------
        int
            How many.
        """
        worth = missing.abs() if signed else missing.clamp(min=0)
        peak = nn.functional.max_pool3d(worth[None, None], 3, stride=1, padding=1)[0, 0]
        worth = torch.where(worth == peak, worth, torch.zeros_like(worth)).reshape(-1)
        best = worth.topk(max(0, min(count, int((worth > FAINT).sum())))).indices
        if len(best) == 0:
            return 0
        place = torch.stack(torch.unravel_index(best, self.shape), dim=1).to(missing)
        self._take(place, torch.zeros_like(place), 0.5 * missing.reshape(-1)[best], signed)  # one voxel wide
        return len(best)

    def numbers(self) -> dict[str, Tensor]:
        """All that :meth:`take` wants."""
        return {name: getattr(self, name).detach().clone() for name in NAMES} | {"signed": self.signed.clone()}

    def take(self, numbers: Mapping[str, Any]) -> None:
        """Become the Gaussians of :meth:`numbers`."""
        parts = {name: torch.as_tensor(numbers[name]).to(self.device) for name in NAMES}
        self._set(parts, torch.as_tensor(numbers["signed"]).to(self.device))

    def _take(self, place: Tensor, size: Tensor, density: Tensor, signed: bool) -> None:
        """Further Gaussians, round ones."""
        turn = torch.zeros(len(place), 4, device=place.device, dtype=place.dtype)
        turn[:, 0] = 1
        new = {"mean": place, "size": size, "turn": turn, "raw": density if signed else _unsoft(density)}
        mask = torch.full((len(place),), signed, device=place.device)
        if "mean" in self._parameters:
            new = {name: torch.cat([getattr(self, name).detach(), part]) for name, part in new.items()}
            mask = torch.cat([self.signed, mask])
        self._set(new, mask)

    def _set(self, parts: Mapping[str, Tensor], signed: Tensor) -> None:
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part.contiguous().clone()))
        self.register_buffer("signed", signed.clone(), persistent=False)

    def _shapes(self, stretch: Tensor) -> tuple[Tensor, Tensor]:
        """Covariance and precision (n, 3, 3) of Gaussians stretched along the axes."""
        w, x, y, z = nn.functional.normalize(self.turn, dim=1).unbind(1)
        rows = [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
            torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
            torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
        ]
        turn = torch.stack(rows, dim=1)
        size = self.size.clamp(math.log(NARROWEST), math.log(WIDEST)).exp()
        wide, narrow = turn * size[:, None] * stretch[:, None], turn / size[:, None] / stretch[:, None]
        return wide @ wide.transpose(1, 2), narrow @ narrow.transpose(1, 2)

    def _rows(self, stretch: Tensor) -> tuple[Tensor, Tensor]:
        """What :func:`voxelise` takes."""
        covariance, precision = self._shapes(stretch)
        diagonal = torch.diagonal(precision, dim1=1, dim2=2)
        mixed = torch.stack([precision[:, 0, 1], precision[:, 0, 2], precision[:, 1, 2]], dim=1)
        mean = (self.mean + 0.5) * stretch - 0.5
        rows = torch.cat([self.densities()[:, None], mean, diagonal, mixed], dim=1)
        return rows, CUT * torch.diagonal(covariance, dim1=1, dim2=2).detach().sqrt()


def _unsoft(density: Tensor) -> Tensor:
    """The inverse of the softplus that makes densities positive."""
    value = SOFT * density.clamp(min=1e-4)
    return (value + torch.log(-torch.expm1(-value))) / SOFT
