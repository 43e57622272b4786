"""A choice of names that stand for files of the package, with a way to a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QFileDialog

from ..common.widgets import quiet

OWN = "own file…"


class FileChoice(QComboBox):
    """Names, then "own file…", which asks for one.

    Parameters
    ----------
    names : sequence of str
    title : str
        Of the dialog.
    """

    def __init__(self, names: Sequence[str], title: str) -> None:
        super().__init__()
        self._title = title
        self._before = 0
        for name in names:
            self.addItem(name, name)
        self.addItem(OWN)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.activated.connect(self._on_activated)

    @property
    def chosen(self) -> str:
        """Name, or path."""
        return str(self.currentData() or self.itemData(self._before))

    def choose(self, value: str) -> None:
        """Show a name or a path."""
        index = self.findData(value)
        if index < 0:
            index = self.count() - 1
            with quiet(self):
                self.insertItem(index, Path(value).name, value)
            self.setItemToolTip(index, value)
        self.setCurrentIndex(index)
        self._before = index

    def setItemToolTip(self, index: int, text: str) -> None:
        """The whole path, where the name alone is shown."""
        self.setItemData(index, text, 3)  # the tooltip's role

    def _on_activated(self, index: int) -> None:
        if self.itemText(index) != OWN:
            self._before = index
            return
        path, _ = QFileDialog.getOpenFileName(self, self._title, filter="Weights (*.safetensors);;All files (*)")
        if path:
            self.choose(path)
        else:
            self.setCurrentIndex(self._before)
