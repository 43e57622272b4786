"""Pointing at a cell of the grid tells the whole name of its layer: napari cuts it off at the cell's edge."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QToolTip, QWidget

from ..common.widgets import picture_of
from .grid import Grid


class CellNames(QObject):
    """Shows the tooltips of a grid, for as long as its owner lives.

    Parameters
    ----------
    cells : Grid
    owner : QObject
    """

    def __init__(self, cells: Grid, owner: QObject) -> None:
        super().__init__(owner)
        self._cells = cells
        self._watched: list[QWidget] = []

    def watch(self, window: Any) -> None:
        """Listen to the picture of a window; again does no harm."""
        if self._watched or not isinstance(window, QMainWindow):
            return
        self._watched = picture_of(window)
        for widget in self._watched:
            widget.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Called by Qt; True for a tooltip that is shown.

        Parameters
        ----------
        watched : QWidget
        event : QEvent
        """
        if event.type() != QEvent.Type.ToolTip or not self._cells.on:
            return False
        name = self._cells.name_at(event.pos().x() / watched.width(), event.pos().y() / watched.height())
        QToolTip.showText(event.globalPos(), name, watched)
        return bool(name)
