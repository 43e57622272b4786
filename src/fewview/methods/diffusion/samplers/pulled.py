"""Denoisers whose clean image the data pull on through the network: DPS and pseudo-inverse guidance."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ...inverse.gaussian import GaussianStep
from ...inverse.normalised import Scaled
from ..parts import Denoises
from ..renoise import noise_in


class Differentiable(Denoises, Protocol):
    """A denoiser whose gradient is known."""

    def pulled(self, x_t: Tensor, abar: float, data: Scaled, cotangent: Tensor) -> Tensor:
        """Gradient of ``sum(cotangent * x0)`` with respect to ``x_t``, over all slices.

        Parameters
        ----------
        x_t, cotangent : Tensor, shape (copies * slices, y, x)
        abar : float
        data : Scaled
            Whose operator knows the stop flag.

        Returns
        -------
        Tensor, shape (copies * slices, y, x)
            Of the network and what stands around it.
        """
        ...


@dataclass(frozen=True, eq=False)
class Pulled(ABC):
    """The clean image given the noisy one and the data, to first order: ``x0 + sigma^2 J' A' v``.

    ``J`` is the derivative of ``x0`` by the noisy image, in whose units ``sigma`` is; ``v`` weighs the misfit.

    Parameters
    ----------
    denoiser : Differentiable
    step : GaussianStep
    """

    denoiser: Differentiable
    step: GaussianStep

    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """See :class:`fewview.methods.diffusion.parts.Denoises`."""
        x0, _ = self.denoiser.all(x_t, abar, data)
        sigma = math.sqrt((1 - abar) / abar)
        force = self.step.back(self.weighed(self.step.misfit(x0), sigma))
        x0 = x0 + math.sqrt(abar) * self.denoiser.pulled(x_t, abar, data, force)
        return x0, noise_in(x_t, x0, abar)

    @abstractmethod
    def weighed(self, misfit: Tensor, sigma: float) -> Tensor:
        """``sigma^2 v``, shape (copies * slices, angles, columns)."""


@dataclass(frozen=True, eq=False)
class PosteriorGradient(Pulled):
    """DPS: along the gradient of the data's likelihood (Chung et al., ICLR 2023, equation 16).

    A step takes the variance that it removes times that gradient, as the reverse process asks, but no more than
    ``length``: beyond 2 the misfit grows. The paper's step of fixed length forgets the noise of the data, and does not
    draw from the posterior of a Gaussian field however many steps it takes.

    Parameters
    ----------
    length : float
        Largest step, in units of the inverse of the largest curvature of the misfit.
    kept : float
        Variance of the noise that a step leaves, over that before it.
    """

    length: float
    kept: float

    def weighed(self, misfit: Tensor, sigma: float) -> Tensor:
        """See :class:`Pulled`."""
        removed = 1 - self.kept
        return min(self.length, removed * (sigma / self.step.data.noise) ** 2) / removed * misfit


@dataclass(frozen=True, eq=False)
class PseudoInverse(Pulled):
    """Pseudo-inverse guidance: as if the error of the clean image were white (Song et al., ICLR 2023, equation 7)."""

    def weighed(self, misfit: Tensor, sigma: float) -> Tensor:
        """See :class:`Pulled`."""
        ratio = 1 + sigma**2  # of the noise's variance to the error's, for images of variance 1
        return ratio * self.step.inverse(misfit, ratio * (self.step.data.noise / sigma) ** 2)
