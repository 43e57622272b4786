"""The exact Gaussian step: proposals with white errors against data with white noise, by the eigenbasis of ``A A'``.

With ``B = sqrt(W) A``, whose rows have noise of one size, all of it follows from one map of line integrals,
``(B B' + rho)^-1`` with ``rho = (noise / r)^2``: mean and draws of the images that agree with a proposal of error ``r``
and with the data, the pull of the data on a proposal, and how likely the data are under it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...operators.krylov import cg
from ..size import Size
from .normalised import Scaled

SHARED, APART = 1024, 256
"""Line integrals of a slice up to which their eigenbasis is found: one for all slices, or one for each where weights
differ. More take conjugate gradients."""
TOGETHER = 128
"""Columns of ``A A'`` that are made at a time."""
LEAST, MOST = 1e-6, 1e3
"""Of ``rho``: views repeat each other's mean, so that ``A A'`` has eigenvalues of 0, which rounding hides; the norm of
``A`` is 1."""
FINDING = 8
"""Matrices (float32) on the way to an eigenbasis: ``A A'``, its vectors and LAPACK's work, all in double precision."""
HALVINGS = 24
"""Of the interval of log(rho) in the search for the noise: to 1e-5 of it; half as many where each costs iterations."""


@dataclass(frozen=True, eq=False)
class GaussianStep:
    """Exact steps for one measurement; made by :meth:`of`.

    Parameters
    ----------
    data : Scaled
    basis : pair of Tensor, optional
        Eigenvalues (slices, m) and eigenvectors (slices, m, m) of ``B B'``; one slice where all are alike. None: by
        conjugate gradients.
    iterations : int
        Of those.
    """

    data: Scaled
    basis: tuple[Tensor, Tensor] | None
    iterations: int

    @classmethod
    def of(cls, data: Scaled, iterations: int = 20) -> GaussianStep:
        """Find the eigenbasis where it is small enough."""
        size = data.y[0].numel()
        if size > (SHARED if data.weights is None else APART):
            return cls(data, None, iterations)
        A, gram, bases = data.operator, _gram(data, size).double(), []
        for root in [None] if data.weights is None else data.weights.reshape(-1, size).sqrt().double():
            found = torch.linalg.eigh(gram if root is None else root[:, None] * gram * root)
            bases.append([part.to(A.dtype) for part in found])
            if A.on_chunk is not None:
                A.on_chunk()
        values, vectors = map(torch.stack, zip(*bases, strict=True))
        return cls(data, (values.clamp(min=0), vectors), iterations)

    @staticmethod
    def held(size: Size) -> tuple[int, int]:
        """Bytes of the eigenbasis, and those on the way to it, above what it takes itself."""
        m, apart = size.views * size.columns, size.weighted
        if m > (APART if apart else SHARED):
            return 0, 0
        return 4 * m**2 * (size.slices if apart else 1), 4 * m**2 * FINDING

    def misfit(self, x: Tensor) -> Tensor:
        """``sqrt(W) (y - A x)`` of images (copies * slices, y, x): (copies * slices, angles, columns)."""
        return -self.rooted(self.data.misfit(x))

    def back(self, v: Tensor) -> Tensor:
        """``A' sqrt(W) v``."""
        return self.data.adjoint(self.rooted(v))

    def rooted(self, v: Tensor) -> Tensor:
        """``sqrt(W) v``."""
        weights = self.data.weights
        return v if weights is None else (v.reshape(-1, *weights.shape) * weights.sqrt()).reshape(v.shape)

    def inverse(self, v: Tensor, rho: float | Tensor) -> Tensor:
        """``(B B' + rho)^-1 v``.

        Parameters
        ----------
        v : Tensor, shape (copies * slices, angles, columns)
        rho : float or Tensor
            One value, or one per slice (copies * slices, 1, 1).
        """
        if self.basis is None:
            least = torch.as_tensor(rho, device=v.device, dtype=v.dtype).clamp(min=LEAST)
            return cg(lambda u: self.rooted(self.data.forward(self.back(u))) + least * u, v, iterations=self.iterations)
        values, vectors = self.basis
        parts = self.parts(v)
        per = torch.as_tensor(rho, device=v.device, dtype=v.dtype).clamp(min=LEAST)
        per = per.reshape(-1, 1) if per.ndim else per
        scaled = parts / (values.repeat(len(parts) // len(values), 1) + per)
        return self._through(scaled, vectors.transpose(1, 2)).reshape(v.shape)

    def parts(self, v: Tensor) -> Tensor:
        """The parts of line integrals along the eigenvectors: (copies * slices, m). Only where there is a basis."""
        assert self.basis is not None
        return self._through(v.flatten(1), self.basis[1])

    def mean(self, x0: Tensor, rho: float | Tensor) -> Tensor:
        """``argmin_x |A x - y|^2_W / noise^2 + |x - x0|^2 / r^2``.

        Parameters
        ----------
        x0 : Tensor, shape (copies * slices, y, x)
        rho : float or Tensor
            See :meth:`inverse`.
        """
        return x0 + self.back(self.inverse(self.misfit(x0), rho))

    def discrepancy(self, x0: Tensor) -> Tensor:
        """``rho`` at which :meth:`mean` leaves as much of the data as their noise explains (Morozov).

        One value for each copy of the stack, as (copies * slices, 1, 1): the largest that is tried where the proposal
        explains the data well enough as it is.

        Parameters
        ----------
        x0 : Tensor, shape (copies * slices, y, x)
        """
        misfit, slices = self.misfit(x0), len(self.data.y)
        copies = len(x0) // slices
        low, high = (torch.full((copies,), float(math.log(end)), device=x0.device) for end in (LEAST, MOST))
        for _ in range(HALVINGS if self.basis is not None else HALVINGS // 2):
            middle = (low + high) / 2
            rho = middle.exp().to(x0.dtype).repeat_interleave(slices)[:, None, None]
            left = (rho * self.inverse(misfit, rho)).square().reshape(copies, -1).sum(dim=1)
            too_much = left > self.allowed
            low, high = torch.where(too_much, low, middle), torch.where(too_much, middle, high)
        return low.exp().to(x0.dtype).repeat_interleave(slices)[:, None, None]

    @property
    def allowed(self) -> float:
        """Sum of the squared, weighted misfit that the noise explains."""
        weights = self.data.weights
        usable = self.data.y.numel() if weights is None else int((weights > 0).sum())
        return usable * self.data.noise**2

    def explains(self, x: Tensor, times: float = 1.0) -> bool:
        """Whether a volume (slices, y, x) leaves no more of the data than so many times what their noise explains."""
        return float(self.misfit(x).square().sum()) <= times**2 * self.allowed

    def drawn(self, x0: Tensor, r: float, image: Tensor, line: Tensor, misfit: Tensor | None = None) -> Tensor:
        """A draw from the Gaussian whose mean is :meth:`mean`: that of a proposal and data with errors of their own.

        Perturb and solve; Papandreou and Yuille, NeurIPS 2010.

        Parameters
        ----------
        x0 : Tensor, shape (copies * slices, y, x)
        r : float
            Standard deviation of the error of ``x0``.
        image, line : Tensor
            White noise of the shape of ``x0``, and of its line integrals.
        misfit : Tensor, optional
            Of ``x0``, where the data are others.

        Returns
        -------
        Tensor
            Shape (copies * slices, y, x).
        """
        noise, off = self.data.noise, r * image
        lacking = (self.misfit(x0) if misfit is None else misfit) + noise * line - self.rooted(self.data.forward(off))
        return x0 + off + self.back(self.inverse(lacking, (noise / r) ** 2))

    def _through(self, v: Tensor, matrices: Tensor) -> Tensor:
        """Rows (copies * slices, m) times the matrix of their slice."""
        if len(matrices) == 1:
            return v @ matrices[0]
        return torch.einsum("csm,smn->csn", v.reshape(-1, *matrices.shape[:2]), matrices).reshape(v.shape)


def _gram(data: Scaled, size: int) -> Tensor:
    """``A A'`` for one slice, shape (size, size)."""
    A = data.operator
    rows = torch.eye(size, device=A.device, dtype=A.dtype).split(TOGETHER)
    return torch.cat([A(A.T(row.reshape(-1, *A.range_shape))).reshape(len(row), size) / A.norm**2 for row in rows])
