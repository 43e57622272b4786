"""Layers of two axes lie in the xy plane; napari draws them over any other plane as if they lay there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..common.layers import facts
from .clicks import is_xy


class Flat:
    """Hides some layers of two axes while another plane is shown, and no longer.

    Parameters
    ----------
    viewer : napari viewer
    ours : callable
        Whether a layer of these facts is one of them.
    """

    def __init__(self, viewer: Any, ours: Callable[[Mapping[str, Any]], bool]) -> None:
        self._viewer, self._ours = viewer, ours
        self._hidden: list[Any] = []

    def follow(self, event: Any = None) -> None:
        """Another plane may be shown, or other layers be there."""
        flat = [one for one in self._viewer.layers if one.ndim == 2 and self._ours(facts(one.metadata))]
        if is_xy(self._viewer):
            back = [layer for layer in flat if layer in self._hidden]
            self._hidden = [layer for layer in self._hidden if layer not in back]
            for layer in back:
                layer.visible = True
            return
        for layer in flat:
            if layer.visible:
                self._hidden.append(layer)
                layer.visible = False

    def leave(self) -> None:
        """Show again what was hidden."""
        for layer in self._hidden:
            layer.visible = True
        self._hidden = []
