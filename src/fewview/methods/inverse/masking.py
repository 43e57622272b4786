"""The measurement as every method needs it: masked, finite, with its weights and its scale."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ScanError
from ..interface import Views
from ..slices import common

SIGNIFICANT = 0.05  # rays under this part of the mean run past the object (svmbir's indicator)


def measured(views: Views, weighted: bool = True) -> tuple[Tensor, Tensor | None]:
    """Line integrals and weights in the operator's precision, with nothing left of unusable pixels.

    Parameters
    ----------
    views : Views
    weighted : bool
        False: every usable pixel counts the same.

    Returns
    -------
    y : Tensor, shape (slices, angles, columns)
        0 where a pixel is unusable, whatever it held.
    weights : Tensor, same shape, or None
        None where every pixel counts the same.

    Raises
    ------
    ScanError
        Values that are not numbers where the weight does not say that the pixel is unusable.
    """
    A = views.operator
    y = views.data.to(A.device, A.dtype)
    weights = None if views.weights is None else views.weights.to(A.device, A.dtype).expand_as(y)
    if weights is not None:
        usable = weights > 0
        y = torch.where(usable, y, torch.zeros_like(y))
        weights = torch.where(usable, weights, torch.zeros_like(weights))
        if not weighted:
            weights = None if bool(usable.all()) else usable.to(A.dtype)
    if not bool(torch.isfinite(y).all()):
        raise ScanError("The line integrals hold values that are not numbers.", "Mask those pixels (weight 0).")
    return y, weights


def weigh(values: Tensor, weights: Tensor | None) -> Tensor:
    """``weights * values``, or ``values`` where every pixel counts the same."""
    return values if weights is None else weights * values


def attenuation_scale(views: Views, coupled: bool = False) -> Tensor:
    """Typical attenuation of the object: what makes weights and step sizes dimensionless.

    Mean line integral of the rays that meet the object, over the width of the image (as in svmbir's default for
    sigma_x). Proportional to the data and to 1/pixel, hence the same fraction of the object in every unit.

    Parameters
    ----------
    views : Views
    coupled : bool
        One scale for all slices (where a method couples them) instead of one per slice.

    Returns
    -------
    Tensor, shape (slices, 1, 1) or (1, 1, 1)
        Positive, in the unit of the volume.
    """
    A = views.operator
    y, _ = measured(common(views) if coupled else views)
    axes = (0, 1, 2) if coupled else (1, 2)
    return mean_significant(y, y, axes) / A.volume.width


def mean_significant(values: Tensor, y: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Mean of ``values`` over the rays that meet the object; 1 where there are none (any will do then).

    Parameters
    ----------
    values : Tensor, shape (slices, angles, columns)
    y : Tensor, same shape
        Line integrals: rays under a part of their mean run past the object.
    axes : tuple of int
        That the mean goes over.

    Returns
    -------
    Tensor
        Of size 1 along ``axes``.
    """
    inside = (y > SIGNIFICANT * y.abs().mean(dim=axes, keepdim=True)).to(y.dtype)
    mean = (inside * values).sum(dim=axes, keepdim=True) / inside.sum(dim=axes, keepdim=True).clamp(min=1)
    return torch.where(mean > 0, mean, torch.ones_like(mean))


def reciprocal(values: Tensor, floor: float = 1e-3) -> Tensor:
    """1 / values, and 0 where they are below ``floor`` of a slice's maximum: rays and pixels that hardly meet.

    A ray that only grazes the corner of the image would otherwise take steps without bound.
    """
    useful = values > floor * values.amax(dim=(1, 2), keepdim=True)
    return torch.where(useful, 1 / torch.where(useful, values, torch.ones_like(values)), torch.zeros_like(values))


def relative(residual: Tensor, y: Tensor, weights: Tensor | None) -> float:
    """|residual| / |y| in the weighted norm; 0 for empty data.

    Parameters
    ----------
    residual, y : Tensor, shape (slices, angles, columns)
    weights : Tensor, same shape, or None
        None where every pixel counts the same.

    Returns
    -------
    float
    """
    scale = float(weigh(y * y, weights).sum(dtype=torch.float64))
    return (float(weigh(residual * residual, weights).sum(dtype=torch.float64)) / scale) ** 0.5 if scale > 0 else 0.0
