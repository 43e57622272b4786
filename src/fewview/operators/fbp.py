"""Filtered back-projection of a whole stack in one call."""

from __future__ import annotations

import torch
from torch import Tensor

from .filters import FilterName, apply_filter, ramp_filter
from .interface import Operator
from .quadrature import angle_weights


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
    """
    weights = torch.as_tensor(angle_weights(A.angles), dtype=y.dtype, device=y.device)
    filtered = apply_filter(y, ramp_filter(A.columns, filter, cutoff))
    # A.T spreads pixel^2 / pitch per view over a pixel; the filter is per column, hence one more pitch.
    return A.T(filtered * (weights[:, None] / A.pixel**2))
