"""Layers whose changes the comparison follows; those that are gone are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Slot = Callable[..., None]
PLACING = ("data", "scale", "translate", "rotate", "shear", "affine", "units")


class FollowedLayers:
    """Connects each layer once.

    Parameters
    ----------
    on_pixels : callable
        Called when the data of a picture change, or where it lies.
    on_shapes : callable
        Called when regions or lines change.
    on_mode : callable
        Called when what the mouse does to these changes.
    """

    def __init__(self, on_pixels: Slot, on_shapes: Slot, on_mode: Slot) -> None:
        self._on_pixels, self._on_shapes, self._on_mode = on_pixels, on_shapes, on_mode
        self._known: dict[int, tuple[Any, bool]] = {}  # a layer, and whether it is a picture

    def follow(self, layers: Iterable[Any]) -> None:
        """Follow these too."""
        for layer in layers:
            if layer is None or id(layer) in self._known:
                continue
            picture = type(layer).__name__ == "Image"
            for event, slot in self._heard(layer, picture):
                event.connect(slot)
            self._known[id(layer)] = (layer, picture)

    def _heard(self, layer: Any, picture: bool) -> list[tuple[Any, Slot]]:
        events = layer.events
        if picture:
            return [(getattr(events, name), self._on_pixels) for name in PLACING]
        return [(events.data, self._on_shapes), (events.mode, self._on_mode)]

    def forget_all_but(self, layers: Iterable[Any]) -> None:
        """Forget layers that are gone: another one may get their number."""
        present = set(map(id, layers))
        for key in [key for key in self._known if key not in present]:
            del self._known[key]

    def leave(self) -> None:
        """Disconnect from all."""
        for layer, picture in self._known.values():
            for event, slot in self._heard(layer, picture):
                event.disconnect(slot)
        self._known.clear()
