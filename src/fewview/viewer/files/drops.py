"""Files that are dropped on a dock: opened as on the picture, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari.layers import Layer

from ...errors import FewviewError
from ..common.notify import complain
from .readers import read


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
