"""Line integrals ready to reconstruct, and their rotation axis looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..frames import Span, bin_mean
from ..geometry import Beam, ParallelBeam
from ..provenance import Provenance, Provenances
from .selectable import Selectable

if TYPE_CHECKING:
    from ..prepare import AxisEstimate
    from ..prepare.tilt import TiltEstimate

AXIS_ROWS = 16  # rows spread over the detector are plenty to find the axis, and keep it under seconds


@dataclass(frozen=True, eq=False)
class LineIntegrals(Selectable):
    """Line integrals ready to reconstruct.

    Parameters
    ----------
    values : array, shape (angle, v, u), float32
        -log of the transmission (dimensionless).
    geometry : Beam
    weights : array, shape (angle, v, u), float32, optional
        Statistical weights (inverse variances up to a factor); 0 where a pixel is unusable.
    provenance : mapping
        As in :class:`Scan`.
    masked : mapping of str to int
        How many pixels were unusable, per reason.
    steps : tuple of str
        What was done to the data, in words.
    first_row, rows_per_slice : int
        Which rows of the detector these are: the first one, and how many were averaged.
    """

    values: NDArray[np.float32]
    geometry: Beam
    weights: NDArray[np.float32] | None = None
    provenance: Provenances = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    first_row: int = 0
    rows_per_slice: int = 1

    def __post_init__(self) -> None:
        expected = (self.geometry.views, self.geometry.rows, self.geometry.columns)
        if self.values.shape != expected:
            raise ScanError(f"Line integrals of shape {self.values.shape} do not fit a geometry of {expected}.")

    def select_views(self, views: ArrayLike) -> Self:
        """See :meth:`Selectable.select_views`."""
        views = np.asarray(views)
        return self._with(self.geometry.select_views(views), lambda a: a[views])

    def crop(self, rows: Span, columns: Span) -> Self:
        """See :meth:`Selectable.crop`."""
        cut = self._with(self.geometry.crop(rows, columns), lambda a: a[:, rows[0] : rows[1], columns[0] : columns[1]])
        return replace(cut, first_row=self.first_row + rows[0] * self.rows_per_slice)

    def bin(self, factor: int) -> Self:
        """See :meth:`Selectable.bin`. A weighted mean, so that an unusable pixel does not count."""
        geometry, rows = self.geometry.bin(factor), self.rows_per_slice * factor
        if self.weights is None:
            return replace(self._with(geometry, lambda a: bin_mean(a, factor)), rows_per_slice=rows)
        weight = bin_mean(self.weights, factor)
        product = bin_mean(self.values * self.weights, factor)
        plain = bin_mean(self.values, factor)
        values = np.divide(product, weight, out=plain, where=weight > 0)
        return replace(self, geometry=geometry, values=values, weights=weight, rows_per_slice=rows)

    @property
    def detector_rows(self) -> range:
        """The row of the detector, as it was read, that each slice begins at."""
        stop = self.first_row + self.geometry.rows * self.rows_per_slice
        return range(self.first_row, stop, self.rows_per_slice)

    def find_axis(self, tick: Callable[[], None], turned: float) -> Self:
        """With the rotation axis found in the data; the detector's middle, marked assumed, where it cannot be told.

        A tilt that is left is told on top of the degrees by which the projections were turned already.
        """
        lines = self.around(self.estimate_axis(tick))
        tilt = self.estimate_tilt(tick)
        if not tilt.matters:
            return lines
        how = lines.provenance["axis"]
        told = f"{how.where}; tilted by {tilt.degrees:.2f} degrees"
        right = turned + (tilt.degrees or 0.0)
        note = f"{tilt.words()} Slices blur away from the middle row: correct it with --prepare tilt={right:.2f}."
        provenance = {**lines.provenance, "axis": Provenance(how.how, told)}
        return replace(lines, provenance=provenance, notes=(*lines.notes, note))

    def estimate_tilt(self, tick: Callable[[], None] = lambda: None) -> TiltEstimate:
        """Whether the axis leans, by its column in rows far apart."""
        from ..prepare.tilt import find_tilt

        weights = None if self.weights is None else self.weights.swapaxes(0, 1)
        return find_tilt(self.values.swapaxes(0, 1), self.geometry.angles, weights, tick)

    def estimate_axis(self, tick: Callable[[], None] = lambda: None) -> AxisEstimate:
        """What the data say about the rotation axis, with the score of every column that was tried."""
        from ..prepare import find_axis

        rows = np.unique(np.linspace(0, self.geometry.rows - 1, AXIS_ROWS).round().astype(int))
        weights = None if self.weights is None else self.weights[:, rows].swapaxes(0, 1)
        values = self.values[:, rows].swapaxes(0, 1)
        if not isinstance(self.geometry, ParallelBeam):
            from ..prepare.axis_fan import find_fan_axis  # torch is not quick to import

            return find_fan_axis(values, self.geometry, weights, tick)
        return find_axis(values, self.geometry.angles, weights, tick)

    def around(self, found: AxisEstimate) -> Self:
        """Around an axis that was looked for."""
        if found.column is None:
            how = Provenance("assumed", f"middle of the detector; {found.reason}")
            middle = self.with_axis((self.geometry.columns - 1) / 2, how)
            if found.empty:
                return middle
            why = found.reason.removeprefix("cannot tell: ")
            note = (
                f"The rotation axis cannot be told from the data ({why}): the middle of the detector is taken. "
                "Check the angles, or give it with --axis COLUMN."
            )
            return replace(middle, notes=(*self.notes, note))
        how = Provenance("found", f"{found.method}, confidence {found.confidence:.2f}")
        return self.with_axis(found.column, how)

    def _with(self, geometry: Beam, pick: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        weights = None if self.weights is None else pick(self.weights)
        return replace(self, geometry=geometry, values=pick(self.values), weights=weights)
