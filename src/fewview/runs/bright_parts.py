"""Whether strongly attenuating parts, such as a grain of metal, come out weaker than the measurement says.

Networks and fields work in units of the object's maximum, the brightest specks left out, and iterations that stop early
never come to them. Of two halves of the views, one tells where the volume is too weak, the other by how much: noise
that put a spot into the first is not in the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..methods.classical.fbp import preview
from ..methods.interface import Views
from ..methods.inverse.masking import measured
from ..methods.inverse.normalised import TOP, robust_maximum

MISSING = 0.2
"""Part of what the measurement asks for that is told when it is missing."""
CERTAIN = 5.0
"""Standard errors that it must be apart from nothing."""
FEW = 10 * (1 - TOP)
"""Part of the voxels that a speck may have: of more, the residual of the data tells."""
FEWEST_VIEWS = 4  # two in each half


class TooWeak(NamedTuple):
    """Voxels that show less than the measurement asks for.

    Parameters
    ----------
    at : tuple of int
        The worst of them, (slice, y, x).
    voxels : int
    shown, asked : float
        Mean value in the volume, and what it would have to be.
    """

    at: tuple[int, int, int]
    voxels: int
    shown: float
    asked: float


@torch.no_grad()
def too_weak(parts: Iterable[tuple[int, Views]], volume: Tensor) -> TooWeak | None:
    """The voxels that lack most, where parts that are brighter than the others lack a fifth or more.

    Parameters
    ----------
    parts : iterable of (int, Views)
        The measurement by blocks of slices, each with the slice that it begins at.
    volume : Tensor, shape (slices, y, x)
        That was made of it, all slices.

    Returns
    -------
    TooWeak or None
        None where nothing is too weak, or the views are too few to tell.
    """
    bright, found = robust_maximum(volume), []
    for first, views in parts:
        y, weights = measured(views)
        if views.operator.views < FEWEST_VIEWS or not bool((y > 0).any()):
            continue
        x = volume[first : first + len(y)].to(y)
        one = _lacking(views, y, torch.ones_like(y) if weights is None else weights, x, bright)
        if one is not None:
            found.append(one._replace(at=(one.at[0] + first, *one.at[1:])))
    return max(found, key=lambda one: one.asked - one.shown, default=None)


def _lacking(views: Views, y: Tensor, weights: Tensor, x: Tensor, bright: float) -> TooWeak | None:
    A = views.operator
    missing = torch.where(weights > 0, y - A(x), 0)
    even, odd = (np.arange(A.views)[k::2] for k in (0, 1))
    if not bool((weights[:, even] > 0).flatten(1).any(dim=1).all()):
        return None
    where = preview(Views(A.subset(even), missing[:, even].contiguous(), weights[:, even].contiguous()))
    spot = where > where.max() / 2
    voxels = int(spot.sum())
    if not 0 < voxels <= max(1, FEW * spot.numel()):
        return None
    along, left, counts = A(spot.to(y))[:, odd], missing[:, odd], weights[:, odd]
    told = float((counts * along.square()).sum())
    if told == 0:
        return None
    more = float((counts * along * left).sum()) / told  # by least squares
    shown = float(x[spot].mean())
    asked = shown + more
    error = (float((counts * left.square()).sum() / counts.sum()) / told) ** 0.5
    if more <= MISSING * asked or asked <= bright or more <= CERTAIN * error:
        return None
    z, row, column = np.unravel_index(int(where.argmax()), where.shape)
    return TooWeak((int(z), int(row), int(column)), voxels, shown, asked)
