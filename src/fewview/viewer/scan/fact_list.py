"""The list of facts about a scan, with a button beside what the user can mend, and a line to mend it in."""

from __future__ import annotations

import html
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from ..common.theme import Colours
from ..common.widgets import button, described, wrapped
from .presenter import MARKS, Action, Fact

TONES = {"good": "good", "assumed": "warning", "missing": "bad", "note": "plain"}
MEANINGS = {"good": "known", "assumed": "assumed: please check", "missing": "missing", "note": "note"}
BUTTONS: dict[Action, str] = {"angles": "Set…", "flats": "Add…", "kind": "Set…", "axis": "Find", "pixel": "Set…"}
QUESTIONS: dict[Action, str] = {
    "angles": "Angles in degrees, START:STOP or START:STOP:endpoint, or a file of angles",
    "flats": "Folder, file or name pattern of the open-beam frames",
    "kind": "What the values are",
    "pixel": "Detector pixel size in mm; empty for unknown",
}
KINDS = ("counts", "transmission", "attenuation")


class FactList(QWidget):
    """Facts, one under the other."""

    said = Signal(str, object)  # what, value
    axis_asked = Signal()
    renewed = Signal()  # with new buttons

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(2)
        self._grid.setHorizontalSpacing(4)
        layout.addLayout(self._grid)
        self.editor = _Editor()
        self.editor.said.connect(self.said)
        layout.addWidget(self.editor)
        self.buttons: dict[str, Any] = {}
        self._shown: tuple[Any, ...] = ()

    def show_facts(self, facts: list[Fact], colours: Colours) -> None:
        """Replace the list."""
        if self._shown == (tuple(facts), colours):
            return
        self._shown = (tuple(facts), colours)
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = {}
        for row, fact in enumerate(facts):
            mark = QLabel(MARKS[fact.state])
            colour = colours.tone(TONES[fact.state])
            mark.setStyleSheet(f"color: {colour}" if colour else "")
            mark.setToolTip(MEANINGS[fact.state])
            described(mark, MEANINGS[fact.state])
            text = wrapped(f"<b>{html.escape(fact.label)}</b> {html.escape(fact.text)}")
            text.setToolTip(fact.where or fact.text)
            self._grid.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(text, row, 1)
            if fact.action:
                made = button(
                    BUTTONS[fact.action], QUESTIONS.get(fact.action, "Find the axis in the data."), self._on_button
                )
                made.setProperty("action", fact.action)
                described(made, f"{BUTTONS[fact.action].strip('…')} {fact.label.lower()}")
                self._grid.addWidget(made, row, 2, Qt.AlignmentFlag.AlignTop)
                self.buttons.setdefault(fact.action, made)
        self.renewed.emit()

    def _on_button(self) -> None:
        sender: Any = self.sender()
        action = sender.property("action")
        if action == "axis":
            self.axis_asked.emit()
        else:
            self.editor.ask(action)


class _Editor(QWidget):
    """One question with its answer; hidden until asked."""

    said = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._action: Action = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.question = wrapped()
        self.line = QLineEdit()
        self.line.returnPressed.connect(self._answer)
        self.choice = QComboBox()
        self.choice.addItems(KINDS)
        self.choice.setToolTip("Raw counts, transmission I/I0, or line integrals -log(I/I0).")
        described(self.choice, QUESTIONS["kind"])
        self.browse = button("Browse…", "Choose a file.", self._browse)
        self.apply = button("Apply", "Use this value.", self._answer)
        row = QHBoxLayout()
        row.addWidget(self.browse)
        row.addWidget(self.apply)
        for item in (self.question, self.line, self.choice):
            layout.addWidget(item)
        layout.addLayout(row)
        self.hide()

    def ask(self, action: Action) -> None:
        """Show the question that goes with an action; the same action again folds it away."""
        if self.isVisible() and action == self._action:
            self.hide()
            return
        self._action = action
        self.question.setText(QUESTIONS[action])
        self.line.clear()
        described(self.line, QUESTIONS[action])
        self.line.setVisible(action != "kind")
        self.choice.setVisible(action == "kind")
        self.browse.setVisible(action in ("angles", "flats"))
        self.show()
        self.line.setFocus()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, QUESTIONS[self._action])
        if path:
            self.line.setText(path)

    def _answer(self) -> None:
        value: Any = self.choice.currentText() if self._action == "kind" else self.line.text().strip() or None
        self.hide()
        self.said.emit(self._action, value)
