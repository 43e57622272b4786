"""What every projector offers: ``A(x)``, the exact adjoint ``A.T(y)``, gradients both ways, norm and subsets.

A backend fills in the two products, how to make itself for other angles, and what memory it takes. Other beams
and other kernels are further subclasses; callers do not change.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Beam, VolumeGrid

LANCZOS_STEPS, LANCZOS_TOLERANCE = 30, 1e-6


class _Apply(torch.autograd.Function):
    """A linear map whose gradient is the map of its transpose; works to any order."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, operator: Operator, adjoint: bool) -> Tensor:
        ctx.operator, ctx.adjoint = operator, adjoint
        return operator._backward(values) if adjoint else operator._forward(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Apply.apply(gradient, ctx.operator, not ctx.adjoint), None, None


class Adjoint:
    """The view ``A.T`` of an operator: holds nothing of its own, and ``A.T.T is A``."""

    __slots__ = ("T",)

    def __init__(self, operator: Operator) -> None:
        self.T = operator

    def __call__(self, y: Tensor) -> Tensor:
        """Back-project ``y`` (slices, angles, columns) to (slices, grid, grid)."""
        operator = self.T
        operator._check(y, operator.range_shape, "a sinogram")
        result: Tensor = _Apply.apply(y, operator, True)
        return result


class Operator(ABC):
    """A projector of a stack of slices.

    Parameters
    ----------
    geometry : Beam
        Angles, detector, axis: all that is to be known of the scan.
    volume : VolumeGrid
        Grid of the slices.
    device, dtype
        Where and in which precision (float32 or float64) it works.

    Attributes
    ----------
    matched : bool
        True where ``A.T`` is the transpose of ``A`` to rounding. Unmatched operators must stay out of
        conjugate gradients.
    memory_budget : int
        Bytes that a stored matrix may take, where the backend keeps one.
    once : bool
        Its geometry does not come again, as when it was drawn at random: a stored matrix goes with the operator and is
        not kept for the next one.
    label : str
        Backend and kernel, for records and tables.
    on_chunk : callable or None
        Called between chunks of work, a few times per second, so that a runner can raise
        :class:`fewview.errors.Stopped` out of a long application.
    """

    matched: bool = True
    memory_budget: int = 0
    once: bool = False
    label: str = ""

    def __init__(self, geometry: Beam, volume: VolumeGrid, device: torch.device, dtype: torch.dtype) -> None:
        self.geometry = geometry
        self.volume = volume
        self.device = device
        self.dtype = dtype
        self.on_chunk: Callable[[], None] | None = None

    @abstractmethod
    def _forward(self, x: Tensor) -> Tensor:
        """Project checked images, without regard to gradients."""

    @abstractmethod
    def _backward(self, y: Tensor) -> Tensor:
        """Back-project checked sinograms, without regard to gradients."""

    @abstractmethod
    def _of(self, geometry: Beam, volume: VolumeGrid) -> Self:
        """An operator of the same backend and with the same limits for another geometry."""

    @abstractmethod
    def workspace(self, slices: int) -> int:
        """Bytes that an application to so many slices takes beside its argument and its result."""

    def __call__(self, x: Tensor) -> Tensor:
        """Line integrals of ``x``.

        Parameters
        ----------
        x : Tensor, shape (slices, grid, grid)
            Images, rows downwards.

        Returns
        -------
        Tensor, shape (slices, angles, columns)
            Unit of ``x`` times length (``pixel`` sets the length). Where ``x`` lies in memory with its slices
            innermost, so does the result.
        """
        self._check(x, self.domain_shape, "an image stack")
        result: Tensor = _Apply.apply(x, self, False)
        return result

    @property
    def T(self) -> Adjoint:
        """The exact adjoint, a callable."""
        return Adjoint(self)

    def subset(self, views: Sequence[int] | NDArray[np.int_] | NDArray[np.bool_] | slice) -> Self:
        """Operator of some of the views (indices, boolean mask or slice), in that order.

        Nothing is copied or built here: a matrix, where the backend keeps one, is made at first use and holds
        the chosen views alone, so that all subsets of a partition together cost what the whole costs.
        """
        return self.with_geometry(self.geometry.select_views(views))

    def with_geometry(self, geometry: Beam, volume: VolumeGrid | None = None, memory_budget: int | None = None) -> Self:
        """The operator of another geometry: same backend, device, precision, limits of memory and hook.

        Parameters
        ----------
        geometry : Beam
        volume : VolumeGrid, optional
            The grid of this operator if left out.
        memory_budget : int, optional
            Another one: 0 for an operator that is applied once.

        Returns
        -------
        Operator
            Of the same class.
        """
        other = self._of(geometry, volume or self.volume)
        other.on_chunk, other.once = self.on_chunk, self.once
        if memory_budget is not None:
            other.memory_budget = memory_budget
        return other

    @property
    def angles(self) -> NDArray[np.float64]:
        """View angles, radians."""
        return self.geometry.angles

    @property
    def columns(self) -> int:
        """Detector columns."""
        return self.geometry.columns

    @property
    def grid(self) -> int:
        """Voxels along each side of a slice."""
        return self.volume.side

    @property
    def domain_shape(self) -> tuple[int, int]:
        """Shape of a slice: (grid, grid)."""
        return self.volume.shape

    @property
    def range_shape(self) -> tuple[int, int]:
        """Shape of a slice's line integrals: (views, columns)."""
        return self.views, self.columns

    def zeros(self, slices: int) -> Tensor:
        """Images of zeros, (slices, grid, grid), as the operator takes them."""
        return torch.zeros(slices, *self.domain_shape, device=self.device, dtype=self.dtype)

    def zeros_data(self, slices: int) -> Tensor:
        """Line integrals of zeros, (slices, views, columns), as the operator gives them."""
        return torch.zeros(slices, *self.range_shape, device=self.device, dtype=self.dtype)

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.angles)

    @cached_property
    def norm(self) -> float:
        """Largest singular value."""
        return self._largest_singular_value()

    def _largest_singular_value(self) -> float:
        """By Lanczos' iteration on ``A^T A`` (Golub and Van Loan, section 10.1).

        The start is an image of ones: ``A^T A`` has no negative entry, so its leading vector has none either
        and the start is never orthogonal to it. The result is therefore the same in every run.
        """
        v = (self.zeros(1) + 1) / self.grid
        before, beta = torch.zeros_like(v), 0.0
        diagonal: list[float] = []
        beside: list[float] = []
        largest = 0.0
        with torch.no_grad():
            for _ in range(LANCZOS_STEPS):
                w = self.T(self(v)) - beta * before
                diagonal.append(float((w.double() * v.double()).sum()))
                previous, largest = largest, _largest_eigenvalue(diagonal, beside)
                w -= diagonal[-1] * v
                beta = float(torch.linalg.vector_norm(w.double()))
                if largest - previous <= LANCZOS_TOLERANCE * largest or beta == 0.0:
                    break
                beside.append(beta)
                before, v = v, w / beta
        return math.sqrt(max(largest, 0.0))

    @cached_property
    def _sums(self) -> tuple[Tensor, Tensor]:
        return self._row_and_column_sums()

    def _row_and_column_sums(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            rows, columns = self(self.zeros(1) + 1), self.T(self.zeros_data(1) + 1)
        return rows, columns

    def row_sums(self) -> Tensor:
        """``A`` of ones, shape (1, angles, columns): the length of each ray within the image."""
        return self._sums[0]

    def column_sums(self) -> Tensor:
        """``A.T`` of ones, shape (1, grid, grid): how strongly each pixel is seen."""
        return self._sums[1]

    def tick(self) -> None:
        """Give the runner its turn; it may raise to end the run."""
        if self.on_chunk is not None:
            self.on_chunk()

    def _check(self, values: Tensor, shape: tuple[int, int], what: str) -> None:
        if values.ndim != 3 or tuple(values.shape[1:]) != shape:
            raise ValueError(f"{what} of shape (slices, {shape[0]}, {shape[1]}) is wanted, not {tuple(values.shape)}")
        if values.dtype != self.dtype or values.device != self.device:
            raise ValueError(
                f"the operator works in {self.dtype} on {self.device}, the data are {values.dtype} on {values.device}"
            )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.views} views, {self.columns} columns, {self.grid} x {self.grid}, "
            f"axis {self.geometry.centre:g}, {self.label}, {self.dtype}, {self.device})"
        )


def _largest_eigenvalue(diagonal: Sequence[float], beside: Sequence[float]) -> float:
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    return float(np.linalg.eigvalsh(matrix)[-1])
