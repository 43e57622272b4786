"""How the current run stands: words, bar, pause and stop; convergence; the queue and the runs so far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QProgressBar, QVBoxLayout, QWidget

from ...errors import FewviewError
from ...runs.recipe import Recipe
from ...runs.worker.queued_run import NOT_BEGUN, QueuedRun
from ..common.names import short, with_prefix
from ..common.notify import complain, tell
from ..common.plots import Plot
from ..common.theme import Colours
from ..common.widgets import Section, allow, bare, button, described, one_line, to_clipboard, wrapped
from ..wishes import queue_again
from ..workbench import Workbench
from .record_view import RecordView
from .residual import show_residual
from .run_presenter import RunView, curves, failure, run_view

MARKS = {"queued": "…", "done": "✓", "stopped": "■", "failed": "✗", "paused": "‖"}
NOT_BEGUN_MARK = "○"
NAME_LENGTH = 40  # letters of a run's name: one line, or two in a narrow dock
IDLE = "Nothing is running."
NO_PAUSE = "No run goes on that could be paused: it can from its first estimate on."
NO_STOP = "No run goes on that is not ending already."


class RunPanel(QWidget):
    """Follows the queue of a workbench. Its ``head`` and ``buttons`` are placed by the dock, always in sight.

    The head (words, bar) grows and shrinks with its words: a button above it would move as one aims at it.
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        self._colours: Colours | None = None
        self._view: RunView | None = None
        self.record: RecordView | None = None
        self.head = QWidget()
        head = bare(QVBoxLayout(self.head))
        self.title, self.headline, self.details = wrapped(), wrapped(), wrapped()
        described(self.title, "Which run it is")
        described(self.headline, "State of the run")
        self.bar = QProgressBar()
        described(self.bar, "Progress")
        self.buttons = QHBoxLayout()
        self.pause = button("Pause", "Hold after the next estimate; again to go on.", self.toggle_pause, action="pause")
        self.stop = button(
            "Stop and keep", "End the run; the estimate on the screen stays.", self.stop_and_keep, action="stop"
        )
        self.end = button(
            "End process",
            "End the reconstruction process by force; the last estimate is kept.",
            bench.queue.kill,
            action="end_process",
        )
        for widget in (self.pause, self.stop, self.end):
            self.buttons.addWidget(widget)
        for item in (self.title, self.headline, self.bar, self.details):
            head.addWidget(item)
        layout = bare(QVBoxLayout(self))
        self.plot = Plot("Convergence", "step", "relative error", height=130, from_zero=True)
        self.plot.logarithmic()
        layout.addWidget(Section("Convergence", self.plot))
        self.runs_section = Section("Runs", self._make_runs(), unfolded=False)
        layout.addWidget(self.runs_section)
        bench.ticked.connect(self.refresh)
        bench.runs_changed.connect(self._refresh_runs)
        bench.scan_changed.connect(self._refresh_runs)
        bench.actions.update(stop=self.stop_and_keep, toggle_pause=self.toggle_pause)
        self.refresh()
        self._refresh_runs()

    def toggle_pause(self) -> None:
        """Hold the run, or go on."""
        if not self.bench.queue.busy:
            tell(IDLE)
            return
        run = self.bench.queue.current
        if run is not None and not run.over:
            self.bench.queue.pause(run.status == "running")
            self.refresh()

    def stop_and_keep(self) -> None:
        """End the run; its last estimate stays."""
        if self.bench.queue.busy:
            self.bench.queue.stop()
        else:
            tell(IDLE)

    def refresh(self) -> None:
        """Draw the state; only what changed, for a repaint of the bar costs tens of milliseconds."""
        run = self._current()
        view = run_view(run, self.bench.queue.ready, len(self.bench.queue.waiting))
        other = self.bench.queue.current
        # A training takes minutes; a look at an axis, or at a residual, moments.
        training = other is not None and not other.over and "weights" in other.payload
        if other is not None and training:
            stop, percent = other.active and other.status != "stopping", round(100 * other.done)
            view = RunView(other.title, "Runs wait until it ends.", percent, can_stop=stop)
        elif run is not None and run.scan != self.bench.scan.path:
            view = replace(view, headline=f"{Path(run.scan).name}: {view.headline}")
        if view != self._view:
            self._draw(view)
        self._name_run(None if training else run)
        if run is None:
            self.plot.draw({})
        else:
            lines = {name: tuple(zip(*points, strict=True)) for name, points in curves(run).items()}
            shown = {name: line for name, line in lines.items() if name != "objective"} or lines
            self.plot.draw({name: (x, y) for name, (x, y) in shown.items()})

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        self._colours = colours
        self.plot.follow(colours)
        self._view = None
        self.refresh()

    def _name_run(self, run: QueuedRun | None) -> None:
        """Say which run the words are of: the form may be set to another one."""
        name = "" if run is None else self._name(run)
        if self.title.toolTip() != name:
            self.title.setText(short(name, NAME_LENGTH))
            self.title.setToolTip(name)
        self.title.setVisible(bool(name))

    def _current(self) -> QueuedRun | None:
        """The run that goes on, whatever its scan; else the last one of the scan that is meant."""
        current = self.bench.queue.current
        if current in self.bench.runs and not current.over:
            return current
        meant = self.bench.scan.path
        return next((run for run in reversed(self.bench.runs) if run.scan == meant), None)

    def _draw(self, view: RunView) -> None:
        before, self._view = self._view, view
        tone = self._colours.tone(view.tone) if self._colours is not None else ""
        self.headline.setStyleSheet(f"font-weight: bold; color: {tone}" if tone else "font-weight: bold")
        self.headline.setText(view.headline)
        self.details.setText(view.details)
        if before is None or view.percent != before.percent:
            self.bar.setRange(0, 0 if view.percent is None else 100)
            self.bar.setValue(view.percent or 0)
        allow(self.pause, "" if view.can_pause or view.can_resume else NO_PAUSE)
        self.pause.setText("Go on" if view.can_resume else "Pause")
        allow(self.stop, "" if view.can_stop else NO_STOP)
        self.end.setVisible(view.can_kill)

    # -- the list of runs ----------------------------------------------------------------------------------------

    def _make_runs(self) -> QWidget:
        box = QWidget()
        layout = bare(QVBoxLayout(box))
        self.runs = QListWidget()
        one_line(self.runs)
        self.runs.setMaximumHeight(110)
        self.runs.setToolTip("Runs of this session: waiting ones, the current one, and those that are over.")
        described(self.runs, "Runs")
        layout.addWidget(self.runs)
        row = QHBoxLayout()
        row.addWidget(
            button(
                "Cancel",
                "Take the selected run out of the queue.",
                self._cancel,
                "Cancel the waiting run",
                "cancel_run",
            )
        )
        row.addWidget(
            button(
                "Python", "The selected run as a script, on the clipboard.", self._copy_python, action="copy_run_python"
            )
        )
        row.addWidget(
            button(
                "Command",
                "The selected run as a command line, on the clipboard.",
                self._copy_command,
                action="copy_run_command",
            )
        )
        more = QHBoxLayout()
        self.again_button = button(
            "Queue again",
            "Queue the selected run once more: one that is over, or had not begun when the viewer was closed.",
            self.queue_again,
            action="queue_again",
        )
        more.addWidget(self.again_button)
        self.record_button = button(
            "Record", "All that is known of the selected run.", self.show_record, action="show_record"
        )
        more.addWidget(self.record_button)
        self.residual_button = button(
            "Residual",
            "Measured minus re-projected sinogram of the shown slice of the selected run.",
            self.show_residual,
            action="show_residual",
        )
        more.addWidget(self.residual_button)
        layout.addLayout(row)
        layout.addLayout(more)
        return box

    def _refresh_runs(self) -> None:
        selected = self._selected() if self.runs.currentRow() > 0 else None  # else the newest one, whichever it is
        self.runs.clear()
        for run in reversed(self.bench.runs):
            name = self._name(run)
            mark = NOT_BEGUN_MARK if run.stage == NOT_BEGUN else MARKS.get(run.status, "▶")
            item = QListWidgetItem(f"{mark} {name}")
            state = run.stage if run.stage == NOT_BEGUN else run.status
            item.setToolTip(f"{name}: {state}" if run.status != "failed" else f"{name} failed. {failure(run)}")
            item.setData(Qt.ItemDataRole.UserRole, run.number)
            self.runs.addItem(item)
        rows = self.bench.runs[::-1]
        self.runs.setCurrentRow(rows.index(selected) if selected in rows else 0 if rows else -1)
        self.refresh()

    def _name(self, run: QueuedRun) -> str:
        """Title, after the name of its scan where several are open: that may have come later."""
        return with_prefix(self.bench.scans.prefix_at(run.scan), run.title)

    def _selected(self) -> QueuedRun | None:
        item = self.runs.currentItem()
        number = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return next((run for run in self.bench.runs if run.number == number), None)

    def show_residual(self) -> None:
        """Add what the selected run leaves of the measurement, in the shown slice, as a layer."""
        run = self._selected()
        if run is None or not run.over or run.volume is None:
            tell("Select a run that is over.")
            return
        try:
            show_residual(self.bench, run)
        except FewviewError as error:
            complain(error)

    def queue_again(self) -> None:
        """Queue the selected run once more."""
        run = self._selected()
        if run is not None and run.over:
            queue_again(self.bench, run)
        else:
            tell("Select a run that is over, or one that had not begun when the viewer was closed.")

    def show_record(self) -> None:
        """Show the record of the selected run, or an empty one to open a file in."""
        run = self._selected()
        if self.record is None:
            self.record = RecordView(self)
        if run is not None and run.over and run.record:
            self.record.show_record(run.title, run.record)
        elif run is not None and run.status == "failed":
            complain(failure(run))  # there is no more to be said of it
        else:
            tell("The record of a run comes with its end: select one that is over.")

    def _cancel(self) -> None:
        run = self._selected()
        if run is not None and run in self.bench.queue.waiting:
            self.bench.cancel(run)
        else:
            tell("Select a run that waits in the queue. “Stop and keep” ends the one that goes on.")

    def _copy_python(self) -> None:
        self._copy("as_python")

    def _copy_command(self) -> None:
        self._copy("as_command")

    def _copy(self, how: str) -> None:
        run = self._selected()
        if run is None:
            tell("Select a run first.")
        else:
            to_clipboard(getattr(Recipe.parse(run.payload["recipe"]), how)())
            tell(f"{run.title}: on the clipboard.")
