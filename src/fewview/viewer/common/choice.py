"""Boxes of choices whose names may be longer than there is room for."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

from .widgets import described

EDGE = 6  # pixels that a style sheet may take of the field


class Choice(QComboBox):
    """What is too long loses letters of its middle, for a name ends with what tells it from others; pointing tells all.

    Parameters
    ----------
    tooltip : str
    name : str
        For screen readers.
    letters : int, optional
        Of a choice that are seen at least.
    """

    def __init__(self, tooltip: str, name: str, letters: int = 12) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)
        described(self, name)

    def shown(self) -> str:
        """The choice as there is room for it."""
        option, style = self._option(), self.style()
        assert style is not None
        field = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        return self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideMiddle, max(0, field.width() - EDGE)
        )

    def told(self) -> str:
        """What pointing at it tells: the choice, where it is cut, and what it is for."""
        cut = self.shown() != self.currentText()
        return f"{self.currentText()}\n{self.toolTip()}" if cut else self.toolTip()

    def paintEvent(self, event: Any) -> None:
        """Draw it with the choice as there is room for it."""
        painter, option = QStylePainter(self), self._option()
        option.currentText = self.shown()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def event(self, event: Any) -> bool:
        """Tell all of a choice that is cut."""
        if event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.told(), self)
            return True
        return bool(super().event(event))

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return option
