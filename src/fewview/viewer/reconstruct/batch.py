"""One setting on several scans: each by itself, or a time series, whose frames share what the first one found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from ...errors import FewviewError
from ...methods.interface import Method
from ...runs.recipe import Recipe
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import facts, regions_on_top
from ..common.notify import complain, tell
from ..common.widgets import bare, button
from ..run_volumes import fitted, follow_layers
from ..scan.presenter import ScanPresenter
from .series import series_layer
from .several import Several


def scan_like(path: str, model: ScanPresenter, **said: Any) -> ScanPresenter:
    """Another scan, read and used as a first one: what was said about the file, and what is used of it.

    Parameters
    ----------
    path : str
    model : ScanPresenter
    said
        What is to be said differently of this one: the ``dataset`` of another frame in the same file.

    Raises
    ------
    FewviewError
        It cannot be read so, or has not the rows or views.
    """
    scan = ScanPresenter()
    scan.load(path, **{**model.reader.given(), **said})
    if not scan.ready:
        lacks = "; ".join(one.problem for one in (scan.info.missing if scan.info else ()))
        raise FewviewError(f"{Path(path).name} cannot be reconstructed as it is: {lacks}", "Open it by itself first.")
    scan.use_like(model)
    return scan


def settled(recipe: Recipe, method: Method[Any], record: dict[str, Any]) -> dict[str, Any]:
    """What the first frame of a series found, as fixed settings for the others: its options, and its axis.

    Parameters
    ----------
    recipe : Recipe
        Of the series.
    method : Method
    record : dict
        Of the first frame's run.

    Returns
    -------
    dict
        Fields of a recipe: "options", and where an axis was found "axis" (a column) and "axis_origin".
    """
    chosen = {name: value for name, value in record.get("chosen", {}).items() if method.options.knows(name)}
    found: dict[str, Any] = {"options": {**recipe.options, **chosen}}
    if isinstance(record.get("axis"), (int, float)):
        found |= {"axis": round(float(record["axis"]), 3), "axis_origin": "given: by the first frame of the series"}
    return found


class Batch(QObject):
    """Queues runs on several scans.

    Parameters
    ----------
    dock : ReconstructDock
        Gives method and settings.
    """

    def __init__(self, dock: Any) -> None:
        super().__init__()
        self._dock, self._bench = dock, dock.bench
        self._series: list[QueuedRun] = []
        self._several: list[Several] = []
        self._waiting: tuple[QueuedRun, list[ScanPresenter], Recipe, Method[Any]] | None = None
        self._running: QueuedRun | None = None
        self._meant = ""  # path of the frame that was followed last
        self._title = ""  # of the series
        self._bench.live.ended.connect(self._on_end)
        self._bench.painted.connect(self._follow)

    def queue(self, paths: Sequence[str], *, series: bool) -> list[QueuedRun]:
        """Queue a run on each file; of a series the first one now, and the others when it has settled the options."""
        return self._queue([(path, {}) for path in (sorted(paths) if series else paths)], series)

    def queue_channels(self) -> list[QueuedRun]:
        """Queue a run on each channel of the file of the scan that is meant: a series in one file."""
        scan = self._bench.scan
        return self._queue([(scan.path, {"dataset": str(number)}) for number in range(scan.channels)], True)

    @property
    def in_one_file(self) -> bool:
        """Whether the scan that is meant is one frame of a series in its file."""
        scan = self._bench.scan
        return bool(scan.ready and scan.channels > 1)

    @property
    def in_series(self) -> bool:
        """Whether the frames of a series are not all over: there is one at a time."""
        return self._waiting is not None or not all(run.over for run in self._series)

    def _queue(self, wanted: Sequence[tuple[str, dict[str, str]]], series: bool) -> list[QueuedRun]:
        method, model = self._dock.chosen_method, self._bench.scan
        try:
            follow_layers(self._bench.viewer.layers, model)
            wish = self._dock.recipe()
        except FewviewError as error:
            complain(error)
            return []
        scans, unread = _read(wanted, model)
        if not scans or (series and len(scans) < len(wanted)):  # the frames of a series follow each other in time
            return []
        if wish.auxiliary is not None:
            scans, lacking = self._guided(scans, method, series)
            unread += lacking
        for scan in scans:
            self._bench.scans.include(scan)
        self._bench.scan_changed.emit()
        note = _frame(0, len(scans)) if series and len(scans) > 1 else ""
        given = _given_axis(wish) if series else {}
        runs = []
        for scan in scans[:1] if series else scans:
            try:
                recipe, unscored = fitted(_recipe(wish, scan, **given), self._bench.viewer.layers, scan)
            except FewviewError as error:
                complain(error)
                unread.append(error.problem)
                continue
            runs.append(self._bench.run(recipe, method, scan, " ".join(filter(None, (note, unscored)))))
        if not runs:
            return []
        if not series and len(wanted) > 1:
            self._several.append(Several(runs, unread))
        if series and len(scans) > 1:
            self._series, self._meant = runs, model.path
            self._title = f"{method.title}, {wish.views or model.shape[0]} views"
            self._waiting = runs[0], scans[1:], wish, method
            self._bench.to_come = [
                {
                    "title": f"{self._title}, frame {number} of {len(scans)} of the series",
                    "recipe": _recipe(wish, scan, **given).model_dump(mode="json"),
                }
                for number, scan in enumerate(scans[1:], 2)
            ]
            tell(
                f"The {len(scans) - 1} frames after {Path(scans[0].path).name} take the axis and the settings it finds."
            )
        return runs

    def _guided(
        self, scans: Sequence[ScanPresenter], method: Method[Any], series: bool
    ) -> tuple[list[ScanPresenter], list[str]]:
        """Scans with an X-ray volume, and why not of each other: that of the scan that is meant is of all frames."""
        model, found, lacking = self._bench.scan, [], []
        for scan in scans:
            opened = self._bench.scans.at(scan.path)
            own = None if opened is None else opened.auxiliary
            scan.auxiliary = own or (model.auxiliary if series else None)
            if scan.auxiliary is not None:
                found.append(scan)
                continue
            problem = f"{Path(scan.path).name} has no X-ray volume, which {method.title} needs."
            complain(FewviewError(problem, "Open it by itself, and choose one at X-ray in the Scan dock."))
            lacking.append(problem)
        return found, lacking

    def _on_end(self, run: QueuedRun) -> None:
        if self._waiting is None or run is not self._waiting[0]:
            self._tell_the_end(run)
            for one in [one for one in self._several if run in one.runs and one.over]:
                self._several.remove(one)
                tell(one.words(self._label))
            return
        _, scans, wish, method = self._waiting
        self._waiting, self._bench.to_come = None, []
        if run.status != "done":
            self._series = []
            complain(FewviewError("The first frame of the series was not finished.", "The others were not queued."))
            return
        common = settled(wish, method, run.record)
        for number, scan in enumerate(scans, 1):
            if "axis" in common:  # else it would be looked for when the frame is meant
                (self._bench.scans.at(scan.path) or scan).set_axis(common["axis"], common["axis_origin"])
            note = _frame(number, len(scans) + 1)
            self._series = [*self._series, self._bench.run(_recipe(wish, scan, **common), method, scan, note)]

    def _label(self, path: str) -> str:
        scan = self._bench.scans.at(path)
        return Path(path).name if scan is None else str(self._bench.scans.label(scan))

    def _follow(self, _: str = "") -> None:
        """Show the frame that runs, of a series in several files, unless the user has turned to another scan."""
        run = self._bench.queue.current
        if run is self._running or run not in self._series:
            return
        before, self._running, self._meant = self._meant, run, run.scan
        scan = self._bench.scans.at(self._meant)
        if scan is not None and self._bench.scan.path == before:
            self._bench.mean(scan)

    def _tell_the_end(self, run: QueuedRun) -> None:
        """Where the frames are, when the last one is over, and all of them as one layer."""
        if run not in self._series or not all(one.over for one in self._series):
            return
        runs, self._series = self._series, []
        done, count = sum(one.status == "done" for one in runs), len(runs)
        where = "Choose the frame to look at above, at Scan." if len({one.scan for one in runs}) > 1 else ""
        layers, scans = self._bench.viewer.layers, self._bench.scans
        everywhere = [layer for scan in scans.all for layer in scans.everything_of(scan)]
        try:
            made = series_layer(runs, everywhere, self._title)
        except FewviewError as error:
            complain(error)
        else:
            for layer in layers:
                if facts(layer.metadata).get("run") in [one.number for one in runs]:
                    layer.visible = False  # it would lie over the others
            layers.append(made)
            regions_on_top(layers)
            where = f"Slider t of “{made.name}” steps through them. {where}"
        tell(f"{done} of {count} frames of the series are done. {where}".rstrip())


def _read(wanted: Sequence[tuple[str, dict[str, str]]], model: ScanPresenter) -> tuple[list[ScanPresenter], list[str]]:
    """Scans that can be reconstructed as a first one is, and why not of each of the others, which is said."""
    found, unread = [], []
    for path, said in wanted:
        try:
            found.append(scan_like(path, model, **said) if said or path != model.path else model)
        except FewviewError as error:
            complain(error)
            unread.append(error.problem)
    return found, unread


def _given_axis(wish: Recipe) -> dict[str, Any]:
    """The axis that the user has set holds for all frames."""
    given = wish.axis != "auto" and str(wish.axis_origin or "").startswith("given: by the user")
    return {"axis": wish.axis, "axis_origin": wish.axis_origin} if given else {}


def _frame(number: int, count: int) -> str:
    return f"Frame {number + 1} of {count} of the series."


def _recipe(wish: Recipe, scan: ScanPresenter, **more: Any) -> Recipe:
    """The settings of the dock on another scan; its axis is found anew where nothing else is said."""
    of_dock = {name: getattr(wish, name) for name in ("method", "options", "holdout", "seed", "device")}
    if wish.auxiliary is not None:
        of_dock["auxiliary"] = scan.auxiliary
    return scan.recipe(**{**of_dock, **more})


class BatchButtons(QWidget):
    """Two buttons that ask for the files."""

    def __init__(self, dock: Any) -> None:
        super().__init__()
        self.batch = Batch(dock)
        row = bare(QHBoxLayout(self))
        several = "Queue a run with these settings on each of several scan files. Each finds its own axis."
        series = (
            "Queue one run per frame of a time series: the channels of this file, or one file each. "
            "All take what the first one finds."
        )
        self.several = button("Several scans…", several, self._ask_several, action="several_scans")
        self.series = button("Time series…", series, self._ask_series, action="time_series")
        row.addWidget(self.several)
        row.addWidget(self.series)

    def _ask_several(self) -> None:
        self._ask("Scans to reconstruct", series=False)

    def _ask_series(self) -> None:
        if self.batch.in_series:
            complain(
                FewviewError("A time series goes on.", "Wait for its end, or stop it and cancel what waits of it.")
            )
            return
        if self.batch.in_one_file:
            self.batch.queue_channels()
            return
        self._ask("Frames of the series, in the order of their names", series=True)

    def _ask(self, title: str, *, series: bool) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, title)
        if paths:
            self.batch.queue(paths, series=series)
