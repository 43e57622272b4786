"""What is done to the data before they are line integrals: the options, and before and after on sinogram and slice."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ...errors import FewviewError
from ...prepare import PrepareOptions
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import spatial
from ..common.notify import complain
from ..common.widgets import allow, bare, button, described, wrapped
from ..common.words import NO_SCAN
from ..reconstruct.form import Form
from ..reconstruct.live_view import Shown
from ..reconstruct.residual import beside

SINOGRAM = "fewview.runs.worker.looks:sinogram"
SLICE = "fewview.runs.worker.engine:try_axis"


class Preparation(QWidget):
    """A section of the Scan dock."""

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self._bench = bench
        self._asked: QueuedRun | None = None
        layout = bare(QVBoxLayout(self))
        self.form = Form(PrepareOptions)
        self.form.edited.connect(self._on_edited)
        layout.addWidget(self.form)
        row = QHBoxLayout()
        self.sinogram_button = button(
            "Sinogram", "The sinogram of the shown row, as prepared now.", self.show_sinogram, action="show_sinogram"
        )
        self.compare_button = button(
            "Before and after",
            "Sinogram and slice of the shown row, without and with these steps.",
            self.compare,
            action="before_and_after",
        )
        for made in (self.sinogram_button, self.compare_button):
            row.addWidget(made)
        layout.addLayout(row)
        self.words = wrapped()
        described(self.words, "What the preparation did")
        layout.addWidget(self.words)
        bench.scan_changed.connect(self.refresh)
        bench.runs_changed.connect(self._tell)
        self.refresh()

    def refresh(self) -> None:
        """Follow the scan."""
        scan = self._bench.scan
        for made in (self.sinogram_button, self.compare_button):
            allow(made, "" if scan.ready else NO_SCAN)
        try:
            same = self.form.changes() == scan.prepare
        except FewviewError:
            return  # what is being typed is no value yet, and stays to be corrected
        if not same:
            self.form.blockSignals(True)
            self.form.set_values(scan.prepare)
            self.form.blockSignals(False)

    def show_sinogram(self) -> None:
        """Add the sinogram of the shown row as a layer."""
        self._look("Sinogram", SINOGRAM, self._bench.scan.prepare, self._bench.shown_row(), (0, 1))

    def compare(self) -> None:
        """Add sinogram and slice without and with the steps."""
        steps = self._bench.scan.prepare
        upright = {"tilt": steps["tilt"]} if "tilt" in steps else {}  # or the slices would lie elsewhere
        row = self._bench.shown_row()  # before the projections go
        self._look("Slice before preparation", SLICE, upright, row, (0, 0))
        self._look("Slice after preparation", SLICE, steps, row, (1, 0))
        self._look("Sinogram before preparation", SINOGRAM, upright, row, (0, 1))
        self._look("Sinogram after preparation", SINOGRAM, steps, row, (1, 1))

    def _look(self, name: str, engine: str, prepare: dict[str, Any], shown: int, place_at: tuple[int, int]) -> None:
        """Queue one look; ``place_at``: how many slices down and to the right it lies, so that none hides another."""
        bench = self._bench
        try:
            row = bench.scan.one_row(shown)
            recipe = bench.scan.recipe(rows=row, prepare=prepare, reference=None, method="fbp")
        except FewviewError as error:
            complain(error)
            return
        if bench.projections_shown:
            bench.show_projections(False)
        run = bench.queue.submit(name, {"recipe": recipe.model_dump(mode="json")}, engine)
        self._asked = run if engine == SINOGRAM else self._asked
        place = spatial((1, 1, 1), bench.scan.voxel, row[0], bench.scan.bin)
        beside(place, bench.scan.shape[2] // bench.scan.bin, place_at)
        about = {"of": bench.scan.path, "look": True, "prepare": prepare}
        bench.live.expect(run, Shown(name, place, about, reuse=True))
        bench.go()

    def _on_edited(self) -> None:
        try:
            self._bench.scan.prepare = self.form.changes()
        except FewviewError as error:
            self.words.setText(f"✗ {error}")
            return
        self.words.setText("")
        self._bench.scan_changed.emit()

    def _tell(self) -> None:
        run = self._asked
        if run is None or not run.over or not run.record:
            return
        record = run.record
        masked = ", ".join(f"{count} pixels {why}" for why, count in record["masked"].items()) or "no pixel"
        negative = f"{100 * record['negative']:.2g} % of the values are negative"
        self.words.setText(f"{'; '.join(record['steps']) or 'Nothing done'}. Masked: {masked}. {negative}.")
