"""Filtered back-projection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import ScanError
from ...operators import Operator, filtered_backprojection
from ...operators.tiles import cuts
from ...options import option
from ..budget import OnePassOptions
from ..interface import Estimate, Method, Problem, Views
from ..inverse.masking import measured, relative

SLICES = 16  # per step: the stop flag is looked at between steps


class FBPOptions(OnePassOptions):
    """Options of filtered back-projection."""

    filter: Literal["ram-lak", "shepp-logan", "cosine", "hann"] = option(
        "ram-lak",
        "Filter",
        "The filter of the projections: Ram-Lak is the sharpest and the noisiest, and Shepp-Logan, cosine and "
        "Hann are smoother in this order.",
    )
    cutoff: float = option(
        1.0,
        "Cut-off",
        "The filter keeps frequencies up to this part of the highest one that the detector records. A lower "
        "value gives a smoother volume.",
        gt=0,
        le=1,
        advanced=True,
    )
    positivity: bool = option(False, "Positivity", "Negative attenuation is set to zero at the end.")


@torch.no_grad()
def solve(problem: Problem, options: FBPOptions) -> Iterator[Estimate]:
    """Filtered back-projection, some slices at a time; unusable pixels are bridged along the detector."""
    A = problem.operator
    y, weights = measured(problem, weighted=False)
    done = 0 if problem.state is None else int(problem.state["step"])
    volume = A.zeros(len(y))
    if problem.state is not None:
        volume.copy_(torch.as_tensor(problem.state["volume"]))
    parts = [slice(*part) for part in cuts(len(y), SLICES)]
    for step, part in enumerate(parts, start=1):
        if step <= done:
            continue
        x = _reconstruct(A, y[part], None if weights is None else weights[part], options)
        volume[part] = x.clamp_(min=0) if options.positivity else x
        scalars = {}
        if step == len(parts):
            scalars["data_residual"] = relative(A(volume) - y, y, weights)
        yield Estimate(volume, step, len(parts), "filtering", scalars, {"volume": volume, "step": step})


def _reconstruct(A: Operator, y: Tensor, usable: Tensor | None, options: FBPOptions) -> Tensor:
    return on_seen_views(A, y, usable, lambda A, y: filtered_backprojection(A, y, options.filter, options.cutoff))


def on_seen_views(
    A: Operator, y: Tensor, usable: Tensor | None, reconstruct: Callable[[Operator, Tensor], Tensor]
) -> Tensor:
    """Slices by ``reconstruct(A, y)``, with unusable pixels bridged.

    A view without any usable pixel is left out of its slice, and its neighbours stand for its directions.

    Parameters
    ----------
    A : Operator
    y : Tensor, shape (slices, views, columns)
        Line integrals.
    usable : Tensor or None, shape (slices, views, columns)
        Above 0 where a pixel is usable; None where all are.
    reconstruct : callable
        From an operator and its line integrals.

    Returns
    -------
    Tensor
        Shape (slices, y, x).
    """
    if usable is None:
        return reconstruct(A, y)
    seen = (usable > 0).any(dim=2).cpu().numpy()
    y = bridge(y, usable > 0)
    volume = A.zeros(len(y))
    patterns, member = np.unique(seen, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        if not pattern.any():
            raise ScanError("A slice has no usable pixel at all.", "Leave that row out, or check the flats there.")
        slices = torch.as_tensor(np.flatnonzero(member.reshape(-1) == k), device=y.device)
        views = np.flatnonzero(pattern)
        part = A if pattern.all() else A.subset(views)
        chosen = y[slices][:, torch.as_tensor(views, device=y.device)]
        volume[slices] = reconstruct(part, chosen)
    return volume


def bridge(y: Tensor, usable: Tensor) -> Tensor:
    """``y`` with unusable pixels interpolated linearly along the detector (held constant beyond the last usable one).

    A ramp filter would spread a hole over the whole row. Rows without a usable pixel stay as they are.
    """
    columns = y.shape[-1]
    place = torch.arange(columns, device=y.device).expand_as(y)
    before = torch.where(usable, place, -1).cummax(dim=-1).values
    after = torch.where(usable, place, columns).flip(-1).cummin(dim=-1).values.flip(-1)
    left = torch.where(before >= 0, before, after).clamp(0, columns - 1)
    right = torch.where(after < columns, after, before).clamp(0, columns - 1)
    share = (place - left).to(y.dtype) / (right - left).clamp(min=1).to(y.dtype)
    filled = y.gather(-1, left) * (1 - share) + y.gather(-1, right) * share
    return torch.where(usable, y, filled)


@torch.no_grad()
def preview(problem: Views) -> Tensor:
    """A smooth, non-negative FBP: what other methods show before their first estimate."""
    y, weights = measured(problem, weighted=False)
    return _reconstruct(problem.operator, y, weights, FBPOptions(filter="hann")).clamp_(min=0)


METHOD = Method(
    name="fbp",
    title="Filtered back-projection",
    family="classical",
    summary="The fast standard for many views; with few views it shows streaks.",
    source="Kak and Slaney, Principles of Computerized Tomographic Imaging (1988), chapter 3",
    options=FBPOptions,
    solve=solve,
    buffers=(2.0, 2.0),
)
