"""What a slice fixer is told of the measurement: two orthogonal projections, the slice's own lines, and the misfit."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...models.fixer import FixerCondition
from ..interface import Problem
from ..inverse.masking import measured, reciprocal, relative


def biplanar_views(angles: ArrayLike) -> tuple[int, int]:
    """The two views that are closest to perpendicular, the earliest such pair.

    Parameters
    ----------
    angles : array of float, shape (views,)
        Radians.

    Returns
    -------
    pair of int
        Indices; twice the same where there is a single view.
    """
    values = np.asarray(angles, dtype=np.float64)
    across = np.abs(np.sin(values[:, None] - values))
    first, second = np.unravel_index(np.argmax(np.round(across, 6)), across.shape)
    return int(first), int(second)


def condition_of(problem: Problem, volume: Tensor, top: float, prompt: str = "") -> FixerCondition:
    """The condition of all slices of a volume.

    Parameters
    ----------
    problem : Problem
        Its measurement.
    volume : Tensor, shape (slices, y, x)
        The reconstruction that is to be repaired, in the problem's unit.
    top : float
        Attenuation that the network takes for 1.
    prompt : str
        What the sample is.

    Returns
    -------
    FixerCondition
        One entry per slice; the projections, which all share, once.
    """
    A = problem.operator
    y, weights = measured(problem)
    chord = reciprocal(A.row_sums())  # rays that only graze the corner of the grid tell nothing
    mean = y * chord / top  # mean attenuation along each ray
    lines, smeared, places = [], [], []
    column = torch.linspace(-1, 1, y.shape[-1], device=y.device, dtype=y.dtype).expand(1, 1, -1)
    for view in biplanar_views(A.angles):
        one, line = A.subset([view]), mean[:, view : view + 1]
        lines.append(line[:, 0])
        share = reciprocal(one.column_sums())
        smeared.append(one.T(line) * share)
        places.append(one.T(column) * share)
    misfit = relative(A(volume) - y, y, weights)
    slices = len(volume)
    return FixerCondition(
        prompt=prompt,
        projections=torch.stack(lines)[None],
        rows=torch.stack(smeared, dim=1),
        columns=torch.stack(places, dim=1).expand(slices, -1, -1, -1),
        height=torch.linspace(-1, 1, slices, device=y.device) if slices > 1 else torch.zeros(1, device=y.device),
        damage=torch.full((slices,), min(misfit, 1.0), device=y.device),
    )
