"""What was measured: a scan as it lies on disk, and the line integrals made of it. Both immutable.

Choosing views, rows, columns or a binning gives a new value whose angles and axis moved along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ScanError
from .frames import FrameSource, Span, Window, bin_mean
from .geometry import Beam, ParallelBeam, spread_views
from .provenance import Provenance, Provenances

if TYPE_CHECKING:
    from .prepare import AxisEstimate, PrepareOptions
    from .prepare.tilt import TiltEstimate

Kind = Literal["counts", "transmission", "attenuation"]
AXIS_ROWS = 16  # rows spread over the detector are plenty to find the axis, and keep it under seconds


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

    def with_pixel(self, pixel: float | None, how: Provenance | None = None) -> Self:
        """With another pixel size, in mm."""
        provenance = {**self.provenance, "pixel": how or Provenance("given", "by the user")}
        return replace(self, geometry=self.geometry.with_pixel(pixel), provenance=provenance)  # type: ignore[type-var]

    def with_angles(self, angles: ArrayLike, how: Provenance | None = None) -> Self:
        """With other angles, in radians, one per view."""
        provenance = {**self.provenance, "angles": how or Provenance("given", "by the user")}
        return replace(self, geometry=self.geometry.with_angles(angles), provenance=provenance)  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class Scan(Selectable):
    """A scan as measured. Frames stay on disk until they are asked for.

    Parameters
    ----------
    frames : FrameSource
        Projections ``(angle, v, u)``.
    geometry : Beam
        Of what the window shows; its axis is None until given or found.
    flats, darks : FrameSource, optional
        Open-beam and beam-off frames ``(n, v, u)``.
    flat_times : array, optional
        When each flat was taken: 0 before the scan, 1 after it.
    view_times : array, optional
        When each of the frames was taken, 0 to 1; equally spaced without.
    monitor : array, optional
        Beam during each of the frames, relative to that of the flats.
    kind : {"counts", "transmission", "attenuation"}
        What the frames hold: raw counts, I/I0, or -log(I/I0).
    provenance : mapping
        How angles, pixel, flats, darks, kind and axis came to be.
    notes : tuple of str
        What a user should know: oddities found, things left out.
    paths : tuple of Path
        Files that were read, the one the user named first.
    window : Window, optional
        What is looked at; everything by default.
    """

    frames: FrameSource
    geometry: Beam
    flats: FrameSource | None = None
    darks: FrameSource | None = None
    flat_times: NDArray[np.float64] | None = None
    view_times: NDArray[np.float64] | None = None
    monitor: NDArray[np.float64] | None = None
    kind: Kind = "counts"
    provenance: Provenances = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    window: Window = None  # type: ignore[assignment]  # filled below: its default depends on the frames

    def __post_init__(self) -> None:
        if self.window is None:
            object.__setattr__(self, "window", Window.whole(self.frames.shape))
        if len(self.window.frames) != self.geometry.views:
            raise ScanError(
                f"{self.geometry.views} angles for {len(self.window.frames)} frames.",
                "Give one angle per frame, with --angles START:STOP or an angle file.",
            )
        for name, source in (("flat", self.flats), ("dark", self.darks)):
            if source is not None and source.shape[1:] != self.frames.shape[1:]:
                raise ScanError(
                    f"The {name} frames are {source.shape[1]} x {source.shape[2]} pixels, "
                    f"the projections {self.frames.shape[1]} x {self.frames.shape[2]}.",
                    f"Use {name} frames taken with the same detector window.",
                )

    def select_views(self, views: ArrayLike) -> Self:
        """See :meth:`Selectable.select_views`."""
        return replace(self, geometry=self.geometry.select_views(views), window=self.window.select(views))

    def crop(self, rows: Span, columns: Span) -> Self:
        """See :meth:`Selectable.crop`."""
        return replace(self, geometry=self.geometry.crop(rows, columns), window=self.window.crop(rows, columns))

    def bin(self, factor: int) -> Self:
        """See :meth:`Selectable.bin`. Flats, darks and masks are applied to full pixels first."""
        return replace(self, geometry=self.geometry.bin(factor), window=self.window.binned(factor))

    def read(self) -> NDArray[np.float32]:
        """Frames through the window, as measured, float32 ``(angle, v, u)``."""
        return self.window.read(self.frames)

    def read_flats(self) -> NDArray[np.float32] | None:
        """Flat frames in full pixels within the window, or None."""
        return self._read_field(self.flats, self.window)

    def read_darks(self) -> NDArray[np.float32] | None:
        """Dark frames in full pixels within the window, or None."""
        return self._read_field(self.darks, self.window)

    def _read_field(self, source: FrameSource | None, window: Window) -> NDArray[np.float32] | None:
        if source is None:
            return None
        everything = replace(window, frames=np.arange(source.shape[0], dtype=np.intp))
        return everything.read(source, binned=False)

    def line_integrals(
        self,
        options: PrepareOptions | None = None,
        axis: float | Literal["auto"] | None = "auto",
        tick: Callable[[], None] = lambda: None,
    ) -> LineIntegrals:
        """Flats, darks, repairs and -log as ``options`` say, then the rotation axis.

        Parameters
        ----------
        options : PrepareOptions, optional
            Defaults: flats and darks by mean, dead and zero pixels masked.
        axis : float, "auto" or None
            Column of the rotation axis; "auto" keeps a known one and finds an unknown one; None leaves it unknown.
        tick : callable
            Called several times per second; what it raises ends the work.

        Raises
        ------
        ScanError
            Counts without flats.
        """
        from .prepare import PrepareOptions
        from .prepare import line_integrals as prepare

        options = options or PrepareOptions()
        around = self._around(options.tilt)
        everything = self.frames.shape[0]
        times = (np.arange(everything) + 0.5) / everything if self.view_times is None else self.view_times
        prepared = prepare(
            around.read(self.frames, binned=False),
            self._read_field(self.flats, around),
            self._read_field(self.darks, around),
            self.kind,
            options,
            flat_times=self.flat_times,
            view_times=times[self.window.frames],
            monitor=None if self.monitor is None else self.monitor[self.window.frames],
            bin=self.window.bin,
            tick=tick,
        )
        values, weights = self._upright(prepared.values, prepared.weights, options.tilt, around, tick)
        steps = [*prepared.steps, f"turned by {options.tilt:g} degrees"] if options.tilt else prepared.steps
        lines = LineIntegrals(
            values=values,
            geometry=self.geometry,
            weights=weights,
            provenance=self.provenance,
            masked=prepared.counts,
            steps=tuple(steps),
            notes=(*self.notes, *self._dead_rows(weights)),
            paths=self.paths,
        )
        if isinstance(axis, (int, float)):
            return lines.with_axis(float(axis))
        if axis == "auto" and self.geometry.axis is None:
            return lines.find_axis(tick)
        return lines

    def _around(self, tilt: float) -> Window:
        """The window, with the rows above and below that turning it by a tilt takes in."""
        if tilt == 0:
            return self.window
        from .prepare.tilt import margin

        more = margin(tilt, self.geometry.columns) * self.window.bin
        first, last = self.window.rows
        above = min(more, first) // self.window.bin * self.window.bin
        below = min(more, self.frames.shape[1] - last) // self.window.bin * self.window.bin
        return replace(self.window, rows=(first - above, last + below))

    def _upright(
        self,
        values: NDArray[np.float32],
        weights: NDArray[np.float32],
        tilt: float,
        around: Window,
        tick: Callable[[], None],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Prepared data of the window around, turned about the middle of the detector and cut to the window."""
        if tilt == 0:
            return values, weights
        from .prepare.tilt import upright

        def middle(size: int, first: int) -> float:
            return ((size - 1) / 2 - first + 0.5) / around.bin - 0.5

        _, rows, columns = self.frames.shape
        centre = middle(rows, around.rows[0]), middle(columns, around.columns[0])
        turned = upright(values, weights, tilt, centre, tick)
        first = (self.window.rows[0] - around.rows[0]) // around.bin
        values, weights = (part[:, first : first + self.geometry.rows] for part in turned)
        return values, weights

    def _dead_rows(self, weights: NDArray[np.float32]) -> list[str]:
        """A note on rows without a single usable pixel, which the beam's slits may cut off: as --rows counts them."""
        dead = np.flatnonzero(~(weights > 0).any(axis=(0, 2)))
        if not 0 < len(dead) < weights.shape[1]:
            return []
        first, size = self.window.rows[0], self.window.bin
        spans = np.split(dead, np.flatnonzero(np.diff(dead) > 1) + 1)
        named = ", ".join(f"{first + part[0] * size}:{first + (part[-1] + 1) * size}" for part in spans)
        return [f"The detector rows {named} hold no usable pixel and stay empty: leave them out with --rows A:B."]


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
    """

    values: NDArray[np.float32]
    geometry: Beam
    weights: NDArray[np.float32] | None = None
    provenance: Provenances = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()

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
        return self._with(self.geometry.crop(rows, columns), lambda a: a[:, rows[0] : rows[1], columns[0] : columns[1]])

    def bin(self, factor: int) -> Self:
        """See :meth:`Selectable.bin`. A weighted mean, so that an unusable pixel does not count."""
        geometry = self.geometry.bin(factor)
        if self.weights is None:
            return self._with(geometry, lambda a: bin_mean(a, factor))
        weight = bin_mean(self.weights, factor)
        product = bin_mean(self.values * self.weights, factor)
        plain = bin_mean(self.values, factor)
        values = np.divide(product, weight, out=plain, where=weight > 0)
        return replace(self, geometry=geometry, values=values, weights=weight)

    def find_axis(self, tick: Callable[[], None] = lambda: None) -> Self:
        """With the rotation axis found in the data; the detector's middle, marked assumed, where it cannot be told."""
        lines = self.around(self.estimate_axis(tick))
        tilt = self.estimate_tilt(tick)
        if not tilt.matters:
            return lines
        how = lines.provenance["axis"]
        told = f"{how.where}; tilted by {tilt.degrees:.2f} degrees"
        note = (
            f"{tilt.words()} Slices blur away from the middle row: correct it with --prepare tilt={tilt.degrees:.2f}."
        )
        provenance = {**lines.provenance, "axis": Provenance(how.how, told)}
        return replace(lines, provenance=provenance, notes=(*lines.notes, note))

    def estimate_tilt(self, tick: Callable[[], None] = lambda: None) -> TiltEstimate:
        """Whether the axis leans, by its column in rows far apart."""
        from .prepare.tilt import find_tilt

        weights = None if self.weights is None else self.weights.swapaxes(0, 1)
        return find_tilt(self.values.swapaxes(0, 1), self.geometry.angles, weights, tick)

    def estimate_axis(self, tick: Callable[[], None] = lambda: None) -> AxisEstimate:
        """What the data say about the rotation axis, with the score of every column that was tried."""
        from .prepare import find_axis

        rows = np.unique(np.linspace(0, self.geometry.rows - 1, AXIS_ROWS).round().astype(int))
        weights = None if self.weights is None else self.weights[:, rows].swapaxes(0, 1)
        values = self.values[:, rows].swapaxes(0, 1)
        if not isinstance(self.geometry, ParallelBeam):
            from .prepare.axis_fan import find_fan_axis  # torch is not quick to import

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
