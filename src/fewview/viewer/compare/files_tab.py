"""What the Compare dock writes and reads: table, picture, report, regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QWidget
from superqt.utils import QFlowLayout

from ...errors import FewviewError
from ..common.notify import complain, tell
from ..common.widgets import allow, tool
from .export import report_of
from .regions_file import read_regions, write_regions
from .table import as_csv
from .value_units import in_short

NOTHING = "There is nothing to compare yet: reconstruct something, or open a volume."
NO_LINE = "The table has no line: click a region on the picture, or press Slice."
NO_REGION = "There is no region to save: click one on the picture."
NO_PICTURE = "The viewer shows nothing yet: open a scan or a volume."
NO_LAYER = "There is no layer for the regions: reconstruct something first, or open a volume."


class FilesTab(QWidget):
    """Buttons, and what they do.

    Parameters
    ----------
    dock : CompareDock
    """

    def __init__(self, dock: Any) -> None:
        super().__init__()
        self._dock = dock
        layout = QFlowLayout(self)
        self._buttons = {}
        report = "One HTML file: pictures in one grey range, table, records of the runs."
        for text, help, slot, action in (
            ("CSV", "The table, full precision.", self._ask_csv, "save_table"),
            ("PNG", "What the viewer shows.", self._ask_png, "save_picture"),
            ("Report", report, self._ask_report, "save_report"),
            ("Save regions", "Save the regions as CSV.", self._ask_regions, "save_regions"),
            ("Load regions", "Load regions: our CSV, or napari's Shapes CSV.", self._load, "load_regions"),
        ):
            self._buttons[action] = tool(text, help, slot, action=action)
            layout.addWidget(self._buttons[action])

    def refresh(self) -> None:
        """Let be saved what there is; the others say what they lack."""
        dock = self._dock
        nothing = "" if dock.comparison.candidates else NOTHING
        lacks = {
            "save_table": nothing or ("" if dock.rows else NO_LINE),
            "save_picture": "" if any(layer.visible for layer in dock.viewer.layers) else NO_PICTURE,
            "save_report": nothing,
            "save_regions": "" if dock.regions.named() else NO_REGION,
            "load_regions": "" if dock.like() is not None else NO_LAYER,
        }
        for action, made in self._buttons.items():
            allow(made, lacks[action])

    def save_csv(self, path: str) -> None:
        """Write the table as CSV."""
        dock = self._dock
        dock.refresh()
        text = as_csv(dock.columns, dock.rows, in_short(dock.comparison.unit))
        Path(path).write_text(text, encoding="utf-8")
        tell(f"Table saved: {path}")

    def save_png(self, path: str) -> None:
        """Write what the canvas shows."""
        self._dock.viewer.screenshot(path=path, canvas_only=True, flash=False)
        tell(f"Picture saved: {path}")

    def save_report(self, path: str) -> None:
        """Write the HTML report."""
        self._dock.refresh()
        Path(path).write_text(report_of(self._dock), encoding="utf-8")
        tell(f"Report saved: {path}")

    def save_regions(self, path: str) -> None:
        """Write the regions as CSV."""
        write_regions(path, self._dock.regions.named())
        tell(f"Regions saved: {path}")

    def load_regions(self, path: str) -> None:
        """Add the regions of a file."""
        like = self._dock.like()
        try:
            regions = read_regions(path)
            if like is None:
                raise FewviewError("There is no layer for the regions.", "Reconstruct something first.")
        except FewviewError as error:
            complain(error)
            return
        self._dock.regions.make(like)
        self._dock.regions.add(regions)
        self._dock.refresh()

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load regions", filter="CSV (*.csv)")
        if path:
            self.load_regions(path)

    def _ask_csv(self) -> None:
        self._ask("Save the table", "comparison.csv", self.save_csv)

    def _ask_png(self) -> None:
        self._ask("Save the picture", "comparison.png", self.save_png)

    def _ask_report(self) -> None:
        self._ask("Save the report", "comparison.html", self.save_report)

    def _ask_regions(self) -> None:
        self._ask("Save regions", "regions.csv", self.save_regions)

    def _ask(self, title: str, name: str, save: Any) -> None:
        path, _ = QFileDialog.getSaveFileName(self, title, name)
        if not path:
            return
        try:
            save(path)
        except OSError as error:
            complain(FewviewError(f"{path} cannot be written: {error.strerror}.", "Choose another folder."))
