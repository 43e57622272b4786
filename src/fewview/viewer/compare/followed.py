"""Layers whose changes the comparison follows; those that are gone are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Slot = Callable[..., None]


class FollowedLayers:
    """Connects each layer once.

    Parameters
    ----------
    on_pixels : callable
        Called when the data of a picture change.
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
            layer.events.data.connect(self._on_pixels if picture else self._on_shapes)
            if not picture:
                layer.events.mode.connect(self._on_mode)
            self._known[id(layer)] = (layer, picture)

    def forget_all_but(self, layers: Iterable[Any]) -> None:
        """Forget layers that are gone: another one may get their number."""
        present = set(map(id, layers))
        for key in [key for key in self._known if key not in present]:
            del self._known[key]

    def leave(self) -> None:
        """Disconnect from all."""
        for layer, picture in self._known.values():
            layer.events.data.disconnect(self._on_pixels if picture else self._on_shapes)
            if not picture:
                layer.events.mode.disconnect(self._on_mode)
        self._known.clear()
