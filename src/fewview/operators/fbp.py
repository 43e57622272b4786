"""Filtered back-projection of a whole stack in one call."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..errors import MethodUnavailable
from ..geometry import Beam, FanBeam, ParallelBeam
from .fbp_fan import fan_backprojection
from .filters import FilterName, apply_filter, ramp_filter
from .interface import Operator
from .quadrature import angle_weights, opposed, within_detector


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
    Over more than half a turn with the axis aside, some lines are measured twice and those farther out once:
    :func:`fewview.operators.quadrature.within_detector`.
    """
    if isinstance(A.geometry, FanBeam):
        return fan_backprojection(A, y, filter, cutoff)
    return by_halves(A, y, lambda A, y: _filtered(A, y, filter, cutoff))


def require_parallel(A: Operator, what: str) -> None:
    """Refuse what is made for parallel beams only.

    Raises
    ------
    MethodUnavailable
        The beam is another one.
    """
    if not isinstance(A.geometry, ParallelBeam):
        raise MethodUnavailable(f"{what} takes parallel beams, the scan has a {A.geometry.name} beam.", "Choose fbp.")


def by_halves(A: Operator, y: Tensor, reconstruct: Callable[[Operator, Tensor], Tensor]) -> Tensor:
    """Slices by ``reconstruct(A, y)``, which filters; on a detector made symmetric where the axis of a turn is aside.

    Parameters
    ----------
    A : Operator
    y : Tensor, shape (slices, angles, columns)
        Line integrals.
    reconstruct : callable
        Of an operator and line integrals of its shape, slices (slices, grid, grid).

    Returns
    -------
    Tensor, shape (slices, grid, grid)
        In the unit of ``reconstruct``.
    """
    aside = A.geometry.aside
    twice = opposed(A.geometry.angles)
    if not aside or not twice.any():
        return reconstruct(A, y)
    shared = torch.where(torch.from_numpy(twice).to(y.device)[:, None], y * shares(A.geometry).to(y), y)
    missing = math.ceil(2 * abs(aside))
    pad = (missing, 0) if aside < 0 else (0, missing)  # a filtered view does not end where the detector does
    return reconstruct(A.with_geometry(A.geometry.padded(*pad), memory_budget=0), torch.nn.functional.pad(shared, pad))


def _filtered(A: Operator, y: Tensor, filter: FilterName, cutoff: float) -> Tensor:  # noqa: A002
    weights = torch.as_tensor(angle_weights(A.angles), dtype=y.dtype, device=y.device)
    filtered = apply_filter(y, ramp_filter(A.columns, filter, cutoff))
    # A.T spreads pixel^2 / pitch per view over a pixel; the filter is per column, hence one more pitch.
    return A.T(filtered * (weights[:, None] / A.volume.voxel**2))


def shares(beam: Beam) -> Tensor:
    """Share of each column, (columns,), where lines are measured from both sides: those of the two add up to two."""
    columns = np.arange(beam.columns, dtype=np.float64)
    _, mirrored = beam.opposite(0.0, columns)
    own, other = (within_detector(places, beam.columns) for places in (columns, mirrored))
    return torch.from_numpy(2 * own / (own + other))
