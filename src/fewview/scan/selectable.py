"""Choosing views, rows, columns, a binning: a new value each time, whose angles and axis moved along."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ScanError
from ..frames import Span
from ..geometry import Beam, spread_views
from ..provenance import Provenance, Provenances


class Selectable(ABC):
    """Choices that a scan and its line integrals share; each returns a new value."""

    geometry: Beam
    provenance: Provenances

    @abstractmethod
    def select_views(self, views: ArrayLike) -> Self:
        """Only these views (indices or a mask), in that order."""

    @abstractmethod
    def crop(self, rows: Span, columns: Span) -> Self:
        """Only this window of the detector, ``[start, stop)``."""

    @abstractmethod
    def bin(self, factor: int) -> Self:
        """Average ``factor`` x ``factor`` detector pixels."""

    @property
    def views(self) -> int:
        """Number of views."""
        return self.geometry.views

    def rows(self, start: int, stop: int) -> Self:
        """Only the detector rows (slices of the volume) ``start`` to ``stop`` (exclusive)."""
        return self.crop((start, stop), (0, self.geometry.columns))

    def columns(self, start: int, stop: int) -> Self:
        """Only the detector columns ``start`` to ``stop`` (exclusive); the axis moves along."""
        return self.crop((0, self.geometry.rows), (start, stop))

    def sparse(self, count: int) -> Self:
        """``count`` views spread equally over the directions measured (see :func:`~fewview.geometry.spread_views`)."""
        return self.select_views(spread_views(self.geometry.angles, count, self.geometry.period))

    def drop_views(self, views: ArrayLike) -> Self:
        """Everything but these views (indices)."""
        keep = np.ones(self.views, dtype=bool)
        keep[np.asarray(views)] = False
        if not keep.any():
            raise ScanError("No view is left.", "Drop fewer views.")
        return self.select_views(keep)

    def with_axis(self, axis: float | None, how: Provenance | None = None) -> Self:
        """Around another rotation axis (0-based column)."""
        provenance = {**self.provenance, "axis": how or Provenance("given", "by the user")}
        return replace(self, geometry=self.geometry.with_axis(axis), provenance=provenance)  # type: ignore[type-var]

    def with_pixel(self, pixel: float | None) -> Self:
        """With another pixel size, in mm."""
        provenance = {**self.provenance, "pixel": Provenance("given", "by the user")}
        return replace(self, geometry=self.geometry.with_pixel(pixel), provenance=provenance)  # type: ignore[type-var]

    def with_angles(self, angles: ArrayLike) -> Self:
        """With other angles, in radians, one per view."""
        provenance = {**self.provenance, "angles": Provenance("given", "by the user")}
        return replace(self, geometry=self.geometry.with_angles(angles), provenance=provenance)  # type: ignore[type-var]
