"""Paints the newest estimate of the running reconstruction, as often as the screen can bear and no oftener.

A timer takes what is newest from the stream (:mod:`fewview.runs.worker.stream`); estimates that come faster are never
queued. What napari shows is shared memory that nobody writes to; at the end the layer gets memory of its own.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from ...runs.worker.queue import RunQueue
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import METADATA, contrast, extra_look, facts, finer_place, regions_on_top, stepped, tells_nothing
from ..common.names import extra_name, without_prefix
from ..unit_of_layers import brought
from .run_end import ended, left_layer, name_at_end

THREE_D_MS = 500  # ray casting costs far more than a slice
REST = 3.0  # times the last painting: the event loop must breathe
TICK_MS = 250  # of bars and tables


@dataclass
class Shown:
    """How a run is shown.

    Parameters
    ----------
    name : str
        Of its layer.
    place : dict
        Scale, translate, units, axis labels.
    metadata : dict
        For the layer, beside the run's number and record.
    reuse : bool
        Whether the layer that showed the same of the same scan is replaced, whatever it is called by now.
    """

    name: str
    place: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    reuse: bool = False

    @property
    def title(self) -> str:
        """The name without that of its scan."""
        return without_prefix(self.metadata.get("prefix", ""), self.name)


class LiveView(QObject):
    """One per viewer."""

    painted = Signal(str)  # name of the layer
    ticked = Signal()  # slow: for bars, tables and plots
    ended = Signal(object)  # QueuedRun

    def __init__(self, viewer: Any, queue: RunQueue, interval_ms: int) -> None:
        super().__init__()
        self._viewer = viewer
        self._queue = queue
        self._interval = interval_ms
        self._shown: dict[int, Shown | None] = {}
        self._run: QueuedRun | None = None
        self._layer: Any = None
        self._limits: tuple[float, float] | None = None
        self._frames = 0
        self._extras: dict[str, Any] = {}
        self._extra_number = 0
        self._last_tick = 0.0
        self.sequence = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)

    def expect(self, run: QueuedRun, shown: Shown | None) -> None:
        """Say how a run will be shown; None: not at all."""
        self._shown[run.number] = shown

    def forget(self, run: QueuedRun) -> None:
        """A run was taken out of the queue: nothing will come of it."""
        self._shown.pop(run.number, None)

    def follow_pixel(self, scan: str, before: float | None, edge: float | None) -> None:
        """The pixel size of a scan was told or corrected: what is to come of it lies by the new one.

        Parameters
        ----------
        scan : str
            Its path.
        before, edge : float or None
            mm of a pixel of its volume until now, and from now on; None where nobody knows.
        """
        for number, shown in self._shown.items():
            if shown is not None and shown.metadata.get("of") == scan:
                found = brought(shown.place, shown.metadata, before, edge)
                if found is not None:
                    self._shown[number] = replace(shown, place=found[0], metadata=found[1])

    def start(self) -> None:
        """Look for estimates from now on."""
        if not self._timer.isActive():
            # A full collection over all that napari and torch have made stops the screen for some 150 ms: while
            # estimates come, only what is new is looked through. What was there waits for the end of the run.
            gc.freeze()
            self._timer.start(self._interval)

    @property
    def showing(self) -> bool:
        """Whether a run has not come to its end on the screen yet."""
        return bool(self._shown)

    def left(self) -> Any:
        """Layer, in no viewer, of a run that ended after the last painting; None without one."""
        run = self._queue.current
        shown = None if run is None else self._shown.get(run.number)
        if run is None or shown is None or not run.over or run.volume is None:
            return None
        return left_layer(run, shown, self._layer if run is self._run else None)

    def close(self) -> None:
        """Stop looking, and let go of shared memory."""
        self._timer.stop()
        gc.unfreeze()
        self._let_go()

    def _tick(self) -> None:
        began = time.monotonic()
        current = self._queue.current
        if current is not None and current is not self._run and not current.over:
            self._begin(current)
        making = self._paint()
        run = self._run
        if run is not None and run.over:
            self._end(run)
        elif current is not None and current.over and current is not self._run:
            self._begin(current)  # over between two ticks
            self._end(current)
        if began - self._last_tick > TICK_MS / 1000 or not self._queue.busy:
            self._last_tick = began
            self.ticked.emit()
        took = (time.monotonic() - began - making) * 1000
        floor = THREE_D_MS if self._viewer.dims.ndisplay == 3 else self._interval
        if self._shown:
            self._timer.start(max(floor, round(REST * took)))
        else:
            gc.unfreeze()

    def _begin(self, run: QueuedRun) -> None:
        self._run, self._layer, self._limits, self.sequence, self._frames = run, None, None, 0, 0
        self._extras, self._extra_number = {}, 0

    def _paint(self) -> float:
        """Show the newest estimate; returns the seconds that making its layer took, which no painting takes again."""
        run = self._run
        if run is None or run.over:
            return 0.0
        frame = self._queue.take_frame()
        shown = self._shown.get(run.number)
        if frame is None or shown is None:
            return 0.0
        making = 0.0
        if self._layer is None:
            began = time.monotonic()
            self._add(frame.volume, shown, run)
            making = time.monotonic() - began
            frame = self._queue.take_frame() or frame  # many may have come meanwhile
        self._show(frame.volume)
        self._show_extras(run, shown)
        self.sequence = frame.sequence
        self.painted.emit(shown.name)
        return making

    def _show(self, volume: NDArray[Any]) -> None:
        if self._layer not in self._viewer.layers:
            return  # the user took it away; the result comes back at the end
        self._layer.data = volume
        self._frames += 1
        # FBP's streaks set the limits of the first look, and settings under trial those of some more: each time when
        # twice as many frames were seen, the limits follow.
        if self._frames & (self._frames - 1) == 0:
            self._rescale(volume)

    def _add(self, volume: NDArray[Any], shown: Shown, run: QueuedRun) -> None:
        limits = contrast(volume)
        about = {**shown.metadata, "run": run.number}
        metadata = {METADATA: {**about, "shows": shown.name} if shown.reuse else about}
        before = self._before(shown) if shown.reuse else None
        if before is not None:
            self._layer = before
            before.data = volume
            for key, value in shown.place.items():  # the scan's pixel size may have been corrected since
                setattr(before, key, value)
            metadata[METADATA]["prefix"] = facts(before.metadata).get("prefix", "")
            before.metadata = metadata
            return
        self._layer = self._viewer.add_image(
            volume, name=shown.name, contrast_limits=limits, colormap="gray", metadata=metadata, **shown.place
        )
        self._limits = limits
        self._centre(volume, shown)
        if shown.metadata.get("look"):
            self._viewer.reset_view()  # it lies beside what was in sight
        if self._viewer.canvas.grid.enabled:
            return  # the grid has an order of its own
        regions_on_top(self._viewer.layers)

    def _before(self, shown: Shown) -> Any:
        """The layer that is replaced; None where there is none."""
        wanted = shown.name, shown.metadata.get("of")
        known = ((layer, facts(layer.metadata)) for layer in self._viewer.layers)
        return next((layer for layer, about in known if (about.get("shows"), about.get("of")) == wanted), None)

    def _centre(self, volume: NDArray[Any], shown: Shown) -> None:
        """Show a slice that exists: the middle one of the first volume, or the one just previewed."""
        dims = self._viewer.dims
        if dims.ndim < 3:
            return
        scale, first = shown.place["scale"][0], shown.place["translate"][0]
        index = round((dims.point[-3] - first) / scale + 1e-6)  # between two slices the viewer shows the next one
        if not 0 <= index < len(volume) or len(self._viewer.layers) == 1:
            dims.set_point(dims.ndim - 3, first + (len(volume) // 2) * scale)

    def _rescale(self, volume: NDArray[Any]) -> None:
        """New contrast limits, unless the user has chosen some."""
        layer = self._layer
        if layer is not None and self._limits is not None and tuple(layer.contrast_limits) == self._limits:
            layer.contrast_limits = contrast(volume)
            self._limits = tuple(layer.contrast_limits)

    def _end(self, run: QueuedRun) -> None:
        shown = self._shown.pop(run.number, None)
        if shown is not None and run.volume is not None:
            if self._layer is None or self._layer not in self._viewer.layers:
                self._layer = None
                self._add(run.volume, shown, run)
            layer = self._layer
            layer.data = run.volume
            self._rescale(run.volume)
            layer.metadata = ended(layer.metadata, run)
            if not shown.reuse:
                self._name(layer, shown, run)
            self._show_extras(run, shown)
            self.painted.emit(layer.name)
            if shown.metadata.get("look"):
                self._viewer.reset_view()  # it lies beside what was in sight
        self._run, self._layer = None, None
        self._queue.release()
        self.ended.emit(run)

    def _name(self, layer: Any, shown: Shown, run: QueuedRun) -> None:
        name = name_at_end(layer.name, layer.metadata, shown.title, run)
        if name != layer.name:
            layer.name = name
            run.title = layer.name

    def _show_extras(self, run: QueuedRun, shown: Shown) -> None:
        """Further volumes ("std") as layers under the result, hidden: one click shows where it is uncertain."""
        layers, layer = self._viewer.layers, self._layer
        if layer not in layers:
            return
        for name, made in self._extras.items():  # the name of the result may have changed
            made.name = extra_name(layer.name, name)
        if run.extra_number == self._extra_number:
            return
        self._extra_number = run.extra_number
        for name, volume in stepped(run.extra).items():
            made = self._extras.get(name)
            if tells_nothing(name, volume):
                if self._extras.pop(name, None) in layers:
                    layers.remove(made)
            elif made is None:
                self._extras[name] = self._add_extra(name, volume, shown, layer)
            elif made in layers:
                before, made.data = extra_look(name, made.data)["contrast_limits"], volume
                if np.allclose(made.contrast_limits, before):  # of an early estimate, and not of the user
                    made.contrast_limits = extra_look(name, volume)["contrast_limits"]

    def _add_extra(self, name: str, volume: NDArray[Any], shown: Shown, layer: Any) -> Any:
        layers = self._viewer.layers
        selected = list(layers.selection)
        about = {key: shown.metadata.get(key, "") for key in ("of", "prefix")}
        if name != "refused":  # it holds yes and no
            about["unit"] = shown.metadata.get("unit")
        made = self._viewer.add_image(
            volume,
            name=extra_name(layer.name, name),
            **extra_look(name, volume),
            visible=False,
            metadata={METADATA: {"extra": name, **about}},
            **finer_place(shown.place, layer.data.shape, volume.shape),
        )
        layers.move(layers.index(made), layers.index(layer))
        layers.selection = selected
        return made

    def _let_go(self) -> None:
        """Before the shared memory goes: no layer may look at it."""
        run, layer = self._run, self._layer
        if run is not None and layer is not None and layer in self._viewer.layers and not run.over:
            layer.data = layer.data.copy()
        self._run, self._layer = None, None
