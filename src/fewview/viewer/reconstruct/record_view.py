"""The record of a run, to read: what is kept and what it is made of, then everything as a tree; copied, or a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...atomic_write import write_text
from ...errors import FewviewError
from ...runs.kept import remarks
from ..common.notify import complain, tell
from ..common.widgets import button, described, to_clipboard, wrapped
from .record_words import plain, title_of

LONG = 12  # entries of a list from which it is folded into one line
JSON = "Run records (*.json)"


class RecordView(QDialog):
    """A window of its own, so that it may stay open beside the next run."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.record: Mapping[str, Any] = {}
        self.resize(640, 620)
        layout = QVBoxLayout(self)
        self.summary = wrapped()
        self.summary.setObjectName("summary")
        described(self.summary, "What the volume is")
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Entry", "Value"])
        self.tree.setColumnWidth(0, 240)
        described(self.tree, "Record of the run")
        row = QHBoxLayout()
        self.copy_button = button("Copy", "The record as JSON, on the clipboard.", self.copy)
        self.save_button = button(
            "Save…", "The record as a JSON file, which `fewview reconstruct` runs again.", self.save
        )
        self.open_button = button("Open file…", "Look at the record or report of another run.", self.open_file)
        for made in (self.copy_button, self.save_button, self.open_button):
            row.addWidget(made)
        for item in (self.summary, self.tree):
            layout.addWidget(item)
        layout.addLayout(row)

    def show_record(self, title: str, record: Mapping[str, Any]) -> None:
        """Show a record; what one looks for first comes first."""
        self.record = record
        self.setWindowTitle(f"Record of {title}")
        self.summary.setText(f"<b>{title}</b><br>{summary(record)}")
        self.tree.clear()
        for key in sorted(record, key=lambda name: (name not in FIRST, FIRST.index(name) if name in FIRST else 0)):
            if record[key] != "":
                self.tree.addTopLevelItem(_item(key, record[key]))
        self.show()
        self.raise_()

    def copy(self) -> None:
        """Put the record on the clipboard."""
        to_clipboard(json.dumps(self.record, indent=2))
        tell("The record is on the clipboard.")

    def save(self) -> None:
        """Write the record to a file of the user's choice."""
        path, _ = QFileDialog.getSaveFileName(self, "Save the record", "record.json", JSON)
        if not path:
            return
        try:
            write_text(Path(path), json.dumps(self.record, indent=2) + "\n")
        except FewviewError as error:
            complain(error)

    def open_file(self) -> None:
        """Read a record from a file."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a record", "", JSON)
        if not path:
            return
        try:
            self.show_record(Path(path).name, read_record(Path(path)))
        except FewviewError as error:
            complain(error)


FIRST = (
    "kept",
    "holds",
    "made_of",
    "stage",
    "method",
    "chosen",
    "options",
    "steps",
    "seconds",
    "heldout_error",
    "psnr",
)


def summary(record: Mapping[str, Any]) -> str:
    """What the volume is, and all that whoever sees it must know."""
    if record.get("kept", "result") != "result":
        return f"Not the result: {record.get('holds', record['kept'])}."
    return " ".join(filter(None, (str(record.get("made_of", "")), *remarks(record.get("chosen") or {}))))


def read_record(path: Path) -> Mapping[str, Any]:
    """The record in a report, or in the JSON beside a volume.

    Raises
    ------
    FewviewError
        It is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FewviewError(f"{path} cannot be read as a record: {error}.", "Choose the JSON file of a run.") from None
    record = values.get("record", values) if isinstance(values, dict) else None
    if not isinstance(record, dict) or "method" not in record:
        raise FewviewError(f"{path} is not the record of a run: it names no method.", "Choose the JSON file of a run.")
    return record


def _item(key: str, value: Any) -> QTreeWidgetItem:
    title = title_of(key)
    if isinstance(value, Mapping) and value:
        item = QTreeWidgetItem([title, ""])
        item.setToolTip(0, key)
        for name, part in value.items():
            item.addChild(_item(str(name), part))
        return item
    if isinstance(value, list) and len(value) <= LONG and any(isinstance(part, (list, dict)) for part in value):
        item = QTreeWidgetItem([title, f"{len(value)} entries"])
        item.setToolTip(0, key)
        for number, part in enumerate(value):
            item.addChild(_item(str(number), part))
        return item
    text = ", ".join(map(plain, value)) if isinstance(value, list) and value else plain(value)
    item = QTreeWidgetItem([title, text])
    item.setToolTip(0, key)  # as the file calls it
    item.setToolTip(1, text[:2000])
    return item
