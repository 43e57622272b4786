"""What a field is fitted to: measurement, smoothness, nearness to a proposal; and a step on the lattice towards it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...operators.krylov import cg
from ..differences import gradient, gradient_adjoint, magnitude
from ..inverse.normalised import Scaled

ROUND = 5e-3  # of the object's maximum: smaller differences cost like their squares, which can be minimised by CG
DAMPING = 1e-2  # relative to the largest eigenvalue of A'A: what the rays hardly see waits for later steps


@dataclass(frozen=True)
class Objective:
    """``|A x - y|^2_W / 2 + smooth TV(x) + rho |x - near|^2 / 2``, in the units of :class:`Scaled`.

    TV is that of all three axes, rounded at 0: ``sum sqrt(|grad x|^2 + ROUND^2)``.

    Parameters
    ----------
    data : Scaled
    smooth : float
    near : Tensor, shape (slices, y, x), optional
    rho : float or Tensor, shape (slices, 1, 1)
    """

    data: Scaled
    smooth: float = 0.0
    near: Tensor | None = None
    rho: float | Tensor = 0.0

    def slope(self, x: Tensor) -> Tensor:
        """The gradient at ``x``."""
        out = self.data.adjoint(self.data.weighted(self.data.misfit(x)))
        if self.smooth:
            out = out + self._roughness(x)(x)
        return out if self.near is None else out + self.rho * (x - self.near)

    def towards(self, x: Tensor, iterations: int) -> Tensor:
        """A damped Newton step from ``x``, by CG; where it ends is what the field is then fitted to.

        The step takes the ill-conditioning of ``A`` upon itself; the fit, voxel by voxel, is left with none. TV is
        replaced by the parabola that touches it at ``x`` (lagged diffusivity, Vogel and Oman 1996). A field that can
        be every volume stays where the gradient is 0, whatever the number of iterations and the damping. With no
        iterations it is a plain step down the gradient.

        Parameters
        ----------
        x : Tensor, shape (slices, y, x)
            In units of the object's maximum.
        iterations : int
            Of CG.

        Returns
        -------
        Tensor
            Shape (slices, y, x).
        """
        if iterations == 0:
            return x - self.slope(x)
        smoothing = self._roughness(x) if self.smooth else None
        more = DAMPING if self.near is None else DAMPING + self.rho

        def apply(d: Tensor) -> Tensor:
            out = self.data.normal(d) + more * d
            return out if smoothing is None else out + smoothing(d)

        return x + cg(apply, -self.slope(x), iterations=iterations, per_slice=smoothing is None)

    def _roughness(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """``d -> D' w D d`` with the weights that make it the gradient of TV at ``d = x``."""
        along_z = 1.0 if len(x) > 1 else 0.0
        weight = self.smooth / torch.hypot(magnitude(gradient(x, along_z)), torch.full_like(x, ROUND))
        return lambda d: gradient_adjoint(weight * gradient(d, along_z), along_z)
