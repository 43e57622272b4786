"""A form made from the options model of a method: the one place where options become widgets."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...options import Options
from ..common.widgets import Section, bare, described
from .field_widgets import WeightsChoice, edited, hold, make_widget
from .form_entries import FormField, changed, form_fields, named

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
        self.fields = form_fields(model)
        self._rows: dict[str, _Row] = {}
        basic, advanced = QFormLayout(), QFormLayout()
        self._layouts: dict[str, QFormLayout] = {}
        for layout in (basic, advanced):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for field in self.fields:
            row = _Row(field)
            row.edited.connect(self.edited)
            self._rows[field.name] = row
            label = QLabel(field.title)
            label.setToolTip(field.tooltip)
            label.setBuddy(row.input)
            self._layouts[field.name] = advanced if field.advanced else basic
            self._layouts[field.name].addRow(label, row)
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
        """Set these values; fields that are not named take their default."""
        known = named(self.model, values)
        for field in self.fields:
            self._rows[field.name].set_value(known.get(field.name, field.default))
        self._show_what_matters()

    def show_chosen(self, chosen: dict[str, Any]) -> None:
        """Write beside each automatic value what the last run chose; nothing where it chose none."""
        known = named(self.model, chosen)
        for name, row in self._rows.items():
            row.show_chosen(known.get(name))

    def offer(self, name: str, files: list[tuple[str, str]]) -> None:
        """Offer further files, by name and path, in a field that holds one."""
        row = self._rows.get(name)
        if row is not None and isinstance(row.widget, WeightsChoice):
            row.widget.offer(files)

    def input_of(self, name: str) -> QWidget:
        """The widget of a field."""
        return self._rows[name].input

    def changes(self) -> dict[str, Any]:
        """Values that differ from the defaults, validated.

        Raises
        ------
        OptionError
            A value out of bounds.
        """
        values = changed(self.fields, self.values())
        self.model.parse(values)
        return values

    def _show_what_matters(self) -> None:
        """Hide the fields that do nothing with what is chosen."""
        values = self.values()
        for field in self.fields:
            self._layouts[field.name].setRowVisible(self._rows[field.name], field.matters(values))


class _Row(QWidget):
    """One field: its input, its unit, and "auto" where the method can choose."""

    edited = Signal()

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field
        layout = bare(QHBoxLayout(self))
        self.widget = make_widget(field)
        edited(self.widget).connect(self._changed)
        self.input: QWidget = self.widget.native
        described(self.input, field.title, field.tooltip)
        layout.addWidget(self.input, 1)
        if field.unit:
            layout.addWidget(QLabel(field.unit))
        self._auto: QCheckBox | None = None
        if field.can_be_auto:
            self._auto = QCheckBox("auto" if field.auto == "auto" else "none")
            self._auto.setToolTip(field.tooltip)
            described(self._auto, f"{field.title}: automatic")
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
            return self._field.auto
        value = self.widget.value
        value = value.strip() if isinstance(value, str) else value
        return self._field.auto if value == "" and self._field.can_be_auto else value  # nothing was typed yet

    def set_value(self, value: Any) -> None:
        """Show a value; one that the input cannot hold is left to the default."""
        automatic = self._field.can_be_auto and value == self._field.auto
        if self._auto is not None:
            self._auto.setChecked(automatic)
        if not automatic and not hold(self.widget, value):
            self.set_value(self._field.default)

    def mousePressEvent(self, event: Any) -> None:
        """A click on a field that is left to "auto" begins to type there: a disabled field hands it on."""
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
