"""A scan as it lies on disk, and the way to its line integrals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..frames import FrameSource, Span, Window
from ..geometry import Beam
from ..provenance import Provenances
from .advice import still_due
from .line_integrals import LineIntegrals
from .selectable import Selectable

if TYPE_CHECKING:
    from ..prepare import PrepareOptions

Kind = Literal["counts", "transmission", "attenuation"]


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
        return self._read_frames(self.flats, self.window)

    def read_darks(self) -> NDArray[np.float32] | None:
        """Dark frames in full pixels within the window, or None."""
        return self._read_frames(self.darks, self.window)

    def _read_frames(self, source: FrameSource | None, window: Window) -> NDArray[np.float32] | None:
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

        Returns
        -------
        LineIntegrals
            Of the views, rows and columns that are chosen, binned, with weights of mean 1 and the steps in words.

        Raises
        ------
        ScanError
            Counts without flats.
        """
        from ..prepare import PrepareOptions
        from ..prepare import line_integrals as prepare

        options = options or PrepareOptions()
        around = self._around(options.tilt)
        everything = self.frames.shape[0]
        times = (np.arange(everything) + 0.5) / everything  # 0 to 1
        prepared = prepare(
            around.read(self.frames, binned=False),
            self._read_frames(self.flats, around),
            self._read_frames(self.darks, around),
            self.kind,
            options,
            flat_times=self.flat_times,
            view_times=times[self.window.frames],
            monitor=None if self.monitor is None else self.monitor[self.window.frames],
            bin=self.window.bin,
            tick=tick,
        )
        values, weights = self._upright(prepared.values, prepared.weights, options.tilt, around, tick)
        first = around.rows[0], around.columns[0]
        steps = [*prepared.steps, f"turned by {options.tilt:g} degrees"] if options.tilt else prepared.steps
        lines = LineIntegrals(
            values=values,
            geometry=self.geometry,
            weights=weights,
            provenance=self.provenance,
            masked=prepared.counts,
            steps=tuple(steps),
            notes=(
                *still_due(self.notes, options, self.window.rows),
                *self._dead_rows(weights),
                *prepared.outlying.notes(first),
            ),
            paths=self.paths,
            first_row=self.window.rows[0],
            rows_per_slice=self.window.bin,
        )
        if isinstance(axis, (int, float)):
            return lines.with_axis(float(axis))
        if axis == "auto" and self.geometry.axis is None:
            return lines.find_axis(tick, options.tilt)
        return lines

    def _around(self, tilt: float) -> Window:
        """The window, with the rows above and below that turning it by a tilt takes in."""
        if tilt == 0:
            return self.window
        from ..prepare.tilt import margin

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
        from ..prepare.tilt import upright

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
