"""The tools of the regions: what a click or a drag on the picture does, in one state that is seen."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QComboBox, QWidget
from superqt.utils import QFlowLayout, signals_blocked

from ...quality import SCALES
from ..common.widgets import described, tool

DROP, DRAW, EDIT, LOOK = "drop", "draw", "edit", "look"
HINTS = {
    DROP: "A click on the picture measures a region of {size} px there; dragging a region moves it.",
    DRAW: "Drag on the picture to draw a region.",
    EDIT: "Click on a region to select it; drag its corners to change its size, or press Delete.",
    LOOK: "Clicks do nothing to the regions; choose Click, Draw or Edit.",
}

BOLDER = 8  # pixels that the text of a pressed button is wider


class RegionTools(QWidget):
    """Buttons Click, Draw and Edit, of which at most one is down; then size, undo, remove and the whole slice."""

    chosen = Signal(str)  # state
    undone = Signal()
    removed = Signal()
    changed = Signal()

    def __init__(self, size: str) -> None:
        super().__init__()
        self._row = layout = QFlowLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.buttons: dict[str, Any] = {}
        self._group = QButtonGroup(self)
        for state, text, help in (
            (DROP, "Click", "A click drops a region; dragging a region moves it."),
            (DRAW, "Draw", "Draw regions of any size with the mouse."),
            (EDIT, "Edit", "Select regions, change their size, delete them."),
        ):
            made = tool(text, help, self._on_state, checkable=True, action=f"{state}_regions")
            made.setProperty("state", state)
            self._group.addButton(made)
            self.buttons[state] = made
        self.size_box = QComboBox()
        self.size_box.addItems([f"{y} x {x}" for y, x in SCALES])
        self.size_box.setToolTip("Size of a dropped region, rows x columns. Unit: px.")
        self.size_box.setCurrentText(size)
        described(self.size_box, "Region size")
        self.size_box.currentTextChanged.connect(self._on_changed)
        self.undo = tool(
            "Undo", "Take back the last change of the regions (Ctrl-Z).", self._on_undo, action="undo_regions"
        )
        self.remove = tool(
            "Remove", "Remove the regions selected in the table.", self._on_remove, action="remove_regions"
        )
        self.whole = tool(
            "Slice",
            "A line of the table for the whole slice that is shown.",
            self._on_changed,
            checkable=True,
            action="whole_slice",
        )
        with signals_blocked(self.whole, self.buttons[DROP]):
            self.whole.setChecked(True)
            self.buttons[DROP].setChecked(True)
        self.add(*self.buttons.values(), self.size_box, self.undo, self.remove, self.whole)

    def add(self, *widgets: QWidget) -> None:
        """Further tools, behind these."""
        for widget in widgets:
            widget.setMinimumWidth(widget.sizeHint().width() + BOLDER)
            self._row.addWidget(widget)

    @property
    def state(self) -> str:
        """What the mouse does."""
        return next((state for state, made in self.buttons.items() if made.isChecked()), LOOK)

    @property
    def drop_size(self) -> tuple[int, int]:
        """Rows and columns of a dropped region."""
        return SCALES[self.size_box.currentIndex()]

    @property
    def hint(self) -> str:
        """What the mouse does, in a sentence."""
        return HINTS[self.state].format(size=self.size_box.currentText().replace("x", "×"))

    def show_state(self, state: str) -> None:
        """Press the button of a state that was chosen elsewhere."""
        with signals_blocked(*self.buttons.values()):
            self._group.setExclusive(False)
            for name, made in self.buttons.items():
                made.setChecked(name == state)
            self._group.setExclusive(True)

    def _on_state(self, on: bool) -> None:
        if on:
            self.chosen.emit(self.state)

    def _on_undo(self) -> None:
        self.undone.emit()

    def _on_remove(self) -> None:
        self.removed.emit()

    def _on_changed(self, *_: Any) -> None:
        self.changed.emit()
