"""The table widget of the Compare dock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari.settings import get_settings
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem
from superqt.utils import signals_blocked

from ..common.names import common_scan, short_names, without_prefix
from ..common.widgets import described
from .table import WHOLE, Column, Row, power_of_ten

FIXED = ("Region", "Layer")
PARTED = {"Held-out": "Held-\nout", "Residual": "Resi-\ndual"}
HEIGHT = 90
LINE = 19
NAME_LENGTH = 60  # letters of a layer's name: its column shows those that it has room for
NARROWEST, WIDEST = 76, 220  # pixels of it
SMALLER = 0.9  # of napari's letters: ten numbers have to fit beside each other


class CompareTable(QTableWidget):
    """Lines of a :class:`~fewview.viewer.compare.table.Table`; the best of a column is starred and bold."""

    renamed = Signal(str, str)  # region: old name, new name

    def __init__(self) -> None:
        super().__init__(0, 2)
        self._rows: list[Row] = []
        described(
            self, "Comparison of regions and layers", "One line per region and layer; a star marks the best value"
        )
        self.setMinimumHeight(HEIGHT)
        self.setMinimumWidth(0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setToolTip("Double-click a region's name to change it.")
        self.setIconSize(QSize(10, 10))
        header = self.verticalHeader()
        if header is not None:
            header.setVisible(False)
            header.setDefaultSectionSize(LINE)
        points = max(7, round(SMALLER * get_settings().appearance.font_size))
        self.setStyleSheet(f"QTableWidget, QHeaderView {{ font-size: {points}pt }}")
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.itemChanged.connect(self._on_changed)

    def show_rows(
        self,
        columns: Sequence[Column],
        rows: Sequence[Row],
        value_unit: str = "",
        icons: Mapping[int, QIcon] | None = None,
    ) -> None:
        """Replace the content; cells that stay the same are left alone.

        Parameters
        ----------
        columns, rows
        value_unit : str
            Of the layers' values, for the headings.
        icons : mapping of Row.key to icon, optional
            The colours of the layers.
        """
        with signals_blocked(self):
            power = power_of_ten(columns, rows)
            titles = [*FIXED, *(_in_two_lines(column.heading(value_unit, power)) for column in columns)]
            if [self._title(i) for i in range(self.columnCount())] != titles:
                self.setColumnCount(len(titles))
                self.setHorizontalHeaderLabels(titles)
                for index, column in enumerate(columns):
                    item = self.horizontalHeaderItem(len(FIXED) + index)
                    if item is not None:
                        item.setToolTip(column.tooltip)
                header = self.horizontalHeader()
                if header is not None:
                    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
                    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
            self.setRowCount(len(rows))
            scan = common_scan([row.layer for row in rows])
            names = short_names((without_prefix(scan, row.layer) for row in rows), NAME_LENGTH)
            for line, row in enumerate(rows):
                self._cell(line, 0, row.region, editable=row.region != WHOLE)
                self._cell(
                    line,
                    1,
                    names[without_prefix(scan, row.layer)],
                    note="; ".join(filter(None, (row.layer, row.note))),
                )
                item = self.item(line, 1)
                if item is not None and icons is not None and row.key in icons:
                    item.setIcon(icons[row.key])
                for index, column in enumerate(columns):
                    told = f"{row.region}, {row.layer}: {column.heading(value_unit, power)} {row.text(column, power)}"
                    self._cell(
                        line, len(FIXED) + index, row.text(column, power), best=column.key in row.best, note=told
                    )
        self._rows = list(rows)
        self._fit_names()

    def resizeEvent(self, event: Any) -> None:
        """Give the names what the numbers leave."""
        super().resizeEvent(event)
        self._fit_names()

    def _fit_names(self) -> None:
        """Layers' names are shortened rather than that one scrolls to a number."""
        header, view = self.horizontalHeader(), self.viewport()
        if header is not None and view is not None:
            others = sum(header.sectionSize(index) for index in range(header.count()) if index != 1)
            header.resizeSection(1, max(NARROWEST, min(WIDEST, view.width() - others)))

    def selected_regions(self) -> list[str]:
        """Names of the regions whose lines are selected."""
        lines = sorted({index.row() for index in self.selectedIndexes()})
        names = (self._rows[line].region for line in lines if line < len(self._rows))
        return [name for name in dict.fromkeys(names) if name != WHOLE]

    def _title(self, index: int) -> str:
        item = self.horizontalHeaderItem(index)
        return "" if item is None else item.text()

    def _cell(
        self, line: int, place: int, text: str, *, best: bool = False, editable: bool = False, note: str = ""
    ) -> None:
        item = self.item(line, place)
        if item is None:
            item = QTableWidgetItem()
            if place >= len(FIXED):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(line, place, item)
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        flags = flags | Qt.ItemFlag.ItemIsEditable if editable else flags
        if item.flags() != flags:
            item.setFlags(flags)
        if item.text() != text:
            item.setText(text)
        told = note or text
        if item.toolTip() != told:
            item.setToolTip(told)
        font = item.font()
        if font.bold() != best:
            font.setBold(best)
            item.setFont(font)

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.row() < len(self._rows):
            old, new = self._rows[item.row()].region, item.text().strip()
            if old != new:
                self.renamed.emit(old, new)


def _in_two_lines(heading: str) -> str:
    """Title above unit; a long title without one is parted."""
    title, _, unit = heading.partition(" / ")
    return f"{title}\n{unit}" if unit else PARTED.get(title, title)
