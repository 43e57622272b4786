"""The regions as a 2-D Shapes layer: drawn over every slice, with names, in the units of the volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...quality import Region
from ..common.layers import METADATA, facts
from .grids import place_of
from .regions_file import Named, box_region, region_box

REGIONS = "Regions"
KIND = "marks"  # key within our metadata: REGIONS or LINE, whatever the user calls the layer
LINE = "Profile line"
COLOUR = "#E69F00"  # seen on black, on white and on grey, by everyone
LINE_COLOUR = "#56B4E9"
FINE = 256  # columns of a slice on which a line of one pixel is thin


class Regions:
    """Finds or makes the layers of regions and of the profile line of one scan at a time.

    A 3-D rectangle would be seen in its own slice only; a 2-D layer in a 3-D viewer is drawn over every slice. A layer
    is known by its metadata, not by its name, which is the user's.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.scan = ""  # whose regions are meant
        self._gone: Any = None  # the layer of regions as it was last seen: the user may have deleted it

    @property
    def layer(self) -> Any:
        """The layer of regions, or None."""
        return self._find(REGIONS)

    @property
    def line_layer(self) -> Any:
        """The layer of the profile line, or None."""
        return self._find(LINE)

    def of(self, scan: str) -> None:
        """Show the regions of a scan, and hide those of the others."""
        self.scan, self._gone = scan, None
        for layer in self._viewer.layers:
            if facts(layer.metadata).get(KIND):
                layer.visible = facts(layer.metadata).get("of", "") in ("", scan)

    def to_mm(self, voxel: float) -> None:
        """Layers that were drawn before the pixel size was known follow the volumes into mm."""
        for layer in (self.layer, self.line_layer):
            if layer is not None and place_of(layer).unit != "mm":
                layer.scale, layer.translate = layer.scale * voxel, layer.translate * voxel
                layer.units = ("mm",) * layer.ndim

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
        """Put a region of ``size`` (y, x) pixels of a layer around a point, in the units of :meth:`boxes`.

        Parameters
        ----------
        like : Any
            Layer whose pixels count.
        world : tuple[float, float]
            (y, x).
        size : tuple[int, int]

        Returns
        -------
        str
            Name of the region.
        """
        self.make(like)
        place = place_of(like)
        origin, step = np.array(place.origin[-2:]), np.array(place.step[-2:])
        point = (np.asarray(world) - origin) / step
        region = Region.around((point[0], point[1]), size, like.data.shape)
        return self._add_boxes([(self._free_name(), region_box(region) * step + origin)])[0]

    def add(self, regions: list[Named]) -> list[str]:
        """Add named regions, in pixels of the layer; returns the names, made unique."""
        place = place_of(self.layer)
        origin, step = np.array(place.origin[-2:]), np.array(place.step[-2:])
        return self._add_boxes([(name, region_box(region) * step + origin) for name, region in regions])

    def add_box(self, name: str, corners: NDArray[Any], kind: str = "rectangle") -> str:
        """Add one named shape.

        Parameters
        ----------
        name : str
        corners : ndarray, shape (n, 2)
            (y, x), in the units of :meth:`boxes`.
        kind : str, optional
            What napari calls the shape.

        Returns
        -------
        str
            Its name, made unique.
        """
        return self._add_boxes([(name, corners)], kind)[0]

    def _add_boxes(self, boxes: list[tuple[str, NDArray[Any]]], kind: str = "rectangle") -> list[str]:
        """Add shapes of one kind, given in the units of :meth:`boxes`."""
        layer = self.layer
        place = place_of(layer)
        names = []
        for name, corners in boxes:
            unique = name if name not in self.names() else self._free_name()
            layer.feature_defaults = pd.DataFrame({"name": [unique]})
            box = (corners - np.array(place.origin[-2:])) / np.array(place.step[-2:])
            look = {"edge_color": COLOUR, "face_color": "transparent", "edge_width": layer.current_edge_width}
            layer.add([self._whole(layer, box)], shape_type=kind, **look)
            names.append(unique)
        layer.refresh_text()
        return names

    def names(self) -> list[str]:
        """Names of the regions, in their order; empty where the user's table has none."""
        layer = self.layer
        if layer is None:
            return []
        given = list(layer.features["name"]) if "name" in layer.features else []
        count = len(layer.data)  # the table lags behind while napari takes shapes in or out
        return ["" if pd.isna(name) else str(name) for name in (given + [""] * count)[:count]]

    def boxes(self) -> list[tuple[str, NDArray[Any]]]:
        """Names and corners (n, 2), in mm where the layer knows them, else in pixels."""
        layer = self.layer
        if layer is None:
            return []
        place = place_of(layer)
        origin, step = np.array(place.origin[-2:]), np.array(place.step[-2:])
        return [
            (name, np.asarray(shape)[:, -2:] * step + origin)
            for name, shape in zip(self.names(), layer.data, strict=True)
        ]

    def odd(self) -> list[str]:
        """Names of shapes that are no upright rectangles: their bounding boxes are what counts."""
        layer = self.layer
        if layer is None:
            return []
        kinds = zip(self.names(), layer.shape_type, layer.data, strict=True)
        return [name for name, kind, corners in kinds if kind != "rectangle" or not _upright(corners)]

    def at(self, point: tuple[float, float]) -> int | None:
        """Index of the topmost region that holds a point (in the units of :meth:`boxes`), or None."""
        where = np.asarray(point)
        for index, (_, corners) in reversed(list(enumerate(self.boxes()))):
            if np.all(corners.min(axis=0) <= where) and np.all(where <= corners.max(axis=0)):
                result: int | None = index
                return result
        return None

    def place(self, index: int, corners: NDArray[Any]) -> None:
        """Put a region's corners (n, 2) elsewhere, in the units of :meth:`boxes`; it keeps to whole pixels."""
        layer = self.layer
        place = place_of(layer)
        inner = (corners - np.array(place.origin[-2:])) / np.array(place.step[-2:])
        inner += np.round(inner.min(axis=0) + 0.5) - 0.5 - inner.min(axis=0)
        layer.data = [*layer.data[:index], self._whole(layer, inner), *layer.data[index + 1 :]]

    def named(self) -> list[Named]:
        """Names and pixel spans, for a file."""
        layer = self.layer
        if layer is None:
            return []
        boxes = [np.asarray(shape)[:, -2:] for shape in layer.data]
        return [
            (name, box_region(box)) for name, box in zip(self.names(), boxes, strict=True) if np.isfinite(box).all()
        ]

    def line(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Ends of the last line drawn, (y, x), in mm where the layer knows them, else in pixels."""
        layer = self.line_layer
        if layer is None or not len(layer.data):
            return None
        place = place_of(layer)
        ends = np.asarray(layer.data[-1])[:, -2:] * np.array(place.step[-2:]) + np.array(place.origin[-2:])
        return ends[0], ends[-1]

    def _whole(self, layer: Any, corners: NDArray[Any]) -> NDArray[Any]:
        """Corners (n, 2) with what comes before them in a layer that a user has drawn in three dimensions."""
        if layer.ndim == 2:
            return corners
        shown = np.round(layer.world_to_data(self._viewer.dims.point[-layer.ndim :]))[:-2]
        return np.hstack([np.tile(shown, (len(corners), 1)), corners])

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
            fixed.append(name if name.strip() and name not in fixed else self._free_name(taken=[*names, *fixed]))
        if fixed != names:
            self._set_names(fixed)

    def _set_names(self, names: list[str]) -> None:
        layer = self.layer
        layer.features = pd.DataFrame({"name": names})
        layer.refresh_text()

    def state(self) -> tuple[tuple[str, str, tuple[tuple[float, ...], ...]], ...]:
        """All regions as values that can be compared, and brought back by :meth:`restore`."""
        layer = self.layer
        if layer is None:
            return ()
        parts = zip(self.names(), layer.shape_type, layer.data, strict=True)
        return tuple((name, str(kind), tuple(map(tuple, np.asarray(c).tolist()))) for name, kind, c in parts)

    def restore(self, state: tuple[tuple[str, str, tuple[tuple[float, ...], ...]], ...]) -> None:
        """Bring back what :meth:`state` gave, and the layer, where the user has deleted it since."""
        layer = self.layer
        if layer is None and state and self._gone is not None:
            layer = self._gone
            selected = list(self._viewer.layers.selection)
            self._viewer.add_layer(layer)
            self._viewer.layers.selection = selected
        if layer is None:
            return
        layer.selected_data = set(range(len(layer.data)))
        layer.remove_selected()
        for name, kind, corners in state:
            layer.feature_defaults = pd.DataFrame({"name": [name]})
            layer.add(np.array(corners), shape_type=kind, edge_color=COLOUR, face_color="transparent")
        layer.refresh_text()

    def _free_name(self, taken: list[str] | None = None) -> str:
        used = set(self.names() if taken is None else taken)
        return next(f"R{i}" for i in range(1, len(used) + 2) if f"R{i}" not in used)

    def _find(self, kind: str) -> Any:
        own = None
        for layer in self._viewer.layers:
            about = facts(layer.metadata)
            if about.get(KIND) == kind and about.get("of", "") in ("", self.scan):
                self._gone = layer if kind == REGIONS else self._gone
                return layer
            if layer.name == kind and type(layer).__name__ == "Shapes" and not about:
                own = layer  # drawn by the user before there were any of ours
        if own is not None:
            own.metadata = {**own.metadata, METADATA: {KIND: kind, "of": self.scan}}
        return own

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
            edge_width=line_width(like),
            opacity=1.0,  # napari's 0.7 makes the names hard to read
            features=pd.DataFrame({"name": pd.Series(dtype=object)}),
            metadata={METADATA: {KIND: name, "of": self.scan}},
            **more,
        )
        self._viewer.layers.selection = selected  # the image stays the active layer, so that clicks reach it


def line_width(like: Any, beside: int = 1) -> float:
    """Width of a line in pixels of the data: a small slice fills the canvas as a large one does.

    Parameters
    ----------
    like : layer
        Of the slice.
    beside : int
        Pictures that share the width of the canvas.
    """
    width = np.shape(getattr(like, "data", np.zeros((1, FINE))))[-1]
    return float(beside * width / FINE)


def _upright(corners: Any) -> bool:
    """Whether each side of a rectangle runs along an axis."""
    points = np.asarray(corners)[:, -2:]
    sides = np.abs(np.diff(points, axis=0))
    return bool(np.all(sides.min(axis=1) <= 1e-6 * max(1.0, float(sides.max()))))
