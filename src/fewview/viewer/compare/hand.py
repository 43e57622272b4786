"""What the mouse does to regions: a click drops one, a drag that begins on one moves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clicks import Point
from .grids import to_mm
from .regions_layer import Regions


def world_factor(viewer: Any) -> float:
    """Millimetres in a unit of the viewer's world; 1 where that is pixels, or a mixture."""
    units = viewer.layers.extent.units if len(viewer.layers) else None
    return (to_mm(units[-1]) if units else None) or 1.0


class RegionHand:
    """Hears of clicks and drags (a :class:`~fewview.viewer.compare.clicks.Hand`).

    Parameters
    ----------
    viewer
    regions : Regions
    click, other_plane : callable
        Called with the point of a click (y, x), in the units of :meth:`Regions.boxes`; and of one in another plane.
    """

    def __init__(
        self,
        viewer: Any,
        regions: Regions,
        click: Callable[[Point], None],
        other_plane: Callable[[], None],
    ) -> None:
        self._viewer, self._regions = viewer, regions
        self._click, self._other_plane = click, other_plane
        self._held: int | None = None
        self._from: tuple[NDArray[Any], NDArray[Any]] | None = None  # point and corners when it was grabbed

    def common(self, where: Point) -> Point:
        """A point of the viewer's world in the units of the comparison."""
        factor = world_factor(self._viewer)
        return where[0] * factor, where[1] * factor

    def clicked(self, where: Point) -> None:
        """Pass the click on."""
        self._click(self.common(where))

    def grabbed(self, where: Point) -> bool:
        """Hold the region under the pointer."""
        point = self.common(where)
        layer = self._regions.layer
        self._held = self._regions.at(point) if layer is not None and layer.visible else None
        if self._held is not None:
            self._from = np.array(point), self._regions.boxes()[self._held][1]
        return self._held is not None

    def dragged(self, where: Point) -> None:
        """Move the region that is held."""
        if self._held is not None and self._from is not None:
            start, corners = self._from
            self._regions.place(self._held, corners + np.array(self.common(where)) - start)

    def turned(self) -> None:
        """Say that regions lie in the xy plane."""
        self._other_plane()
