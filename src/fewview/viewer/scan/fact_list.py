"""The list of facts about a scan, with a button beside each that the user can correct, and a line to correct it in."""

from __future__ import annotations

import html
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from ..common.theme import Colours
from ..common.widgets import bare, button, described, wrapped
from .fact import MARKS, Action, Fact

TONES = {"good": "good", "assumed": "warning", "missing": "bad", "note": "plain", "warning": "warning"}
MEANINGS = {
    "good": "known",
    "assumed": "assumed: please check",
    "missing": "missing",
    "note": "note",
    "warning": "warning: please check",
}
ASKING, CHANGING = "Set…", "✎"  # what is missing or assumed asks for a word; what is known may be changed
QUESTIONS: dict[Action, str] = {
    "angles": "Angles in degrees: START:STOP, START:STOP:endpoint, or a file of angles; empty for those of the file",
    "dataset": "Which of the channels (times or energies) of the file to open, counted from 0",
    "geometry": "File with the beam as ASTRA words it (JSON or YAML, with distances); empty: as the file says",
    "flats": "Folder, file or name pattern of the open-beam frames; empty for those of the file",
    "darks": "Folder, file or name pattern of the beam-off frames; empty for those of the file",
    "kind": "What the values are",
    "pixel": "Detector pixel size in mm; empty for that of the file, or unknown",
    "reverse_angles": "Whether the sample turned the other way than the angles say",
    "mirror": "Whether the images are mirrored left to right",
    "horizontal_axis": "Whether the rotation axis lies along the rows of the detector",
    "exclude": "Views to leave out (bad, blocked, alignment), counted from 0: 3, 17, 40:45; empty for none",
}
CHOICES: dict[Action, tuple[str, ...]] = {
    "kind": ("counts", "transmission", "attenuation"),
    "reverse_angles": ("no", "yes"),
    "mirror": ("no", "yes"),
    "horizontal_axis": ("no", "yes"),
}
HELP: dict[Action, str] = {
    "kind": "Raw counts, transmission I/I0, or line integrals -log(I/I0).",
    "reverse_angles": "A wrong sense of rotation gives a mirrored slice.",
    "mirror": "A camera that looks into a mirror does so.",
    "horizontal_axis": "If it does, the frames are turned by 90 degrees.",
}
FILES: tuple[Action, ...] = ("angles", "flats", "darks", "geometry")


class FactList(QWidget):
    """Facts, one under the other."""

    said = Signal(str, object)  # what, value
    axis_asked = Signal()
    renewed = Signal()  # with new buttons

    def __init__(self) -> None:
        super().__init__()
        layout = bare(QVBoxLayout(self))
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
                asking = fact.state in ("missing", "assumed")
                text_of = "Find" if fact.action == "axis" else ASKING if asking else CHANGING
                made = button(text_of, QUESTIONS.get(fact.action, "Find the axis in the data."), self._on_button)
                made.setProperty("action", fact.action)
                made.setProperty("now", fact.now)
                described(made, f"{'Find' if fact.action == 'axis' else 'Set'} {fact.label.lower()}")
                self._grid.addWidget(made, row, 2, Qt.AlignmentFlag.AlignTop)
                self.buttons.setdefault(fact.action, made)
        self.renewed.emit()

    def _on_button(self) -> None:
        sender: Any = self.sender()
        action = sender.property("action")
        if action == "axis":
            self.axis_asked.emit()
        else:
            self.editor.ask(action, sender.property("now") or "")


class _Editor(QWidget):
    """One question with its answer; hidden until asked. An answer that is refused stays, with the reason below it."""

    said = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._action: Action = ""
        layout = bare(QVBoxLayout(self))
        self.question = wrapped()
        self.line = QLineEdit()
        self.line.returnPressed.connect(self._answer)
        self.choice = QComboBox()
        self.choice.setToolTip(HELP["kind"])
        for entry in (self.line, self.choice):
            described(entry, "Correction")
        self.reason = wrapped()
        self.reason.setObjectName("reason")
        described(self.reason, "Why the entry was refused")
        self.browse = button("Browse…", "Choose a file.", self._browse)
        self.apply = button("Apply", "Use this value.", self._answer)
        self.cancel = button("Cancel", "Leave it as it is.", self.hide)
        row = QHBoxLayout()
        for widget in (self.browse, self.apply, self.cancel):
            row.addWidget(widget)
        for item in (self.question, self.line, self.choice, self.reason):
            layout.addWidget(item)
        layout.addLayout(row)
        self.hide()

    def ask(self, action: Action, now: str = "") -> None:
        """Show the question that goes with an action; the same action again folds it away."""
        if self.isVisible() and action == self._action:
            self.hide()
            return
        self._action = action
        self.question.setText(QUESTIONS[action])
        self.reason.hide()
        self.line.setText(now)
        self.line.selectAll()
        self.choice.clear()
        self.choice.addItems(CHOICES.get(action, ()))
        self.choice.setCurrentText(now)
        self.choice.setToolTip(HELP.get(action, ""))
        described(self.line, QUESTIONS[action])
        described(self.choice, QUESTIONS[action])
        self.line.setVisible(action not in CHOICES)
        self.choice.setVisible(action in CHOICES)
        self.browse.setVisible(action in FILES)
        self.show()
        (self.choice if action in CHOICES else self.line).setFocus()

    def take(self, reason: str, tone: str) -> None:
        """The answer was taken, where there is no reason against it; else it stays to be corrected."""
        if not reason:
            self.hide()
            return
        self.reason.setText(f"✗ {reason}")
        self.reason.setStyleSheet(f"color: {tone}" if tone else "")
        self.reason.show()
        self.show()
        self.line.setFocus()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, QUESTIONS[self._action])
        if path:
            self.line.setText(path)

    def _answer(self) -> None:
        value: Any = self.line.text().strip() or None
        if self._action in CHOICES:
            value = self.choice.currentText()
            value = value if self._action == "kind" else value == "yes"
        self.said.emit(self._action, value)
