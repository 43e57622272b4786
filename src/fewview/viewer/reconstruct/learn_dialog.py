"""Learn from a dense scan: a network for one kind of sample, one scan's views and its noise, kept under a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ...errors import FewviewError
from ...runs.forecast import duration
from ...runs.worker.queued_run import QueuedRun
from ..common.choice import Choice
from ..common.layers import facts, spatial
from ..common.notify import complain, tell
from ..common.plots import Plot
from ..common.theme import colours
from ..common.widgets import allow, button, described, wrapped
from ..common.words import NO_SCAN
from ..compare.grids import place_of
from ..files.layer_files import file_of, is_volume
from ..files.networks import file_of_network, networks_of
from .live_view import Shown
from .residual import beside

ENGINE = "fewview.sister:learn_in_worker"
LAYER = "Slices of the dense volume, as the network sees them"
CURVES = {
    "heldout_psnr": "held-out slices of the volume",
    "learnt_psnr": "learnt slices: too few to hold some out",
}
DENSE = (
    "Volume or dense scan of a sample of the same kind, as fine as the scan or finer. A dense scan of the same "
    "detector teaches more."
)
START = "Weights to begin with. Nothing: from scratch, which takes longer."
FROM_FILE = "from a file…"
SCRATCH = ("nothing", "")
SHIPPED = tuple((name, name) for name in ("unrolled-general", "unrolled-materials"))
PATIENCE = 30.0  # seconds: a stopped training writes what it has learnt
POINTS = 20  # of the curve


class LearnDialog(QDialog):
    """A window of its own, so that the picture stays in sight. It belongs to the scan that was meant when it opened."""

    learnt = Signal(str, str, bool)  # scan, weights, and whether nothing speaks against them

    def __init__(self, bench: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._bench = bench
        self._said = ""
        self.run: QueuedRun | None = None
        self.setWindowTitle("Learn from a dense scan")
        self.resize(460, 520)
        self.intro = wrapped()
        self.dense, self.start = Choice(DENSE, "Learn"), Choice(START, "Start from")
        self.name, self.minutes = QLineEdit(), QDoubleSpinBox()
        self.minutes.setRange(0.05, 24 * 60)
        self.minutes.setDecimals(2)
        self.minutes.setValue(10)
        self.minutes.setSuffix(" min")
        form = QFormLayout()
        for title, widget, tooltip in (
            ("Learn", self.dense, DENSE),
            ("Name", self.name, "What the network will be called in the list of networks."),
            ("Start from", self.start, START),
            ("Minutes", self.minutes, "Time that the training may take. More is better. Unit: min."),
        ):
            described(widget, title).setToolTip(tooltip)
            form.addRow(title, widget)
        self.dense.activated.connect(self._on_dense)
        self.go_button = button("Learn", "Train in the reconstruction process; runs wait until it ends.", self.go)
        self.stop_button = button("Stop and keep", "End the training; what was learnt is kept.", bench.queue.stop)
        self.words = wrapped()
        described(self.words, "State of the training")
        self.bar = QProgressBar()
        described(self.bar, "Progress of the training")
        self.plot = Plot("Progress of the learning", "time / s", "PSNR / dB", from_zero=True)
        row = QHBoxLayout()
        for made in (self.go_button, self.stop_button):
            made.setAutoDefault(False)  # Return ends the typing in a field, and starts nothing
            row.addWidget(made)
        layout = QVBoxLayout(self)
        layout.addWidget(self.intro)
        layout.addLayout(form)
        layout.addLayout(row)
        for item in (self.bar, self.words, self.plot):
            layout.addWidget(item)
        bench.ticked.connect(self.refresh)
        bench.live.ended.connect(self._on_end)

    def ask(self) -> None:
        """Show what can be learnt for the scan that is meant."""
        scan = self._bench.scan
        if self.run is None or self.run.over:
            self.intro.setText(
                f"Teaches the unrolled network samples like that of “{Path(scan.path).name}”, measured as this scan is "
                "with the views, rows and binning chosen now. It is a specialist: held-out views then say whether to "
                "use it for this scan."
            )
            self.dense.clear()
            for layer in self._bench.viewer.layers:
                if is_volume(layer) and "extra" not in facts(layer.metadata) and layer.ndim == 3:
                    self.dense.addItem(layer.name, layer)
            self.dense.addItem(FROM_FILE)
            self.start.clear()
            for name, path in (*SHIPPED, SCRATCH, *networks_of(scan.path)):
                self.start.addItem(name, path)
            self.name.setText(f"{Path(scan.path).stem}-sister")
        self.plot.follow(colours(self._bench.viewer))
        self.refresh()
        window = self._bench.window
        if window is not None and not self.isVisible():
            self.move(window.frameGeometry().topLeft())  # beside the picture, not on it
        self.show()
        self.raise_()

    def go(self) -> None:
        """Queue the training."""
        bench, scan = self._bench, self._bench.scan
        name = re.sub(r"[^\w.-]+", "_", self.name.text().strip())
        try:
            if not name:
                raise FewviewError("The network has no name.", "Give it one.")
            dense, voxel = self._chosen()
            recipe = scan.recipe(method="unrolled", reference=None)
        except FewviewError as error:
            complain(error)
            return
        weights = file_of_network(scan.path, name)
        options = {
            "minutes": self.minutes.value(),
            "start": self.start.currentData(),
            "validate_every": max(0.005, min(1.0, self.minutes.value() / POINTS)),
        }
        payload = {"weights": str(weights), "dense": dense, "voxel": voxel, "options": options}
        run = bench.queue.submit(f"Learning {name}", {**payload, "recipe": recipe.model_dump(mode="json")}, ENGINE)
        run.patience = PATIENCE
        self.run, self._said = run, ""
        row = scan.one_row(bench.shown_row())[0] - scan.bin  # there are two of them at least
        place = spatial((1, 1, 1), scan.voxel, row, scan.bin)
        beside(place, scan.shape[2] // scan.bin, (0, 1))
        bench.show_projections(False)  # their angle axis would share a slider with the slices
        bench.scan_changed.emit()
        bench.live.expect(run, Shown(LAYER, place, {"of": scan.path, "look": True}, reuse=True))
        bench.go()
        self.refresh()

    def refresh(self) -> None:
        """Words, bar and curve."""
        run = self.run
        busy = run is not None and not run.over
        allow(self.go_button, "A training goes on." if busy else "" if self._bench.scan.ready else NO_SCAN)
        goes_on = run is not None and run.active and run.status != "stopping"
        allow(self.stop_button, "" if goes_on else "No training goes on that is not ending already.")
        if run is None or not self.isVisible():
            return
        self.bar.setRange(0, 0 if run.active and not run.sequence else 100)
        self.bar.setValue(100 if run.status == "done" else round(100 * run.done))
        left = run.seconds_left
        rest = f", about {duration(left)} left" if left is not None else ""
        stands = f"{run.stage[:1].upper()}{run.stage[1:]}{rest}." if busy else ""
        self.words.setText(self._said or ("Waits for the run before it." if run.status == "queued" else stands))
        for measured, name in CURVES.items():
            if points := run.history.get(measured, []):
                x, y = zip(*points, strict=True)
                self.plot.draw({name: (x, y)}, symbols=True)

    def _chosen(self) -> tuple[str, float | None]:
        """File of what is to be learnt, and its voxel in mm where the file may not tell."""
        index = self.dense.currentIndex()
        layer = self.dense.itemData(index)
        if layer is None or isinstance(layer, str):
            if not layer:
                raise FewviewError("There is nothing to learn from.", "Choose a volume, or a file.")
            return layer, None
        place = place_of(layer)
        return file_of(layer, self._bench.scan.path), float(place.step[-1]) if place.unit == "mm" else None

    def _on_dense(self, index: int) -> None:
        if self.dense.itemText(index) != FROM_FILE:
            return
        path, _ = QFileDialog.getOpenFileName(self, "Open a dense volume or scan")
        if path:
            self.dense.insertItem(index, Path(path).name, path)
        self.dense.setCurrentIndex(index if path else 0)

    def _on_end(self, run: QueuedRun) -> None:
        if run is not self.run:
            return
        weights, verdict = run.record.get("weights", ""), run.record.get("verdict", "")
        if not weights:
            self._said = "Nothing was learnt." if run.error is None else f"{run.error.problem} {run.error.remedy}"
        else:
            told = verdict or "It was not checked on this scan: compare its result with that of other methods."
            kept = f"Kept as “{Path(weights).stem}”, after {duration(60 * run.record['minutes'])}."
            self._said = " ".join(filter(None, (kept, run.record.get("taught", ""), told)))
            tell(f"“{Path(weights).stem}” is in the list of networks of this scan.")
            self.learnt.emit(run.scan, weights, run.record.get("better") is not False)
        self.refresh()
