"""The Compare dock: regions by click, the table region by layer, scale curve, profile, planes, views, export."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
from collections.abc import Mapping
from functools import partial
from typing import Any

import napari.viewer
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from superqt.utils import QSignalThrottler

from ..common.layers import facts
from ..common.notify import tell, warn
from ..common.theme import colours
from ..common.widgets import PLUGIN, Dock, allow
from ..files.drops import open_dropped
from ..files.layer_files import files_of, layer_of, left_out
from ..help import HelpButton
from ..layout import below_at_first
from ..scan.scan_bar import ScanChoice
from ..scans import scan_of
from ..workbench import workbench_of
from .cell_names import CellNames
from .clicks import ClickWatcher
from .cursor_line import values_at
from .files_tab import FilesTab
from .flat import Flat
from .followed import FollowedLayers
from .foot import Foot, odd_regions, seen
from .grids import grid_of, middle_of, place_of
from .hand import RegionHand, world_factor
from .mouse_state import OTHER_PLANE, MouseState
from .pages import Pages
from .presenter import ComparePresenter, Comparison, comparable, live_scores
from .region_tools import DROP, RegionTools
from .regions_layer import KIND, Regions
from .table import SLICE_SECONDS
from .undo import Undo
from .value_units import in_short
from .views import ViewControls

SOON_MS = 120  # several changes at once make one update
CURSOR_MS = 60
NO_CHANGE = "There is no change of the regions to take back."


class CompareDock(Dock):
    """See the module."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        below_at_first(f"Compare{PLUGIN}")
        self.dropped.connect(partial(open_dropped, viewer))
        self.bench = workbench_of(viewer)
        self.presenter = ComparePresenter()
        self.comparison = Comparison()
        self.regions = Regions(viewer)
        self.regions.of(self.bench.scan.path)
        self.history = Undo(self.regions)
        self.hand = RegionHand(viewer, self.regions, self._on_mouse, self._on_other_plane)
        self.clicks = ClickWatcher(viewer, self.hand)
        self.columns: list[Any] = []
        self.rows: list[Any] = []
        self._point: tuple[float, float] | None = None
        self.followed = FollowedLayers(self._on_data, self._later, self._on_mode)
        self._dirty = False
        self._soon = self._throttled(SOON_MS, self.refresh)
        self._slice_soon = self._throttled(round(1000 * SLICE_SECONDS), self.refresh)
        self._cursor_soon = self._throttled(CURSOR_MS, self._show_cursor)
        self.tools = RegionTools(str(self.bench.settings.remembered("region_size")))
        self.region_size = self.tools.size_box
        self.views = ViewControls(self)
        self.tools.add(*self.views.buttons)
        self.cell_names = CellNames(self.views.cells, self)
        self.mouse = MouseState(viewer, self.tools, self.regions, self.like, self.compared, self._leave_grid)
        self.flat = Flat(viewer, self._lies_flat)
        self.files = FilesTab(self)
        self.pages = Pages(self.files, self.mouse.draw_line, self._on_plane)
        help = HelpButton(viewer, "Compare")
        help.setStyleSheet("padding: 0px 6px; margin: 0px")  # no higher than the tabs
        self.pages.setCornerWidget(help)
        self.table, self.layers = self.pages.table, self.pages.layers
        for widget in (ScanChoice(self.bench), self.tools, self.views):
            self.column.addWidget(widget)
        self.column.addWidget(self.pages, 1)
        self.words = Foot(self.foot)
        self._connect()
        self._on_theme()
        self._on_layers()

    # -- making --------------------------------------------------------------------------------------------------

    def _throttled(self, milliseconds: int, slot: Any) -> QSignalThrottler:
        made = QSignalThrottler(QSignalThrottler.EmissionPolicy.Trailing, self)
        made.setTimeout(milliseconds)
        made.triggered.connect(slot)
        return made

    def _connect(self) -> None:
        viewer = self.viewer
        self.tools.chosen.connect(self._on_state)
        self.tools.undone.connect(self.undo)
        self.tools.removed.connect(self._remove)
        self.tools.changed.connect(self._on_tools)
        self.table.renamed.connect(self._on_renamed)
        self.layers.ticked.connect(self._later)
        self.pages.currentChanged.connect(self._later)
        self.bench.ticked.connect(self._on_tick)
        self.bench.scan_changed.connect(self._on_scan)
        self.bench.scans.leaving.append(self.views.leave)
        self.appeared.connect(self._on_appeared)
        self.removed.connect(self._on_removed)
        self.hear(viewer.events.theme, self._on_theme)
        self.hear(viewer.dims.events.point, self._later)
        self.hear(viewer.dims.events.order, self.mouse.turned)
        self.hear(viewer.dims.events.order, self.flat.follow)
        self.hear(viewer.dims.events.order, self._later)
        self.hear(viewer.dims.events.ndisplay, self._later)
        self.hear(viewer.dims.events.ndisplay, self.mouse.turned)
        self.hear(viewer.cursor.events.position, self._on_cursor)
        self.hear(viewer.layers.selection.events.active, self._on_mode)
        self.hear_layers(self._on_layers)
        self.bench.actions.update(
            drop_region=self._drop_at_cursor,
            undo=self.undo,
            toggle_grid=self.views.grid.toggle,
            swipe=self.views.swipe_button.toggle,
            link_contrast=self.views.link.toggle,
        )

    # -- what is compared ----------------------------------------------------------------------------------------

    @property
    def z(self) -> float:
        """Position of the slice that is shown, mm or pixels."""
        dims = self.viewer.dims
        return float(dims.point[-3]) * world_factor(self.viewer) if dims.ndim > 2 else 0.0

    def reference(self) -> Any:
        """Layer of the reference, or None."""
        return layer_of(self.viewer.layers, self.bench.scan.reference)

    def compared(self) -> list[Any]:
        """Layers that are ticked."""
        present = set(map(id, self.viewer.layers))
        return [layer for layer in self.layers.chosen() if id(layer) in present]

    def like(self) -> Any:
        """Layer on whose pixels a region is drawn: the last compared one that knows its place, else the reference."""
        layers = [*self.compared(), *filter(None, [self.reference()])]
        return next((layer for layer in reversed(layers) if place_of(layer).unit == self.comparison.length), None)

    def refresh(self) -> None:
        """Measure and draw."""
        self._dirty = False
        self.followed.forget_all_but(self.viewer.layers)
        reference, layers = self.reference(), self.compared()
        self.comparison = self.presenter.compare(
            layers, reference, self.z, live_scores(self.bench.queue.current), grid_of(self.bench.scan)
        )
        if self.comparison.length == "mm" and self.bench.scan.edge is not None:
            self.regions.to_mm(self.bench.scan.edge)
        self.regions.name_the_nameless()
        if QApplication.mouseButtons() == Qt.MouseButton.NoButton:  # a drag is one step, however many moves it has
            self.history.note()
        allow(self.tools.undo, "" if self.history.possible else NO_CHANGE)
        boxes = self.regions.boxes()
        self.rows = self.presenter.rows(self.comparison, boxes, self.z, whole=self.tools.whole.isChecked())
        if self.presenter.table.behind:
            self._slice_soon.throttle()
        self.columns = self.presenter.table.columns(self.comparison.truth is not None, self.rows)
        icons = {id(layer): self.layers.icon(layer) for layer in layers}
        self.table.show_rows(self.columns, self.rows, in_short(self.comparison.unit), icons)
        self.views.refresh()
        self.flat.follow()
        self.files.refresh()
        notes = left_out(self.viewer.layers) + odd_regions(self.regions.odd())
        notes += [self.views.problem] if self.views.problem else []
        self.words.write(self.comparison, self.rows, "" if boxes else self.tools.hint, notes)
        clicked, top = self._point is not None, self._top(layers)
        y, x = self._point or middle_of(top)
        self.pages.draw(self.presenter, self.comparison, layers, self.regions, (self.z, y, x), top, clicked)
        self._show_cursor()

    def _lies_flat(self, about: Mapping[str, Any]) -> bool:
        """Whether a layer of these facts holds the regions or the line, or what is shown of them side by side."""
        if self.views.cells.on:
            return bool(about.get("copy"))
        return bool(about.get(KIND)) and about.get("of", "") in ("", self.regions.scan)

    def _top(self, layers: list[Any]) -> Any:
        """The layer that is looked at: the active one, or the topmost that is visible."""
        active = self.viewer.layers.selection.active
        return active if active in layers else next((layer for layer in reversed(layers) if layer.visible), None)

    # -- events --------------------------------------------------------------------------------------------------

    def _later(self, *_: Any) -> None:
        self._soon.throttle()

    def _on_tick(self) -> None:
        if self._dirty and self.isVisible():
            self.refresh()

    def _on_data(self, event: Any) -> None:
        self.presenter.touch(event.source)
        if self.bench.queue.busy:
            self._dirty = True  # the tick of the live view comes soon enough
        else:
            self._later()

    def _on_layers(self, event: Any = None) -> None:
        reference, scan = self.reference(), self.bench.scan
        names = comparable(self.viewer.layers, reference)
        aside = [
            layer
            for layer in names
            if "extra" in facts(layer.metadata)
            or scan.auxiliary in files_of(layer)
            or (scan_of(layer) or scan.path) != scan.path
        ]
        self.layers.show_layers(names, aside, colours(self.viewer))
        self.followed.follow([*names, self.regions.layer, self.regions.line_layer, reference])
        self._later()

    def _on_scan(self) -> None:
        if self.regions.scan != self.bench.scan.path:
            self.regions.of(self.bench.scan.path)
            self.history.forget()
            self._point = None
        self._on_layers()

    def _on_click(self, point: tuple[float, float]) -> None:
        self._point = point
        if self.tools.state == DROP:
            like = self.like()
            if like is None:
                warn("There is nothing to measure here: reconstruct something, or open a volume.")
                return
            self.regions.drop(like, point, self.tools.drop_size)
        self.refresh()

    def _on_mouse(self, point: tuple[float, float]) -> None:
        """A click on the picture: on projections there is nothing to measure."""
        top = seen(self.viewer.layers)
        if top is not None and facts(top.metadata).get("scan"):
            if self.tools.state == DROP:
                warn("These are projections; regions are measured in slices. Reconstruct something first.")
            return
        self._on_click(point)

    def _on_other_plane(self) -> None:
        if self.tools.state == DROP:
            warn(OTHER_PLANE)

    def drop(self, down: float, right: float) -> None:
        """Drop a region at a share of the height and width of the compared layer, 0 to 1."""
        self.refresh()
        like = self.like()
        if like is not None:
            place = place_of(like)
            size = (np.array(like.data.shape[-2:]) - 1) * np.array(place.step[-2:])
            y, x = np.array(place.origin[-2:]) + np.array([down, right]) * size
            self._on_click((float(y), float(x)))

    def _drop_at_cursor(self) -> None:
        self._on_click(self.hand.common(tuple(self.viewer.cursor.position[-2:])))

    def _on_plane(self, position: tuple[float, float, float]) -> None:
        z, y, x = position
        self._point = (y, x)
        if self.viewer.dims.ndim > 2:
            self.viewer.dims.set_point(self.viewer.dims.ndim - 3, z / world_factor(self.viewer))
        self._later()

    def _on_cursor(self, event: Any = None) -> None:
        self._cursor_soon.throttle()

    def _show_cursor(self) -> None:
        position = self.viewer.cursor.position
        text = ""
        if self.isVisible() and len(position) > 1:
            row = self.bench.shown_row() if self.bench.scan.ready and self.viewer.dims.ndim > 2 else None
            text = values_at(self.comparison, self.hand.common((position[-2], position[-1])), self.z, row)
        self.words.point_at(text)

    def _on_tools(self) -> None:
        self.bench.settings.remember(region_size=self.region_size.currentText())
        self._later()

    def _on_renamed(self, old: str, new: str) -> None:
        self.regions.rename(old, new)
        self._later()

    # -- the state of the mouse ----------------------------------------------------------------------------------

    def _on_state(self, state: str) -> None:
        self.mouse.choose(state)
        self._later()

    def _on_mode(self, event: Any = None) -> None:
        if self.mouse.follow():
            self._later()

    def _leave_grid(self) -> None:
        """Side by side there are only copies, which do not listen to the mouse."""
        self.views.grid.setChecked(False)

    def _remove(self) -> None:
        names = self.table.selected_regions()
        if not names:
            warn("Select lines of the table first: their regions are removed.")
        for name in names:
            self.regions.remove(name)
        self._later()

    def undo(self) -> None:
        """Take back the last change of the regions."""
        if self.history.back():
            self.refresh()
        else:
            tell(NO_CHANGE)

    def _on_appeared(self) -> None:
        self.bench.attach(self)
        self.cell_names.watch(self.window())

    def _on_removed(self) -> None:
        self.clicks.close()
        self.bench.scans.leaving.remove(self.views.leave)
        self.views.leave()
        self.flat.leave()
        self.followed.leave()
        self.bench.withdraw("drop_region", "undo", "toggle_grid", "swipe", "link_contrast")

    def _on_theme(self, event: Any = None) -> None:
        now = colours(self.viewer)
        self.words.follow(now)
        self.pages.follow(now)
        self._on_layers()
