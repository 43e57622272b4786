"""Mode and method: which there are, which can run here, and which is chosen."""

from __future__ import annotations

from typing import Any

from napari.qt.threading import thread_worker
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QComboBox, QGridLayout, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...methods.interface import Method
from ..common.settings import Settings
from ..common.widgets import Section, bare, described, tool, wrapped
from .modes import ModeState, all_methods, mode_states


@thread_worker
def _load() -> list[Method[Any]]:
    return all_methods()


class MethodPicker(QWidget):
    """Buttons of the modes, and the methods of the chosen one."""

    changed = Signal()
    loaded = Signal()

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self.states: list[ModeState] = []
        self.modes = QButtonGroup(self)
        self._grid = QGridLayout()
        self.why = wrapped("Loading the methods…")
        self.why_section = Section("Why are some greyed?", self.why)
        self._grid.addWidget(self.why_section, 3, 0, 1, 2)
        self.method = QComboBox()
        self.method.setToolTip("Method of this mode.")
        described(self.method, "Method")
        self.method.currentIndexChanged.connect(self._on_method)
        self.summary = wrapped()
        layout = bare(QVBoxLayout(self))
        layout.addLayout(self._grid)
        layout.addWidget(self.method)
        layout.addWidget(self.summary)

    def load(self) -> None:
        """Fetch the methods: they bring torch in, seconds which the screen does not wait for."""
        self._loader = _load()
        self._loader.returned.connect(self._on_methods)
        self._loader.start()

    @property
    def chosen(self) -> Method[Any] | None:
        """The method that would run."""
        result: Method[Any] | None = self.method.currentData()
        return result

    @property
    def mode(self) -> ModeState:
        """The mode that is chosen."""
        return self.states[self.modes.checkedId()]

    def choose(self, name: str) -> None:
        """Choose a method by name, in whatever mode it is."""
        for index, state in enumerate(self.states):
            names = [method.name for method in state.methods]
            if state.enabled and name in names:
                self._check(index)
                self._show(name)

    def _on_methods(self, methods: list[Method[Any]]) -> None:
        self.states = mode_states(methods)
        last = self._settings.remembered("mode")
        for index, state in enumerate(self.states):
            made = tool(state.mode.title, state.reason or state.mode.help, self._on_mode, checkable=True)
            made.setEnabled(state.enabled)
            made.setProperty("mode", index)
            self.modes.addButton(made, index)
            self._grid.addWidget(made, index // 2, index % 2)
        usable = [state for state in self.states if state.enabled]
        start = next((state for state in usable if state.mode.name == last), usable[0] if usable else None)
        greyed = [state for state in self.states if not state.enabled]
        self.why.setText("\n".join(f"{state.mode.title}: {state.reason}" for state in greyed))
        self.why_section.head.setChecked(False)
        self.why_section.setVisible(bool(greyed))
        if start is not None:
            self._check(self.states.index(start))
        self.loaded.emit()

    def _check(self, index: int) -> None:
        made = self.modes.button(index)
        if made is not None:
            made.setChecked(True)

    def _on_mode(self, on: bool) -> None:
        if not on:
            return
        state = self.mode
        last = self._settings.remembered("method")
        with signals_blocked(self.method):
            self.method.clear()
            for after in (False, True):
                shelf = [method for method in state.methods if method.for_comparison == after]
                if after and shelf and self.method.count():
                    self.method.insertSeparator(self.method.count())
                for method in shelf:
                    self.method.addItem(method.title, method)
                    self.method.setItemData(self.method.count() - 1, method.summary, 3)  # the tooltip's role
            self._show(str(last))
        self._on_method()

    def _show(self, name: str) -> None:
        """Choose a method of this mode by name; the first where there is none of that name."""
        places = range(self.method.count())
        methods = [self.method.itemData(place) for place in places]
        found = [place for place, method in zip(places, methods, strict=True) if method and method.name == name]
        self.method.setCurrentIndex(found[0] if found else 0)

    def _on_method(self) -> None:
        method = self.chosen
        if method is not None:
            self.summary.setText(method.summary)
            self.summary.setToolTip(method.source)
            self.changed.emit()
