"""A form made from the options model of a method: the one place where options become widgets."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...options import Options
from ..common.widgets import Section, bare, described
from .entry_widgets import WeightsChoice, edited, hold, make_widget
from .form_entries import FormEntry, changed, form_entries, named

ROOM = 16  # letters of what "auto" chose; more would make the form wider than its dock


class Form(QWidget):
    """Widgets for the options of one method.

    Parameters
    ----------
    model : type of Options
    values : dict
        Start values; defaults where missing or impossible.
    """

    edited = Signal()

    def __init__(self, model: type[Options], values: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.model = model
        self.entries = form_entries(model)
        self._rows: dict[str, _Row] = {}
        basic, advanced = QFormLayout(), QFormLayout()
        self._layouts: dict[str, QFormLayout] = {}
        for layout in (basic, advanced):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for entry in self.entries:
            row = _Row(entry)
            row.edited.connect(self.edited)
            self._rows[entry.name] = row
            label = QLabel(entry.title)
            label.setToolTip(entry.tooltip)
            label.setBuddy(row.input)
            self._layouts[entry.name] = advanced if entry.advanced else basic
            self._layouts[entry.name].addRow(label, row)
        column = bare(QVBoxLayout(self))
        column.addLayout(basic)
        if advanced.rowCount():
            rarely = QWidget()
            rarely.setLayout(advanced)
            column.addWidget(Section("Advanced", rarely, unfolded=False))
        self.set_values(values or {})
        self.edited.connect(self._show_what_matters)

    def values(self) -> dict[str, Any]:
        """All values as they stand."""
        return {name: row.value() for name, row in self._rows.items()}

    def set_values(self, values: dict[str, Any]) -> None:
        """Set these values; entries that are not named take their default."""
        known = named(self.model, values)
        for entry in self.entries:
            self._rows[entry.name].set_value(known.get(entry.name, entry.default))
        self._show_what_matters()

    def show_chosen(self, chosen: dict[str, Any]) -> None:
        """Write beside each automatic value what the last run chose; nothing where it chose none."""
        known = named(self.model, chosen)
        for name, row in self._rows.items():
            row.show_chosen(known.get(name))

    def offer(self, name: str, files: list[tuple[str, str]]) -> None:
        """Offer further files, by name and path, in an entry that holds one."""
        row = self._rows.get(name)
        if row is not None and isinstance(row.widget, WeightsChoice):
            row.widget.offer(files)

    def input_of(self, name: str) -> QWidget:
        """The widget of an entry."""
        return self._rows[name].input

    def changes(self) -> dict[str, Any]:
        """Values that differ from the defaults, validated.

        Raises
        ------
        OptionError
            A value out of bounds.
        """
        values = changed(self.entries, self.values())
        self.model.parse(values)
        return values

    def _show_what_matters(self) -> None:
        """Hide the entries that do nothing with what is chosen."""
        values = self.values()
        for entry in self.entries:
            self._layouts[entry.name].setRowVisible(self._rows[entry.name], entry.matters(values))


class _Row(QWidget):
    """One entry: its input, its unit, and "auto" where the method can choose."""

    edited = Signal()

    def __init__(self, entry: FormEntry) -> None:
        super().__init__()
        self._entry = entry
        layout = bare(QHBoxLayout(self))
        self.widget = make_widget(entry)
        edited(self.widget).connect(self._changed)
        self.input: QWidget = self.widget.native
        described(self.input, entry.title, entry.tooltip)
        layout.addWidget(self.input, 1)
        if entry.unit:
            layout.addWidget(QLabel(entry.unit))
        self._auto: QCheckBox | None = None
        if entry.can_be_auto:
            self._auto = QCheckBox("auto" if entry.auto == "auto" else "none")
            self._auto.setToolTip(entry.tooltip)
            described(self._auto, f"{entry.title}: automatic")
            self._auto.toggled.connect(self._on_auto)
            layout.addWidget(self._auto)
        self._told = QLabel()
        self._told.hide()
        layout.addWidget(self._told)

    def show_chosen(self, value: Any) -> None:
        """What "auto" chose in the last run."""
        told = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
        self._told.setText(f"chose {told if len(told) <= ROOM else told[: ROOM - 1] + '…'}" if told else "")
        self._told.setToolTip(f"What “auto” chose in the last run of this method: {told}.")
        self._told.setVisible(bool(told) and self.value() == "auto")

    def value(self) -> Any:
        """Current value."""
        if self._auto is not None and self._auto.isChecked():
            return self._entry.auto
        value = self.widget.value
        value = value.strip() if isinstance(value, str) else value
        return self._entry.auto if value == "" and self._entry.can_be_auto else value  # nothing was typed yet

    def set_value(self, value: Any) -> None:
        """Show a value; one that the input cannot hold is left to the default."""
        automatic = self._entry.can_be_auto and value == self._entry.auto
        if self._auto is not None:
            self._auto.setChecked(automatic)
        if not automatic and not hold(self.widget, value):
            self.set_value(self._entry.default)

    def mousePressEvent(self, event: Any) -> None:
        """A click on an entry that is left to "auto" begins to type there: a disabled entry hands it on."""
        if self._auto is not None and self._auto.isChecked() and self.childAt(event.position().toPoint()) is self.input:
            self._auto.setChecked(False)
        super().mousePressEvent(event)

    def _on_auto(self, on: bool) -> None:
        self.input.setEnabled(not on)
        if not on and self.widget.value == "":
            self.input.setFocus()
        self.edited.emit()

    def _changed(self, *_: Any) -> None:
        self.edited.emit()
