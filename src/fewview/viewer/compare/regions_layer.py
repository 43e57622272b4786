"""The regions as a 2-D Shapes layer: drawn over every slice, with names, in the units of the volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...quality import Region
from .regions_file import Named, box_region, region_box

REGIONS = "Regions"
LINE = "Profile line"
COLOUR = "#E69F00"  # seen on black, on white and on grey, by everyone
LINE_COLOUR = "#56B4E9"


class Regions:
    """Finds or makes the layers of regions and of the profile line.

    A 3-D rectangle would be seen in its own slice only; a 2-D layer in a 3-D viewer is drawn over every slice.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer

    @property
    def layer(self) -> Any:
        """The layer of regions, or None."""
        return self._find(REGIONS)

    @property
    def line_layer(self) -> Any:
        """The layer of the profile line, or None."""
        return self._find(LINE)

    def make(self, like: Any) -> Any:
        """The layer of regions, made on the grid of another layer if there is none."""
        if self.layer is None:
            self._add(
                REGIONS, like, COLOUR, text={"string": "{name}", "color": COLOUR, "anchor": "upper_left", "size": 10}
            )
        return self.layer

    def make_line(self, like: Any) -> Any:
        """The layer of the profile line."""
        if self.line_layer is None:
            self._add(LINE, like, LINE_COLOUR)
        return self.line_layer

    def drop(self, like: Any, world: tuple[float, float], size: tuple[int, int]) -> str:
        """Put a region of ``size`` (y, x) pixels around a point; returns its name."""
        layer = self.make(like)
        point = (np.asarray(world) - layer.translate[-2:]) / layer.scale[-2:]
        region = Region.around((point[0], point[1]), size, like.data.shape)
        return self.add([(self._free_name(), region)])[0]

    def add(self, regions: list[Named]) -> list[str]:
        """Add named regions, in pixels of the layer; returns the names, made unique."""
        layer = self.layer
        names = []
        for name, region in regions:
            unique = name if name not in self.names() else self._free_name()
            layer.feature_defaults = pd.DataFrame({"name": [unique]})
            layer.add_rectangles(region_box(region), edge_color=COLOUR, face_color="transparent")
            names.append(unique)
        layer.refresh_text()
        return names

    def names(self) -> list[str]:
        """Names of the regions, in their order."""
        return [] if self.layer is None else [str(name) for name in self.layer.features["name"]]

    def boxes(self) -> list[tuple[str, NDArray]]:
        """Names and corners (n, 2) in world coordinates."""
        layer = self.layer
        if layer is None:
            return []
        corners = [np.asarray(shape)[:, -2:] * layer.scale[-2:] + layer.translate[-2:] for shape in layer.data]
        return list(zip(self.names(), corners, strict=True))

    def named(self) -> list[Named]:
        """Names and pixel spans, for a file."""
        layer = self.layer
        if layer is None:
            return []
        return [
            (name, box_region(np.asarray(shape)[:, -2:])) for name, shape in zip(self.names(), layer.data, strict=True)
        ]

    def line(self) -> tuple[NDArray, NDArray] | None:
        """Ends of the last line drawn, world coordinates (y, x)."""
        layer = self.line_layer
        if layer is None or not len(layer.data):
            return None
        ends = np.asarray(layer.data[-1])[:, -2:] * layer.scale[-2:] + layer.translate[-2:]
        return ends[0], ends[-1]

    def rename(self, old: str, new: str) -> None:
        """Give a region another name, unless it is taken."""
        names = self.names()
        if old in names and new and new not in names:
            self._set_names([new if name == old else name for name in names])

    def remove(self, name: str) -> None:
        """Take a region away."""
        layer = self.layer
        if layer is not None and name in self.names():
            layer.selected_data = {self.names().index(name)}
            layer.remove_selected()

    def name_the_nameless(self) -> None:
        """Name what the user has drawn or pasted: names are unique."""
        names = self.names()
        fixed: list[str] = []
        for name in names:
            fixed.append(
                name if name and name not in fixed and name != "nan" else self._free_name(taken=[*names, *fixed])
            )
        if fixed != names:
            self._set_names(fixed)

    def _set_names(self, names: list[str]) -> None:
        layer = self.layer
        layer.features = pd.DataFrame({"name": names})
        layer.refresh_text()

    def _free_name(self, taken: list[str] | None = None) -> str:
        used = set(self.names() if taken is None else taken)
        return next(f"R{i}" for i in range(1, len(used) + 2) if f"R{i}" not in used)

    def _find(self, name: str) -> Any:
        return next((layer for layer in self._viewer.layers if layer.name == name), None)

    def _add(self, name: str, like: Any, colour: str, **more: Any) -> None:
        selected = list(self._viewer.layers.selection)
        self._viewer.add_shapes(
            ndim=2,
            name=name,
            scale=like.scale[-2:],
            translate=like.translate[-2:],
            units=like.units[-2:],
            axis_labels=("y", "x"),
            edge_color=colour,
            face_color="transparent",
            edge_width=1,
            opacity=1.0,  # napari's 0.7 makes the names hard to read
            features=pd.DataFrame({"name": pd.Series(dtype=object)}),
            **more,
        )
        self._viewer.layers.selection = selected  # the image stays the active layer, so that clicks reach it
