"""Files that are dropped on a dock or on the picture: opened as by "File…", or refused in a sentence."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.plugins.utils import get_preferred_reader
from npe2 import PluginManager
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QDragLeaveEvent
from qtpy.QtWidgets import QApplication, QMainWindow

from ...errors import FewviewError
from ..common.notify import complain
from ..common.widgets import Dock, dropped_paths, picture_of
from .readers import read

PLUGIN = "fewview"
OTHERWISE = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier  # napari asks for a reader, or stacks


def open_dropped(viewer: Any, paths: Iterable[str]) -> None:
    """Open files one after the other; what cannot be read is said, and the others come all the same.

    Parameters
    ----------
    viewer : napari Viewer
    paths : iterable of str
    """
    for path in paths:
        try:
            layers = read(path)
        except FewviewError as error:
            complain(error)
            continue
        for one in layers:
            viewer.add_layer(Layer.create(*one))


class PictureDrops(QObject):
    """Takes drops on the picture before napari does, which asks "Choose reader" wherever another plugin reads a suffix.

    What napari is told otherwise holds: with Alt it asks, with Shift it stacks, and a reader that the user has chosen
    for a suffix reads it. Files that we do not read, and all files while no dock of ours is open, are napari's.

    Parameters
    ----------
    viewer : napari Viewer
    window : QMainWindow
        The viewer's.
    """

    def __init__(self, viewer: Any, window: QMainWindow) -> None:
        super().__init__(window)
        self._viewer = weakref.ref(getattr(viewer, "__wrapped__", viewer))
        self._window = weakref.ref(window)
        for widget in picture_of(window):
            if widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Called by Qt; True for a drop that goes no further.

        Parameters
        ----------
        watched : QWidget
        event : QEvent
        """
        if event.type() != QEvent.Type.Drop or (event.modifiers() | QApplication.keyboardModifiers()) & OTHERWISE:
            return False
        viewer, window, paths = self._viewer(), self._window(), dropped_paths(event)
        if viewer is None or window is None or not window.findChildren(Dock) or not _all_ours(paths):
            return False
        event.acceptProposedAction()
        QApplication.sendEvent(watched, QDragLeaveEvent())  # the welcome picture stays lit otherwise
        QTimer.singleShot(0, partial(open_dropped, viewer, paths))  # once the drag is over: it may be complained
        return True


def _all_ours(paths: list[str]) -> bool:
    """Whether fewview reads each of these, and the user has not chosen another reader."""
    manager = PluginManager.instance()
    return bool(paths) and all(
        get_preferred_reader(path) in (None, PLUGIN)
        and any(reader.plugin_name == PLUGIN for reader in manager.iter_compatible_readers([str(Path(path))]))
        for path in paths
    )
