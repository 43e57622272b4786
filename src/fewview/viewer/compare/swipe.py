"""A swipe between two layers: left of the line one, right of it the other, in the slice that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components.overlays import TextOverlay

from ..common.layers import METADATA, regions_on_top
from ..common.names import short_names
from .clicks import is_xy
from .grids import Placed, placed, same_grid
from .hand import world_factor

NAME = "Swipe"
SIDES = ("top_left", "top_right")


class Swipe:
    """Holds a 2-D layer on top of the two, with their names over the picture; gone when it is turned off."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layers: tuple[Any, Any] | None = None
        self.share = 0.5
        self.problem = ""
        self._shows = True

    def start(self, left: Any, right: Any) -> None:
        """Begin between two layers."""
        self.stop()
        self.layers = (left, right)
        self.draw()

    def stop(self) -> None:
        """Take the swipe layer and the names away."""
        self.layers, self.problem = None, ""
        self._show(False)
        self._shows = True
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
        images = self._slices(left, right)
        self._show(images is not None)
        if images is None:
            return
        self._write_names(left, right)
        a, b = images
        edge = round(self.share * a.shape[1])
        image = np.concatenate([a[:, :edge], b[:, edge:]], axis=1)
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
        regions_on_top(layers)
        layers.selection = selected

    def _show(self, shown: bool) -> None:
        """The slice that was drawn last is none of those that are there now, where there is no other."""
        if shown == self._shows:
            return  # the user may have hidden it
        self._shows = shown
        if NAME in self._viewer.layers:
            self._viewer.layers[NAME].visible = shown
        for side in SIDES:
            if _key(side) in self._viewer.canvas.overlays:
                self._viewer.canvas.overlays[_key(side)].visible = shown

    def _slices(self, left: Any, right: Any) -> tuple[Any, Any] | None:
        """Both slices on one grid of pixels; None, and ``problem``, where there is none."""
        dims = self._viewer.dims
        z = float(dims.point[-3]) * world_factor(self._viewer) if dims.ndim > 2 else 0.0
        known, notes = placed([left, right])
        images = [(one, one.plane(z)) for one in known]
        fitting: list[tuple[Placed, Any]] = [(one, image) for one, image in images if image is not None]
        self.problem = ""
        if dims.ndisplay == 3 or not is_xy(self._viewer):
            self.problem = "The swipe is between slices of the xy plane, which is not what is shown."
        elif len(known) < 2:
            self.problem = " ".join(notes)
        elif len(fitting) < 2:
            self.problem = "One of the two layers of the swipe has no slice at this height."
        elif not same_grid(fitting[0][1], fitting[0][0].place, fitting[1][1], fitting[1][0].place):
            self.problem = f"“{left.name}” and “{right.name}” lie on different grids of pixels: no swipe between them."
        if self.problem:
            return None
        return fitting[0][1], fitting[1][1]

    def _write_names(self, left: Any, right: Any) -> None:
        overlays = self._viewer.canvas.overlays
        names = short_names([left.name, right.name], 30)
        for side, layer, arrow in zip(SIDES, (left, right), ("◀ {}", "{} ▶"), strict=True):
            if _key(side) not in overlays:
                overlays[_key(side)] = TextOverlay(position=side, font_size=9, box=True)
            text = overlays[_key(side)]
            text.text, text.visible = arrow.format(names[layer.name]), True


def _key(side: str) -> str:
    return f"fewview_swipe_{side}"
