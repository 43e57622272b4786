"""The list of layers that take part in the comparison, with a tick and a colour for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem
from superqt.utils import signals_blocked

from ..common.theme import Colours
from ..common.widgets import described, one_line


class LayerList(QListWidget):
    """Knows layers by themselves, not by their names: a tick survives that a layer is renamed."""

    ticked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Layers to compare, each with the colour of its curves. The reference is in the Scan dock.")
        one_line(self)
        described(self, "Layers to compare")
        self._layers: list[Any] = []
        self._ticks: dict[int, bool] = {}
        self._slots: dict[int, int] = {}
        self._series: tuple[str, ...] = ("#808080",)
        self.itemChanged.connect(self._on_changed)

    def show_layers(self, layers: Iterable[Any], aside: Iterable[Any], colours: Colours) -> None:
        """Show these layers; ``aside``: those that take part only when the user ticks them.

        Parameters
        ----------
        layers : iterable of Any
        aside : iterable of Any
        colours : Colours
            Of the theme.
        """
        self._layers, self._series = list(layers), colours.series
        left_out = {id(layer) for layer in aside}
        present = {id(layer) for layer in self._layers}
        self._ticks = {key: tick for key, tick in self._ticks.items() if key in present}
        self._slots = {key: slot for key, slot in self._slots.items() if key in present}
        with signals_blocked(self):
            self.clear()
            for layer in self._layers:
                item = QListWidgetItem(self.icon(layer), layer.name)
                item.setToolTip(layer.name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = self._ticks.get(id(layer), id(layer) not in left_out)
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                self.addItem(item)

    def chosen(self) -> list[Any]:
        """Layers that are ticked, in their order."""
        items = (self.item(index) for index in range(self.count()))
        return [
            layer
            for layer, item in zip(self._layers, items, strict=True)
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def tick(self, layer: Any, on: bool) -> None:
        """Tick or untick a layer."""
        self._ticks[id(layer)] = on
        if layer in self._layers:
            item = self.item(self._layers.index(layer))
            if item is not None:
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def slot(self, layer: Any) -> int:
        """Place of a layer in the series of colours; its own as long as it is there."""
        key = id(layer)
        if key not in self._slots:
            used = set(self._slots.values())
            self._slots[key] = next(index for index in range(len(used) + 1) if index not in used)
        return self._slots[key]

    def icon(self, layer: Any) -> QIcon:
        """A square in the layer's colour."""
        pixmap = QPixmap(10, 10)
        pixmap.fill(QColor(self._series[self.slot(layer) % len(self._series)]))
        return QIcon(pixmap)

    def _on_changed(self, item: QListWidgetItem) -> None:
        layer = self._layers[self.row(item)]
        self._ticks[id(layer)] = item.checkState() == Qt.CheckState.Checked
        self.ticked.emit()
