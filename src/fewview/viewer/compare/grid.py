"""Layers side by side, the regions drawn over each of them.

napari's grid gives every layer a cell of its own, regions too. So each compared layer gets a copy of the regions that
shares its cell: a stride of two, and an order of the layers in which the pairs begin at an even place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..common.layers import METADATA, facts
from .grids import place_of
from .regions_layer import COLOUR, LINE_COLOUR, Regions, line_width

NAME_POINTS = 8  # napari cuts off names wider than their cell


class Grid:
    """Turns napari's grid on and off for some layers, and leaves the list of layers as it was."""

    def __init__(self, viewer: Any, regions: Regions) -> None:
        self._viewer = viewer
        self._regions = regions
        self._visible: dict[Any, bool] = {}
        self._drawn: list[Any] = []

    @property
    def on(self) -> bool:
        """Whether the grid is shown."""
        return bool(self._viewer.canvas.grid.enabled)

    def show(self, images: Sequence[Any]) -> None:
        """Show these layers side by side; called again, follow what has changed."""
        layers = self._viewer.layers
        for layer in layers:
            if not facts(layer.metadata).get("copy"):
                self._visible.setdefault(layer, layer.visible)
                layer.visible = layer in images
        marks = self._marks()
        wanted = [(image.name, [(kind, corners.tolist(), name) for kind, corners, name in marks]) for image in images]
        if wanted != self._drawn or len(self._copies()) != (len(images) if marks else 0):
            self._drawn = wanted
            self._copy(images, marks)
        self._order(images)
        grid = self._viewer.canvas.grid
        grid.stride = 2 if marks else 1
        grid.enabled = True
        for layer in layers:
            if layer.name_overlay.visible != (layer in images):
                layer.name_overlay.font_size = NAME_POINTS
                layer.name_overlay.visible = layer in images

    def hide(self) -> None:
        """Back to one picture."""
        layers = self._viewer.layers
        self._viewer.canvas.grid.enabled = False
        self._viewer.canvas.grid.stride = 1
        for copy in self._copies():
            layers.remove(copy)
        for layer, visible in self._visible.items():
            if layer in layers:
                layer.visible = visible
                layer.name_overlay.visible = False
        self._visible, self._drawn = {}, []
        for layer in (self._regions.line_layer, self._regions.layer):
            if layer is not None:
                layers.move(layers.index(layer), -1)

    def name_at(self, across: float, down: float) -> str:
        """Name of the layer whose cell lies at a share of the picture's width and height; empty where none does."""
        layers, grid = self._viewer.layers, self._viewer.canvas.grid
        rows, columns = grid.actual_shape(layers)
        cell = (int(down * rows), int(across * columns))
        named = (layer for layer in layers if layer.name_overlay.visible)
        return next((layer.name for layer in named if grid.position(layers.index(layer), layers) == cell), "")

    def _copies(self) -> list[Any]:
        return [layer for layer in self._viewer.layers if facts(layer.metadata).get("copy")]

    def _marks(self) -> list[tuple[str, Any, str]]:
        """Kind, corners in world coordinates and name of everything that is drawn."""
        marks = [("rectangle", corners, name) for name, corners in self._regions.boxes()]
        line = self._regions.line()
        return marks if line is None else [*marks, ("line", np.stack(line), "")]

    def _copy(self, images: Sequence[Any], marks: list[tuple[str, Any, str]]) -> None:
        """A copy of the marks for each image; one that is there already is changed, not made anew: it would flicker."""
        layers = self._viewer.layers
        selected = list(layers.selection)
        wanted = {image.name for image in images} if marks else set()
        copies = {facts(copy.metadata)["copy"]: copy for copy in self._copies()}
        for name in copies.keys() - wanted:
            layers.remove(copies[name])
        names = pd.DataFrame({"name": [name for _, _, name in marks]})
        colours = [LINE_COLOUR if kind == "line" else COLOUR for kind, _, _ in marks]
        for image in images if marks else []:
            place = place_of(image)
            origin, step = np.array(place.origin[-2:]), np.array(place.step[-2:])
            shapes = [((corners - origin) / step, kind) for kind, corners, _ in marks]
            width = line_width(image, math.ceil(math.sqrt(len(images))))
            copy = copies.get(image.name)
            if copy is not None:
                copy.data = shapes
                copy.features = names
                copy.edge_color, copy.face_color = colours, "transparent"
                copy.edge_width = [width] * len(marks)
                copy.refresh_text()
                continue
            self._viewer.add_shapes(
                shapes,
                name=f"Regions on {image.name}",
                scale=image.scale[-2:],
                translate=image.translate[-2:],
                units=image.units[-2:],
                axis_labels=("y", "x"),
                edge_color=colours,
                face_color="transparent",
                edge_width=width,
                opacity=1.0,
                features=names,
                text={"string": "{name}", "color": COLOUR, "anchor": "upper_left", "size": 10},
                metadata={METADATA: {"copy": image.name}},
            )
        layers.selection = [layer for layer in selected if layer in layers]

    def _order(self, images: Sequence[Any]) -> None:
        """Each image below its copy, the first pair at an even place: a hidden layer of regions fills up."""
        layers = self._viewer.layers
        copies = {facts(copy.metadata)["copy"]: copy for copy in self._copies()}
        if not copies:
            return
        filler = self._regions.layer if self._regions.layer is not None else self._regions.line_layer
        pairs = [layer for image in images for layer in (image, copies[image.name])]
        others = [layer for layer in layers if layer not in pairs and layer is not filler]
        wanted = [*others, *([filler, *pairs] if len(others) % 2 else [*pairs, filler])]
        for place, layer in enumerate(wanted):
            if layers[place] is not layer:
                layers.move(layers.index(layer), place)
