"""Where the docks go: beside and below the picture, so that nothing is squeezed in a window of 1280 x 800."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

RIGHT, BELOW = 320, 366  # pixels: our docks, and ten lines of the table
ROOM = (1280, 800)  # pixels that three docks and a picture need
SMALLEST_PICTURE = 360  # rows of the picture that a low window keeps


def arrange(frames: Mapping[str, Any]) -> None:
    """Give each dock its place and size.

    Parameters
    ----------
    frames : mapping of str to QDockWidget
        "Scan", "Reconstruct" and "Compare".
    """
    window = frames["Compare"].window()
    if not isinstance(window, QMainWindow):
        return  # floating, as its user left it
    _room_for(window)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, frames["Compare"])
    if frames["Reconstruct"] not in window.tabifiedDockWidgets(frames["Scan"]):  # each was opened by itself before
        window.tabifyDockWidget(frames["Scan"], frames["Reconstruct"])
    _height_below(window, frames["Compare"])
    window.resizeDocks([frames["Scan"]], [RIGHT], Qt.Orientation.Horizontal)
    QTimer.singleShot(0, frames["Scan"].raise_)  # napari shows the last one only after this


def below_at_first(name: str) -> None:
    """Have napari put a dock below the picture, until its user moves it: napari then remembers where."""
    get_settings().application.plugin_widget_positions.setdefault(name, "bottom")


def settle(dock: QWidget, ours: Sequence[QWidget]) -> None:
    """See to it that a dock that was opened by itself squeezes none: tabs, where a side has no room for two.

    Parameters
    ----------
    dock : QWidget
        What is in a frame that is in its window now.
    ours : sequence of QWidget
        All docks of ours in that window.
    """
    window, frame = dock.window(), dock.parentWidget()
    if not isinstance(window, QMainWindow) or not isinstance(frame, QDockWidget) or window.tabifiedDockWidgets(frame):
        return  # floating, or among tabs already
    side = window.dockWidgetArea(frame)
    if side == Qt.DockWidgetArea.BottomDockWidgetArea:
        _height_below(window, frame)
        return
    column = [one for one in ours if _in_sight(one) and window.dockWidgetArea(_frame(one)) == side]
    others = [one for one in column if one is not dock]
    if others and any(one.height() < one.sizeHint().height() for one in column):
        window.tabifyDockWidget(_frame(others[-1]), frame)
        QTimer.singleShot(0, frame.raise_)  # once the tabs are there


def show_page(viewer: Any, page: Any, name: str, title: str) -> Any:
    """Show what is looked at for a while as a further tab on the right, instead of an earlier one of its name.

    Parameters
    ----------
    viewer : napari viewer
    page : QWidget
    name : str
        Of its dock.
    title : str
        Of its tab.

    Returns
    -------
    QDockWidget
        The frame around it.
    """
    if name in viewer.window.dock_widgets:
        viewer.window.remove_dock_widget(viewer.window.dock_widgets[name])
    frame = viewer.window.add_dock_widget(page, name=name, area="right", tabify=True)
    frame.setWindowTitle(title)
    frame.raise_()
    return frame


def _height_below(window: QMainWindow, frame: QDockWidget) -> None:
    """Ten lines of a table, and no more than the picture can spare."""
    # The columns at the sides go down to the ground: their lists need the height more than the table the width.
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    below = min(BELOW, max(BELOW // 2, window.height() - SMALLEST_PICTURE))
    window.resizeDocks([frame], [below], Qt.Orientation.Vertical)


def _frame(dock: QWidget) -> Any:
    return dock.parentWidget()


def _in_sight(dock: QWidget) -> bool:
    """Whether a dock is in its frame, and not behind another tab or a window of its own."""
    frame = _frame(dock)
    return isinstance(frame, QDockWidget) and not frame.isFloating() and not frame.visibleRegion().isEmpty()


def _room_for(window: QMainWindow) -> None:
    """A smaller window grows, as far as the screen allows."""
    screen = window.screen()
    if screen is None or window.isMaximized() or window.isFullScreen():
        return
    free = screen.availableGeometry()
    width, height = min(max(window.width(), ROOM[0]), free.width()), min(max(window.height(), ROOM[1]), free.height())
    if (width, height) != (window.width(), window.height()):
        window.resize(width, height)
