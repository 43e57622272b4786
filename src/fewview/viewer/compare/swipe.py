"""A swipe between two layers: left of the line one, right of it the other, in the slice that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..common.layers import METADATA, plane_at
from .presenter import index_at

NAME = "Swipe"


class Swipe:
    """Holds a 2-D layer on top of the two; gone when it is turned off."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layers: tuple[Any, Any] | None = None
        self.share = 0.5

    def start(self, left: Any, right: Any) -> None:
        """Begin between two layers."""
        self.layers = (left, right)
        self.draw()

    def stop(self) -> None:
        """Take the swipe layer away."""
        self.layers = None
        if NAME in self._viewer.layers:
            self._viewer.layers.remove(NAME)

    def draw(self) -> None:
        """Compose the slice anew."""
        if self.layers is None:
            return
        left, right = self.layers
        if left not in self._viewer.layers or right not in self._viewer.layers:
            self.stop()
            return
        z = float(self._viewer.dims.point[-3]) if self._viewer.dims.ndim > 2 else 0.0
        a, b = (plane_at(layer.data, index_at(layer, z)) for layer in (left, right))
        if a is None or b is None or a.image.shape != b.image.shape:
            return
        edge = round(self.share * a.image.shape[1])
        image = np.concatenate([a.image[:, :edge], b.image[:, edge:]], axis=1)
        if NAME in self._viewer.layers:
            self._viewer.layers[NAME].data = image
            return
        selected = list(self._viewer.layers.selection)
        self._viewer.add_image(
            image,
            name=NAME,
            scale=left.scale[-2:],
            translate=left.translate[-2:],
            units=left.units[-2:],
            axis_labels=("y", "x"),
            contrast_limits=left.contrast_limits,
            colormap=left.colormap,
            metadata={METADATA: {"swipe": True}},
        )
        layers = self._viewer.layers
        for layer in [layer for layer in layers if type(layer).__name__ == "Shapes"]:
            layers.move(layers.index(layer), -1)  # regions stay on top of what they measure
        layers.selection = selected
