"""The table of keys: what they do, and a field to change them."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from ..common.widgets import described, wrapped
from ..workbench import Workbench
from .table import KEYS, conflicts

WIDEST = "Control-Shift-M"  # to be read without scrolling


class KeysTable(QWidget):
    """One line per action; a change takes effect at once and is remembered."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench = bench
        layout = QVBoxLayout(self)
        layout.addWidget(wrapped("Write keys as Shift-R or Control-T; leave a field empty for no key."))
        self.lines: dict[str, QLineEdit] = {}
        for key in KEYS:
            line = QLineEdit()
            line.setObjectName(key.action)
            line.setMinimumWidth(line.fontMetrics().horizontalAdvance(WIDEST) + 12)
            described(line, key.title)
            line.editingFinished.connect(self._on_edit)
            self.lines[key.action] = line
            layout.addWidget(wrapped(key.title))
            layout.addWidget(line)
        self.problems = wrapped()
        layout.addWidget(self.problems)
        layout.addStretch(1)
        self._refresh()

    def _refresh(self) -> None:
        keys = self.bench.settings.keys()
        for action, line in self.lines.items():
            line.setText(keys[action])
        titles = {key.action: key.title for key in KEYS}
        found = conflicts(keys, self.bench.taken_keys())
        failed = self.bench.bind_keys()
        lines = [f"{titles[action]}: {keys[action]} is {why}." for action, why in found.items()]
        lines += [f"{titles[action]}: {keys[action]} is not a key." for action in failed]
        self.problems.setText("\n".join(lines))

    def _on_edit(self, *_: Any) -> None:
        line = self.sender()
        if isinstance(line, QLineEdit):
            self.bench.settings.set_key(line.objectName(), line.text().strip())
            self._refresh()
