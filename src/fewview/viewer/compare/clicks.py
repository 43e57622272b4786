"""Clicks on the image, as opposed to drags and to clicks that belong to a drawing tool."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

NEAR = 4  # canvas pixels that a hand may move during a click


class ClickWatcher:
    """Calls a method with the world position (y, x) of a click; does not keep its owner alive.

    Parameters
    ----------
    viewer
    method : bound method
        Called with (y, x).
    """

    def __init__(self, viewer: Any, method: Callable[[tuple[float, float]], None]) -> None:
        self._viewer = viewer
        self._method = weakref.WeakMethod(method)
        self.active = True
        viewer.mouse_drag_callbacks.append(self)

    def __call__(self, viewer: Any, event: Any) -> Iterator[None]:
        """Called by napari with every press; a generator, resumed with moves and the release."""
        start = np.array(event.pos)
        dragged = False
        wanted = self.active and event.button == 1 and viewer.dims.ndisplay == 2 and not self._drawing()
        yield
        while event.type == "mouse_move":
            dragged = dragged or bool(np.abs(np.array(event.pos) - start).max() > NEAR)
            yield
        method = self._method()
        if wanted and not dragged and method is not None:
            method((float(event.position[-2]), float(event.position[-1])))

    def close(self) -> None:
        """Watch no longer."""
        if self in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self)

    def _drawing(self) -> bool:
        active = self._viewer.layers.selection.active
        return active is not None and str(getattr(active, "mode", "pan_zoom")) not in ("pan_zoom", "Mode.PAN_ZOOM")
