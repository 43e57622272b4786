"""The graphics card and the window: what one asks of OpenGL outside of a painting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget


def ready_for_commands(window: QWidget | None) -> None:
    """Make the OpenGL context of a window's canvas the current one.

    When a layer goes, napari has all that waits for the graphics card carried out at once, wherever it is. Without a
    current context nothing comes of it: textures and buffers of a layer that came in the same pass of the event loop
    are missing, and the next painting crashes within OpenGL.

    Parameters
    ----------
    window : QWidget or None
        None where the docks are in no window yet.
    """
    for canvas in [] if window is None else window.findChildren(QOpenGLWidget):
        canvas.makeCurrent()


@contextmanager
def still(window: QWidget | None) -> Iterator[None]:
    """Nothing of a window is painted meanwhile.

    Parameters
    ----------
    window : QWidget or None
        None where the docks are in no window yet.
    """
    if window is None or not window.updatesEnabled():
        yield
        return
    window.setUpdatesEnabled(False)
    try:
        yield
    finally:
        window.setUpdatesEnabled(True)
