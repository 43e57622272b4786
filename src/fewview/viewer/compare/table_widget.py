"""The table widget of the Compare dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem

from ..common.widgets import described, quiet
from .table import Column, Row

FIXED = ("Region", "Layer")
HEIGHT = 190
LINE = 22


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
        header = self.verticalHeader()
        if header is not None:
            header.setVisible(False)
            header.setDefaultSectionSize(LINE)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.itemChanged.connect(self._on_changed)

    def show_rows(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Replace the content; cells that stay the same are left alone."""
        with quiet(self):
            titles = [*FIXED, *(column.title for column in columns)]
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
                    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
                    header.resizeSection(1, 110)
            self.setRowCount(len(rows))
            for line, row in enumerate(rows):
                self._cell(line, 0, row.region, editable=True)
                self._cell(line, 1, row.layer)
                for index, column in enumerate(columns):
                    self._cell(line, len(FIXED) + index, row.text(column), best=column.key in row.best)
        self._rows = list(rows)

    def selected_regions(self) -> list[str]:
        """Names of the regions whose lines are selected."""
        lines = sorted({index.row() for index in self.selectedIndexes()})
        return list(dict.fromkeys(self._rows[line].region for line in lines if line < len(self._rows)))

    def _title(self, index: int) -> str:
        item = self.horizontalHeaderItem(index)
        return "" if item is None else item.text()

    def _cell(self, line: int, place: int, text: str, *, best: bool = False, editable: bool = False) -> None:
        item = self.item(line, place)
        if item is None:
            item = QTableWidgetItem()
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if editable else flags)
            if place >= len(FIXED):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(line, place, item)
        if item.text() != text:
            item.setText(text)
            item.setToolTip(text)
        font = item.font()
        if font.bold() != best:
            font.setBold(best)
            item.setFont(font)

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.row() < len(self._rows):
            old, new = self._rows[item.row()].region, item.text().strip()
            if old != new:
                self.renamed.emit(old, new)
