"""Which widget holds which kind of option: magicgui's type map, with two kinds of our own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from magicgui.type_map import TypeMap
from magicgui.widgets import ComboBox, LineEdit
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QLocale
from qtpy.QtGui import QDoubleValidator
from qtpy.QtWidgets import QFileDialog

from .form_entries import FormEntry

LARGEST = 2**31 - 1
NUMBER_WIDE = 64  # pixels that a number needs
OWN = "own file…"


class Number(float):
    """A number of any size: a spin box cannot show 0.0003 and 300 alike."""


class WeightsFile(str):
    """A name that stands for a file of the package, or the path of another one."""


class NumberEdit(LineEdit):
    """A line that holds a float, in any notation; what is none stays text, for the model to say what is wrong."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        validator = QDoubleValidator(self.native)
        validator.setLocale(QLocale.c())
        self.native.setValidator(validator)

    def get_value(self) -> Any:
        """The number, or the text where it is none."""
        text = str(super().get_value()).strip()
        try:
            return float(text)
        except ValueError:
            return text

    def set_value(self, value: Any) -> None:
        """Show a number in its shortest form."""
        super().set_value(f"{value:g}" if isinstance(value, float) else str(value))


class WeightsChoice(ComboBox):
    """Names, files that were chosen, then "own file…", which asks for one."""

    def __init__(self, *, choices: Sequence[tuple[str, str]], label: str = "", **options: Any) -> None:
        self._before = choices[0][1]
        super().__init__(choices=[*choices, (OWN, OWN)], label=label, **options)
        self.native.setSizeAdjustPolicy(self.native.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.native.setMinimumContentsLength(8)
        self.native.activated.connect(self._on_activated)

    def get_value(self) -> Any:
        """Name, or path."""
        now = super().get_value()
        return self._before if now == OWN else now

    def set_value(self, value: Any) -> None:
        """Show a name or a path."""
        if value not in self.choices:
            self.offer([(Path(value).stem, str(value))])
            self.native.setItemData(self.native.count() - 2, str(value), 3)  # the tooltip's role
        self._before = value
        super().set_value(value)

    def offer(self, files: Sequence[tuple[str, str]]) -> None:
        """Put further files, by name and path, before "own file…"."""
        now = self.value
        known = [(self.native.itemText(i), self.native.itemData(i)) for i in range(self.native.count())]
        paths = [path for _, path in known]
        self.choices = [*known[:-1], *(file for file in files if file[1] not in paths), known[-1]]
        self.value = now

    def _on_activated(self, index: int) -> None:
        if self.native.itemData(index) != OWN:
            self._before = self.native.itemData(index)
            return
        path, _ = QFileDialog.getOpenFileName(self.native, self.label, filter="Weights (*.safetensors);;All files (*)")
        self.set_value(path or self._before)


TYPES = TypeMap()
TYPES.register_type(Number, widget_type=NumberEdit)
TYPES.register_type(WeightsFile, widget_type=WeightsChoice)
_OF_KIND: dict[str, type] = {"int": int, "float": Number, "bool": bool, "text": str, "file": WeightsFile}


def make_widget(entry: FormEntry) -> ValueWidget[Any]:
    """The widget of an entry; its value is that of the option, without "auto"."""
    annotation: Any = Literal[entry.choices] if entry.kind == "choice" else _OF_KIND[entry.kind]
    options: dict[str, Any] = {}
    if entry.kind == "int":
        options = {"min": int(entry.low or 0), "max": LARGEST if entry.high is None else int(entry.high)}
    elif entry.kind == "file":
        options = {"choices": [(Path(name).stem, name) for name in entry.choices]}
    made: Any = TYPES.create_widget(annotation=annotation, name=entry.name, label=entry.title, options=options)
    made.tooltip = entry.tooltip
    if isinstance(made, LineEdit):
        made.native.setMinimumWidth(NUMBER_WIDE)  # beside a wide title, it would shrink to nothing
    if entry.kind == "bool":
        made.native.setText("")  # the form has its title beside it
    return made  # type: ignore[no-any-return]


def edited(widget: ValueWidget[Any]) -> Any:
    """The signal of an edit that is complete: a line tells of every letter."""
    return widget.native.editingFinished if isinstance(widget, LineEdit) else widget.changed


def hold(widget: ValueWidget[Any], value: Any) -> bool:
    """Show a value; False where the widget cannot hold it."""
    with suppress(ValueError, TypeError):
        widget.value = value
        return True
    return False
