"""What the docks of one viewer share: the scan, the queue of runs, the live view, the settings."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from napari.qt.threading import WorkerBase
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from ..errors import FewviewError
from ..io.volume_out import PER_MM, PER_PIXEL
from ..methods.interface import Method
from ..runs.recipe import Recipe
from ..runs.worker.queue import RunQueue
from ..runs.worker.queued_run import QueuedRun
from .closing import End, halt, told_to_close
from .common.graphics import ready_for_commands, still
from .common.layers import METADATA, facts, projection_layer, spatial
from .common.notify import complain, tell, warn
from .common.settings import Settings
from .common.words import without_flags
from .copies import disown
from .files.drops import PictureDrops
from .files.layer_files import files_of
from .keys.bindings import KeyBindings
from .reconstruct.live_view import LiveView, Shown
from .reconstruct.run_presenter import failure, run_title
from .reconstruct.supervisor import listen
from .scan.axis_search import AxisSearch
from .scan.presenter import ScanPresenter
from .scan.samples import volumes_of
from .scans import Scans
from .session import SessionKeeper

_benches: dict[int, Workbench] = {}


def workbench_of(viewer: Any) -> Workbench:
    """The workbench of a viewer; the same one for all its docks."""
    key = id(getattr(viewer, "__wrapped__", viewer))  # plugins get a proxy, a new one each time
    if key not in _benches:
        _benches[key] = Workbench(viewer, key)
    return _benches[key]


class Workbench(QObject):
    """Shared state of the docks of one viewer. Lives as long as the viewer's window."""

    scan_changed = Signal()
    runs_changed = Signal()
    ticked = Signal()
    painted = Signal(str)
    axis_found = Signal()
    restored = Signal(object)  # Recipe

    def __init__(self, viewer: Any, key: int) -> None:
        super().__init__()
        self.viewer = viewer
        self.settings = Settings()
        self.scans = Scans(viewer)
        self.scans.still = self._still
        self.queue = RunQueue(memory_mb=self.settings.memory_mb)
        self.runs: list[QueuedRun] = []
        self.to_come: list[dict[str, Any]] = []  # runs that are queued once another one is done, as wishes
        self.live = LiveView(viewer, self.queue, self.settings.interval_ms)
        self.live.ticked.connect(self.ticked)
        self.live.painted.connect(self.painted)
        self.live.ended.connect(self._on_end)
        self.scans.moved.append(self.live.follow_pixel)
        self._key = key
        self._count = 0
        self._listener: Any = None
        self.axis_search = AxisSearch(self)
        self._asked: list[ScanPresenter] = []
        self._window: QWidget | None = None
        self.actions: dict[str, Callable[[], None]] = {}
        self._keys = KeyBindings(viewer, self.act)
        self.keeper = SessionKeeper(self)
        viewer.layers.events.inserted.connect(self._on_layer)
        viewer.layers.events.removing.connect(self._before_removal)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    # -- the scan ------------------------------------------------------------------------------------------------

    @property
    def scan(self) -> ScanPresenter:
        """The scan that the docks mean."""
        return self.scans.current

    def open(self, path: str, auxiliary: str | None = None, reference: str | None = None, **said: Any) -> None:
        """Load a scan, with its other volumes, beside the ones that are open, and show its projections.

        Parameters
        ----------
        path : str
            Of the scan.
        auxiliary : str, optional
            File of the X-ray volume.
        reference : str, optional
            File of the reference.
        **said
            What the user says of the scan.
        """
        scan = ScanPresenter()
        try:
            scan.load(path, **said)
        except FewviewError as error:
            complain(error)
            return
        scan.auxiliary, scan.reference = auxiliary, reference
        self.take_in(scan)
        self.add_volumes(scan)
        self.show_projections(True)

    def add_volumes(self, scan: ScanPresenter) -> None:
        """Show X-ray volume and reference of a scan, where they are not there already."""
        known = {file for layer in self.viewer.layers for file in files_of(layer)}
        for layer in volumes_of(scan):
            if not files_of(layer) & known:
                self.viewer.add_layer(layer)
        self.scans.park()  # a file may say no size of its voxels
        self.scans.name_layers()

    def take_in(self, scan: ScanPresenter) -> None:
        """Mean a new scan; the Scan dock then asks whether the one before is to stay."""
        others = [one for one in self.scans.all if one.path != scan.path]
        self._asked = [one for one in others if one is self.scan]
        self.scans.add(scan)
        if self._asked:
            label = self.scans.label
            tell(f"{label(scan)} lies beside {label(self._asked[0])}; the Scan dock asks whether both are to stay.")
        self.scan_changed.emit()
        self.axis_search.find_unknown()

    @property
    def asked(self) -> ScanPresenter | None:
        """The scan that was there before, while the user has not said whether it is to stay."""
        return next((scan for scan in self._asked if scan in self.scans.all and scan is not self.scan), None)

    def answer(self, keep: bool) -> None:
        """Beside the scan that was there, or instead of it; one that a run is on stays, and the question with it."""
        before = self.asked
        if before is not None and not keep and self.in_use(before):
            return
        self._asked = []
        if before is not None and not keep:
            self.scans.close(before)
        self.scan_changed.emit()

    def forget_scan(self) -> None:
        """Close the scan that is meant, with its layers."""
        if not self.in_use(self.scan):
            self.scans.close(self.scan)
            self.scan_changed.emit()

    def in_use(self, scan: ScanPresenter) -> bool:
        """Whether a run or a training on a scan goes on or waits, which is then said: it would have no place."""
        trainings = [one for one in (self.queue.current, *self.queue.waiting) if one and "weights" in one.payload]
        runs = [one for one in (*self.runs, *trainings) if not one.over and one.scan == scan.path]
        if runs:
            warn(f"“{runs[0].title}” is not over: {self.scans.label(scan)} cannot be closed. Stop the run first.")
        return bool(runs)

    def mean(self, scan: ScanPresenter) -> None:
        """Have the docks show another of the open scans."""
        if scan is not self.scan:
            self.scans.choose(scan)
            self.scan_changed.emit()
            self.axis_search.find_unknown()

    def say(self, **said: Any) -> str:
        """Correct what is known of the scan (angles, pixel size, ...); returns why that was refused, if it was."""
        try:
            self.scan.say(**said)
        except FewviewError as error:
            return without_flags(str(error))
        self.scans.park()  # lengths may be in mm from now on
        self.scan_changed.emit()
        self.show_projections(self.projections_shown or not self.scans.results_of(self.scan))
        self.axis_search.find_unknown()
        return ""

    def show_projections(self, shown: bool) -> None:
        """Put the projections into the viewer, or take them out."""
        for layer in self._projections():
            self.viewer.layers.remove(layer)
        if shown and self.scan.ready:
            data, keywords, _ = projection_layer(self.scan.projections(), self.scan.path, self.scan.pixel)
            keywords["name"] = self.scans.prefix(self.scan) + keywords["name"]
            keywords["metadata"][METADATA]["prefix"] = self.scans.prefix(self.scan)
            self.viewer.add_image(data, **keywords)
            self.scans.reset_view()

    def _projections(self) -> list[Any]:
        """Layers of the projections of the scan that is meant."""
        path = self.scan.path
        return [layer for layer in self.viewer.layers if path and facts(layer.metadata).get("scan") == path]

    @property
    def projections_shown(self) -> bool:
        """Whether the projections are in the viewer."""
        return bool(self._projections())

    def _on_layer(self, event: Any) -> None:
        """A scan that was dropped on napari comes as a layer: the docks take it from there."""
        about = disown(event.value, [one for one in self.viewer.layers if one is not event.value])
        path = about.get("scan")
        if not path or path == self.scan.path or self.scans.returning:
            if "run" in about or "axis" in about:
                QTimer.singleShot(0, self._sort)
            return
        scan = ScanPresenter()
        try:
            scan.load(path)
        except FewviewError as error:
            complain(error)
            return
        scan.auxiliary, scan.reference = about.get("auxiliary"), about.get("reference")
        scan.views = about.get("views")
        self.take_in(scan)
        QTimer.singleShot(0, self._settle)  # napari is not done with the layer yet

    def _sort(self) -> None:
        """A result came: those of scans that are not meant stay out of sight; the first of a scan is shown whole."""
        for layer in list(self.viewer.layers):
            if layer.visible:
                self.scans.came(layer)
        self.scans.name_layers()
        if len(self.scans.results_of(self.scan)) == 1:
            self.scans.reset_view()

    def _settle(self) -> None:
        """What was dropped without angles has no picture yet: its stand-in goes. The view begins at the new scan."""
        for layer in self._projections():
            if facts(layer.metadata).get("standin"):
                self.viewer.layers.remove(layer)
        if len(self.viewer.layers):
            self.scans.reset_view()

    # -- runs ----------------------------------------------------------------------------------------------------

    def run(self, recipe: Recipe, method: Method[Any], scan: ScanPresenter | None = None, note: str = "") -> QueuedRun:
        """Queue a run, by default on the scan that is meant; its layer appears with its first estimate.

        Parameters
        ----------
        recipe : Recipe
        method : Method
        scan : ScanPresenter, optional
        note : str
            What is to be said about its settings.

        Returns
        -------
        QueuedRun
            Waiting.
        """
        scan = scan or self.scan
        self._count += 1
        views = recipe.views or scan.shape[0]
        prefix = self.scans.prefix(scan)
        title = prefix + run_title(recipe, method, views, self._count)
        run = self.queue.submit(title, {"recipe": recipe.model_dump(mode="json")})
        run.note = note
        self.runs.append(run)
        first = recipe.rows[0] if recipe.rows is not None else 0
        edge = scan.edge
        place = spatial((1, 1, 1), None if edge is None else edge * recipe.bin, first, recipe.bin)
        about = {"recipe": recipe.compact(), "title": title, "of": scan.path, "prefix": prefix}
        about["unit"] = PER_PIXEL if edge is None else PER_MM
        self.live.expect(run, Shown(title, place, about))
        self.keeper.settings = recipe
        self.show_projections(False)  # their angle axis would share a slider with the slices
        self.scan_changed.emit()
        self.go()
        return run

    def cancel(self, run: QueuedRun) -> None:
        """Take a waiting run out of the queue."""
        self.queue.cancel(run)
        if run.over and not run.began:
            self.live.forget(run)
        self.runs_changed.emit()

    def find_axis(self) -> None:
        """Have the axis found, and the slice around it drawn."""
        self.axis_search.find()

    @property
    def finding_axis(self) -> bool:
        """Whether the axis is being looked for."""
        return self.axis_search.finding

    def shown_row(self) -> int:
        """Detector row of the slice that the viewer shows; the first of those that it was binned of."""
        rows = self.scan.shape[1]
        if not rows:
            return 0
        if self.projections_shown:
            return rows // 2
        row = self.viewer.dims.point[-3] / (self.scan.edge or 1.0) if self.viewer.dims.ndim > 2 else 0.0
        return int(np.clip(np.ceil(row - 0.5 - 1e-6), 0, rows - 1))

    # -- keys ----------------------------------------------------------------------------------------------------

    def bind_keys(self) -> list[str]:
        """Bind the keys of the settings; returns actions whose key is no key."""
        return self._keys.bind(self.settings.keys())

    def taken_keys(self) -> list[str]:
        """Keys that the viewer itself uses."""
        return [str(key).replace("+", "-") for key in self.viewer.class_keymap]

    def withdraw(self, *actions: str) -> None:
        """Take back what a dock that is gone could do."""
        for action in actions:
            self.actions.pop(action, None)

    def act(self, action: str) -> None:
        """Do what a key stands for, if the dock that can is open."""
        if action in self.actions:
            self.actions[action]()

    # -- the end -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the worker and the timers. Called when the window goes."""
        if _benches.get(self._key) is not self:
            return
        del _benches[self._key]
        halt(self, self._listener)
        self.keeper.close()
        self.live.close()
        self.queue.close()

    @property
    def window(self) -> QWidget | None:
        """The window that the docks are in; None before they are in one."""
        return self._window

    def attach(self, dock: QWidget) -> None:
        """Learn which window the docks are in, to end with it."""
        window = dock.window()
        if self._window is None and window is not None and window is not dock:
            self._window = window
            window.destroyed.connect(End(self))
            if isinstance(window, QMainWindow):
                PictureDrops(self.viewer, window)

    def _still(self) -> AbstractContextManager[None]:
        return still(self._window)

    def _before_removal(self, event: Any = None) -> None:
        if told_to_close(self.viewer):
            self.close()  # while the layers that the session keeps are still there
        ready_for_commands(self._window)

    def go(self) -> None:
        """Start looking after what was queued."""
        self.runs_changed.emit()
        self.live.start()
        if self._listener is not None:
            return
        self._listener = listen(self.queue)
        self._listener.finished.connect(self._on_listener_finished)
        self._listener.start()

    def _on_listener_finished(self) -> None:
        self._listener = None
        if self.queue.busy and _benches.get(self._key) is self:
            # Cancelled from napari's own task list: that is a stop, and it too keeps the last estimate.
            self.queue.stop()
            self.go()

    def _on_end(self, run: QueuedRun) -> None:
        if self.axis_search.ended(run):
            self.runs_changed.emit()
            return
        if run.status == "done" and run in self.runs and (scan := self.scans.at(run.scan)):
            scan.learn(run.record, run.title)
        if run.status == "failed" and run.error is not None:
            complain(failure(run))
        elif run.status == "stopped" and run.error is not None:
            tell(f"{run.title}: the process did not hear the stop and was ended. The last estimate is kept.")
        self.runs_changed.emit()


@atexit.register
def _leave() -> None:
    """End what still lives when a script ends with its viewer open, or right after it closed: Qt's objects go first."""
    for bench in list(_benches.values()):
        bench.close()
    WorkerBase.await_workers()
