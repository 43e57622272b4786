"""Plugins > fewview > Open fewview: napari lists only widgets there, so this one opens the docks and goes."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from .commands import open_all


class OpenFewview(QWidget):
    """Opens Scan, Reconstruct and Compare in their places."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self.setMaximumSize(1, 1)  # nothing to be seen of it
        QTimer.singleShot(0, self._open)  # once napari has put it into its window

    def _open(self) -> None:
        viewer = self._viewer
        viewer.window.remove_dock_widget(self)
        open_all(viewer)
        self.deleteLater()
