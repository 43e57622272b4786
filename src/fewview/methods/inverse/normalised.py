"""The measurement in the units of the prior: the object's maximum is 1 and so is the norm of the operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ...operators import Operator
from ...quality.residual import noise_level
from ..interface import Views
from ..slices import common
from .masking import measured

TOP = 0.999  # the object's maximum is this quantile of a first reconstruction: streaks and hot pixels stay out


@dataclass(frozen=True, eq=False)
class Scaled:
    """Line integrals and operator, normalised, for any number of copies (posterior samples) of the stack.

    Parameters
    ----------
    operator : Operator
    y : Tensor, shape (slices, angles, columns)
        Divided by ``operator.norm * top``.
    weights : Tensor, same shape, or None
    top : float
        Attenuation that the prior takes for 1.
    noise : float
        Standard deviation of ``y`` at weight 1.
    """

    operator: Operator
    y: Tensor
    weights: Tensor | None
    top: float
    noise: float

    def forward(self, x: Tensor) -> Tensor:
        """``A x`` for images (copies * slices, y, x)."""
        return self.operator(x) / self.operator.norm

    def adjoint(self, y: Tensor) -> Tensor:
        """``A' y``."""
        return self.operator.T(y) / self.operator.norm

    def normal(self, x: Tensor) -> Tensor:
        """``A' W A x``."""
        return self.adjoint(self.weighted(self.forward(x)))

    @cached_property
    def back(self) -> Tensor:
        """``A' W y``, one stack."""
        return self.adjoint(self.weighted(self.y))

    def weighted(self, values: Tensor) -> Tensor:
        """``W values``, the same weights for every copy; gradients flow."""
        if self.weights is None:
            return values
        return (self._copies(values) * self.weights).reshape(values.shape)

    def misfit(self, x: Tensor) -> Tensor:
        """``A x - y``; 0 where a pixel is unusable."""
        residual = (self._copies(self.forward(x)) - self.y).reshape(len(x), *self.y.shape[1:])
        return residual if self.weights is None else self._masked(residual)

    def mean_square(self, x: Tensor) -> Tensor:
        """Weighted mean of the squared misfit, a scalar."""
        residual = self.misfit(x)
        count = residual.numel() if self.weights is None else self.weights.sum() * (len(x) / len(self.y))
        return (self.weighted(residual) * residual).sum() / count

    def slices(self, chosen: Tensor) -> Scaled:
        """The measurement of some slices, in the order given."""
        weights = None if self.weights is None else self.weights[chosen]
        return replace(self, y=self.y[chosen], weights=weights)

    def only(self, views: Tensor) -> Scaled:
        """The views where ``views`` (angles,) is true; the others are there with weight 0."""
        mask = views.to(self.y)[None, :, None].expand_as(self.y)
        return replace(self, weights=mask if self.weights is None else self.weights * mask)

    def _copies(self, values: Tensor) -> Tensor:
        return values.reshape(-1, *self.y.shape)

    def _masked(self, residual: Tensor) -> Tensor:
        assert self.weights is not None
        copies = self._copies(residual)
        return torch.where(self.weights > 0, copies, torch.zeros_like(copies)).reshape(residual.shape)


def robust_maximum(volume: Tensor) -> float:
    """What the prior takes for 1: the 99.9th percentile of a first reconstruction."""
    values = volume.detach().reshape(-1)
    return float(values.kthvalue(max(1, round(TOP * values.numel()))).values)


def scaled(views: Views, top: float) -> Scaled:
    """Normalise a measurement by the norm of its operator and the object's maximum."""
    y, weights = measured(views)
    unit = views.operator.norm * top
    noise = max(noise_level(*measured(common(views))) / unit, 1e-6)  # never 0: the proximal weight divides by it
    return Scaled(views.operator, y / unit, weights, top, noise)
