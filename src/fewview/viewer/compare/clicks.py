"""Clicks on the image, and drags that begin on a region; all else is left to napari and its drawing tools."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

NEAR = 4  # canvas pixels that a hand may move during a click
Point = tuple[float, float]  # (y, x) in the viewer's world


class Hand(Protocol):
    """Who hears of clicks and drags."""

    def clicked(self, where: Point) -> None:
        """A click on the picture."""

    def grabbed(self, where: Point) -> bool:
        """A button went down; whether there is something to drag."""

    def dragged(self, where: Point) -> None:
        """What was grabbed is to follow."""

    def turned(self) -> None:
        """A click, while another plane than xy is shown."""


class ClickWatcher:
    """Tells a :class:`Hand` of clicks and drags; does not keep it alive."""

    def __init__(self, viewer: Any, hand: Hand) -> None:
        self._viewer = viewer
        self._hand = weakref.ref(hand)
        self.active = True
        viewer.mouse_drag_callbacks.append(self)

    def __call__(self, viewer: Any, event: Any) -> Iterator[None]:
        """Called by napari with every press; a generator, resumed with moves and the release."""
        hand = self._hand()
        start = np.array(event.pos)
        moved = False
        wanted = (
            hand is not None
            and self.active
            and event.button == 1
            and viewer.dims.ndisplay == 2
            and not getattr(event, "modifiers", ())
            and not self._drawing()
        )
        flat = is_xy(viewer)
        held = wanted and flat and hand is not None and hand.grabbed(_where(event))
        camera, panning = viewer.scene.camera, viewer.scene.camera.mouse_pan
        if held:
            camera.mouse_pan = False  # the region moves, not the picture under it
        yield
        while event.type == "mouse_move":
            moved = moved or bool(np.abs(np.array(event.pos) - start).max() > NEAR)
            if held and moved and hand is not None:
                hand.dragged(_where(event))
            yield
        if held:
            camera.mouse_pan = panning
        if wanted and not moved and hand is not None:
            if flat:
                hand.clicked(_where(event))
            else:
                hand.turned()

    def close(self) -> None:
        """Watch no longer."""
        if self in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self)

    def _drawing(self) -> bool:
        active = self._viewer.layers.selection.active
        return active is not None and str(getattr(active, "mode", "pan_zoom")) not in ("pan_zoom", "Mode.PAN_ZOOM")


def is_xy(viewer: Any) -> bool:
    """Whether the viewer shows the slices as they lie, rows down and columns to the right."""
    ndim = viewer.dims.ndim
    return tuple(viewer.dims.order[-2:]) == (ndim - 2, ndim - 1)


def _where(event: Any) -> Point:
    return float(event.position[-2]), float(event.position[-1])
