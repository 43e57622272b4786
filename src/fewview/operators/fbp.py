"""Filtered back-projection of a whole stack in one call."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..geometry import full_turn
from .filters import FilterName, apply_filter, ramp_filter
from .interface import Operator
from .parallel import parallel_beam
from .quadrature import angle_weights

ASIDE = 0.05  # of the columns between axis and middle: less can hardly matter
TRUNCATED = 0.05  # level at the near edge of the detector, as a part of the highest: the sample reaches over it


def filtered_backprojection(A: Operator, y: Tensor, filter: FilterName = "ram-lak", cutoff: float = 1.0) -> Tensor:  # noqa: A002
    """Filtered back-projection, scaled so that a block of 1/mm comes out as 1/mm.

    Parameters
    ----------
    A : Operator
        Its angles may be uneven, span any arc and hold duplicate end views: each view is weighted by the part
        of the half turn that it stands for (:func:`fewview.operators.quadrature.angle_weights`).
    y : Tensor, shape (slices, angles, columns)
        Line integrals.
    filter, cutoff
        See :func:`fewview.operators.filters.ramp_filter`.

    Returns
    -------
    Tensor, shape (slices, grid, grid)
        Unit of ``y`` per length. Differentiable in ``y``.

    Notes
    -----
    Over a full turn with the axis aside (half acquisition) the lines near the axis are measured twice and those
    farther out once. The former share their weight smoothly, as in Cho et al., Med. Phys. 23, 1317 (1996), so that
    there is no edge for the filter to see.
    """
    return by_halves(A, y, lambda A, y: _filtered(A, y, filter, cutoff))


def by_halves(A: Operator, y: Tensor, reconstruct: Callable[[Operator, Tensor], Tensor]) -> Tensor:
    """Slices by ``reconstruct(A, y)``, which filters; those of half acquisition on a detector made symmetric.

    Parameters
    ----------
    A : Operator
    y : Tensor, shape (slices, angles, columns)
        Line integrals.
    reconstruct : callable
        Of an operator and line integrals of its shape, slices (slices, grid, grid).
    """
    half = _half_acquired(A, y.detach())
    if not half.any():
        return reconstruct(A, y)
    wide, pad = _widened(A)
    volume = y.new_zeros(len(y), A.grid, A.grid)
    volume[half] = reconstruct(wide, torch.nn.functional.pad(y[half] * _shares(A, y), pad))
    if not half.all():
        volume[~half] = reconstruct(A, y[~half])
    return volume


def _filtered(A: Operator, y: Tensor, filter: FilterName, cutoff: float) -> Tensor:  # noqa: A002
    weights = torch.as_tensor(angle_weights(A.angles), dtype=y.dtype, device=y.device)
    filtered = apply_filter(y, ramp_filter(A.columns, filter, cutoff))
    # A.T spreads pixel^2 / pitch per view over a pixel; the filter is per column, hence one more pitch.
    return A.T(filtered * (weights[:, None] / A.pixel**2))


def _half_acquired(A: Operator, y: Tensor) -> Tensor:
    """Slices whose sample reaches over the edge that is near the axis, (slices,) of bool; each told by itself alone."""
    aside = A.axis - (A.columns - 1) / 2
    if abs(aside) <= ASIDE * A.columns or not full_turn(A.angles):
        return torch.zeros(len(y), dtype=torch.bool, device=y.device)
    level = y.abs().mean(dim=1)
    edge = max(1, A.columns // 40)
    near = level[:, :edge] if aside < 0 else level[:, -edge:]
    return near.mean(dim=1) > TRUNCATED * level.amax(dim=1)


def _shares(A: Operator, y: Tensor) -> Tensor:
    """Share of each column, (columns,): that of a line and that of its mirror add up to the two of an unshared pair."""
    aside = A.axis - (A.columns - 1) / 2
    overlap = max((A.columns - 1) / 2 - abs(aside) + 0.5, 0.5)
    outward = (torch.arange(A.columns, device=y.device, dtype=y.dtype) - A.axis) * -math.copysign(1, aside)
    return 2 * torch.sin(math.pi / 4 * (1 + (outward / overlap).clamp(-1, 1))).square()


def _widened(A: Operator) -> tuple[Operator, tuple[int, int]]:
    """The operator of a detector that reaches as far on both sides of the axis, and the columns added at its ends.

    A filtered view does not end where the detector does.
    """
    missing = math.ceil(abs(2 * A.axis - (A.columns - 1)))
    pad = (missing, 0) if A.axis < (A.columns - 1) / 2 else (0, missing)
    wide = parallel_beam(
        A.angles,
        columns=A.columns + missing,
        grid=A.grid,
        axis=A.axis + pad[0],
        pixel=A.pixel,
        detector_pitch=A.detector_pitch,
        device=A.device,
        dtype=A.dtype,
        memory_budget=0,  # it is applied once
    )
    wide.on_chunk = A.on_chunk
    return wide, pad
