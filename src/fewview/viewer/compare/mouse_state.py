"""What the mouse does on the picture: our three buttons and napari's own modes say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import FewviewError
from ..common.notify import complain, warn
from .clicks import is_xy
from .region_tools import DRAW, DROP, EDIT, LOOK, RegionTools
from .regions_layer import LINE, REGIONS, Regions

OTHER_PLANE = "Regions lie in the xy plane: turn the view back (Ctrl-E, or the button under the list of layers)."
SOLID = "Regions are drawn in a slice: leave the 3D view (Ctrl-Y, or the button under the list of layers)."
MODES = {DRAW: "add_rectangle", EDIT: "select"}


class MouseState:
    """Keeps the tools, the active layer and its mode together.

    Parameters
    ----------
    viewer, tools, regions
    like : callable
        Gives the layer on whose pixels is drawn, or None.
    pictures : callable
        Gives the compared layers.
    begin : callable
        Called before drawing begins.
    """

    def __init__(
        self,
        viewer: Any,
        tools: RegionTools,
        regions: Regions,
        like: Callable[[], Any],
        pictures: Callable[[], list[Any]],
        begin: Callable[[], None],
    ) -> None:
        self._viewer, self._tools, self._regions = viewer, tools, regions
        self._like, self._pictures, self._begin = like, pictures, begin

    def choose(self, state: str) -> None:
        """A button was pressed."""
        if state in MODES:
            self.draw(REGIONS, MODES[state])
            return
        for layer in (self._regions.layer, self._regions.line_layer):
            if layer is not None:
                layer.mode = "pan_zoom"
        picture = next(reversed(self._pictures()), None)
        if picture is not None:
            self._viewer.layers.selection.active = picture

    def draw_line(self) -> None:
        """Let the user draw the line of the profile."""
        self.draw(LINE, "add_line")

    def draw(self, kind: str, mode: str) -> None:
        """Make a layer of ours the active one, in a mode of napari."""
        like, why = self._like(), self._elsewhere()
        if like is None or why:
            if like is None:
                complain(FewviewError("There is no layer to draw on.", "Reconstruct something first."))
            else:
                warn(why)
            self._tools.show_state(DROP)
            return
        self._begin()
        layer = self._regions.make(like) if kind == REGIONS else self._regions.make_line(like)
        self._viewer.layers.selection = [layer]
        layer.mode = mode

    def turned(self, event: Any = None) -> None:
        """Another plane is shown, or the volume in 3D: what would be drawn there has no place in the slices."""
        drawn = (self._regions.layer, self._regions.line_layer)
        if (why := self._elsewhere()) and self._viewer.layers.selection.active in drawn and self._drawing():
            warn(why)
            self.choose(DROP)
            self._tools.show_state(DROP)

    def _drawing(self) -> bool:
        return str(getattr(self._viewer.layers.selection.active, "mode", "pan_zoom")) != "pan_zoom"

    def _elsewhere(self) -> str:
        """Why nothing can be drawn in what is shown; empty where it can."""
        if self._viewer.dims.ndisplay == 3:
            return SOLID
        return "" if is_xy(self._viewer) else OTHER_PLANE

    def follow(self) -> bool:
        """Napari's own buttons were used, or another layer was chosen; whether that changed the state."""
        active = self._viewer.layers.selection.active
        mode = "pan_zoom" if active is None else str(getattr(active, "mode", "pan_zoom"))
        own = active is not None and active == self._regions.layer  # "is" fails: napari hands out stand-ins
        ours = {mode: state for state, mode in MODES.items()} if own else {}
        state = ours.get(mode, DROP if mode == "pan_zoom" else LOOK)
        if state == self._tools.state:
            return False
        self._tools.show_state(state)
        return True
