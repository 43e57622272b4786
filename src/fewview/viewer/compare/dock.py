"""The Compare dock: regions by click, the table region by layer, scale curve, profile, views, export."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ...errors import FewviewError
from ...quality import SCALES
from ..common.layers import facts
from ..common.notify import complain, tell
from ..common.plots import Plot
from ..common.theme import colours
from ..common.widgets import Dock, Section, button, described, quiet, tool, wrapped
from ..common.words import short
from ..workbench import workbench_of
from .clicks import ClickWatcher
from .export import report_of
from .presenter import ComparePresenter, comparable
from .regions_file import read_regions, write_regions
from .regions_layer import LINE, REGIONS, Regions
from .table import as_csv
from .table_widget import CompareTable
from .value_units import TITLES, unit_of, unit_warning
from .views import ViewControls

SOON_MS = 120  # several changes at once make one update
LINE_HEIGHT = 18  # pixels, of the list of layers


class CompareDock(Dock):
    """See the module."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.bench = workbench_of(viewer)
        self.presenter = ComparePresenter()
        self.regions = Regions(viewer)
        self.clicks = ClickWatcher(viewer, self._on_click)
        self._ticked: dict[str, bool] = {}
        self._point: tuple[float, float] | None = None
        self._followed: list[Any] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.refresh)
        self.column.addWidget(Section("Regions", self._make_regions()))
        self.truth_words = wrapped()
        self.column.addWidget(self.truth_words)
        self.unit_words = wrapped()
        described(self.unit_words, "Warning about units")
        self.column.addWidget(self.unit_words)
        self.table = CompareTable()
        self.table.renamed.connect(self._on_renamed)
        self.column.addWidget(self.table)
        self.column.addWidget(Section("Layers", self._make_layers()))
        self.scale_plot = Plot("Scale curve", "region side / px", "PSNR / dB")
        self.profile_plot = Plot("Line profile", "distance", "value")
        self.column.addWidget(Section("Scale curve", self._make_scale(), unfolded=False))
        self.column.addWidget(Section("Line profile", self._make_profile(), unfolded=False))
        self.views = ViewControls(self)
        self.column.addWidget(Section("View", self.views))
        self.column.addWidget(Section("Export", self._make_export()))
        self.column.addStretch(1)
        self.bench.painted.connect(self._on_painted)
        self.bench.ticked.connect(self._on_tick)
        self.bench.scan_changed.connect(self._on_layers)
        self.appeared.connect(self._on_appeared)
        self.removed.connect(self._on_removed)
        self.hear(viewer.events.theme, self._on_theme)
        self.hear(viewer.dims.events.point, self._later)
        layers = viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            self.hear(event, self._on_layers)
        self.bench.actions.update(
            drop_region=self._drop_at_cursor,
            toggle_grid=self.views.grid.toggle,
            swipe=self.views.swipe_button.toggle,
            link_contrast=self.views.link.toggle,
        )
        self._dirty = False
        self._on_theme()
        self._on_layers()

    # -- making --------------------------------------------------------------------------------------------------

    def _make_regions(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.click = tool(
            "Click drops", "A click on the image drops a region there.", self._on_click_mode, checkable=True
        )
        self.region_size = QComboBox()
        self.region_size.addItems([f"{y} x {x}" for y, x in SCALES])
        self.region_size.setToolTip("Size of a dropped region, rows x columns. Unit: px.")
        self.region_size.setCurrentText(str(self.bench.settings.remembered("region_size")))
        described(self.region_size, "Region size")
        self.region_size.currentTextChanged.connect(self._on_size)
        row.addWidget(self.click)
        row.addWidget(self.region_size)
        layout.addLayout(row)
        row = QHBoxLayout()
        row.addWidget(tool("Draw", "Draw or move regions with the mouse.", self._draw))
        row.addWidget(tool("Remove", "Remove the region selected in the table.", self._remove))
        row.addWidget(tool("Load", "Load regions: our CSV, or napari's Shapes CSV.", self._load))
        row.addWidget(tool("Save", "Save the regions as CSV.", self._save))
        layout.addLayout(row)
        self.click.setChecked(True)
        return box

    def _make_layers(self) -> QWidget:
        self.layers = QListWidget()
        self.layers.setToolTip("Layers to compare. The reference is chosen in the Scan dock.")
        self.layers.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.layers.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        described(self.layers, "Layers to compare")
        self.layers.itemChanged.connect(self._on_ticked)
        return self.layers

    def _make_scale(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        self.scale_words = wrapped()
        layout.addWidget(self.scale_words)
        layout.addWidget(self.scale_plot)
        return box

    def _make_profile(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(button("Draw a line", "Draw a line on the image; its values appear below.", self._draw_line))
        layout.addWidget(self.profile_plot)
        return box

    def _make_export(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(tool("CSV", "The table, full precision.", self._ask_csv))
        row.addWidget(tool("PNG", "What the viewer shows.", self._ask_png))
        row.addWidget(tool("Report", "One HTML file: pictures, table, records of the runs.", self._ask_report))
        return box

    # -- what is compared ----------------------------------------------------------------------------------------

    @property
    def z(self) -> float:
        """World position of the slice that is shown."""
        dims = self.viewer.dims
        return float(dims.point[-3]) if dims.ndim > 2 else 0.0

    def reference(self) -> Any:
        """Layer of the reference, or None."""
        wanted = self.bench.scan.reference
        if wanted is None:
            return None
        for layer in self.viewer.layers:
            if wanted in (facts(layer.metadata).get("file"), str(layer.source.path)):
                return layer
        return None

    def compared(self) -> list[Any]:
        """Layers that are ticked."""
        ticked = {
            item.text()
            for item in (self.layers.item(i) for i in range(self.layers.count()))
            if item is not None and item.checkState() == Qt.CheckState.Checked
        }
        return [layer for layer in self.viewer.layers if layer.name in ticked]

    def refresh(self) -> None:
        """Measure and draw."""
        self._dirty = False
        reference = self.reference()
        layers = self.compared()
        self.regions.name_the_nameless()
        rows, truth = self.presenter.rows(layers, self.regions.boxes(), reference, self.z, self._live_scores())
        self.columns = self.presenter.table.columns(truth is not None)
        self.rows = rows
        self.table.show_rows(self.columns, rows)
        if truth is not None:
            self.truth_words.setText(f"PSNR, SSIM and Diff. are against the layer “{truth.name}”.")
        else:
            self.truth_words.setText("No reference: held-out error and data residual judge the runs.")
        warning = unit_warning(layers if reference is None else [*layers, reference])
        self.unit_words.setText(f"⚠ {warning}")
        self.unit_words.setVisible(bool(warning))
        self._draw_plots(layers, reference)
        self.views.refresh()

    def _draw_plots(self, layers: list[Any], reference: Any) -> None:
        curves = {}
        if self._point is not None:
            curves = self.presenter.scale_curves(layers, reference, self._point, self.z)
        self.scale_plot.draw({short(name): curve for name, curve in curves.items()}, symbols=True)
        self.scale_words.setText("" if curves else "Click on the image; the curve needs a reference.")
        line = self.regions.line()
        profiles = {} if line is None else self.presenter.profiles(layers, line, self.z)
        if line is not None:
            self.profile_plot.title(
                "bottom", f"distance / {'px' if str(self.regions.line_layer.units[-1]) == 'pixel' else 'mm'}"
            )
            units = {TITLES[unit] for unit in map(unit_of, layers) if unit}
            self.profile_plot.title("left", " ".join(["value", *units]))
        self.profile_plot.draw({short(name): curve for name, curve in profiles.items()})

    def _live_scores(self) -> dict[str, dict[str, float]]:
        run = self.bench.queue.current
        if run is None or run.over:
            return {}
        return {run.title: {name: points[-1][1] for name, points in run.history.items() if points}}

    # -- events --------------------------------------------------------------------------------------------------

    def _later(self, *_: Any) -> None:
        self._soon.start()

    def _on_painted(self, name: str) -> None:
        self.presenter.touch(name)
        self._dirty = True

    def _on_tick(self) -> None:
        if self._dirty and self.isVisible():
            self.refresh()

    def _on_layers(self, event: Any = None) -> None:
        reference = self.reference()
        names = [layer.name for layer in comparable(self.viewer.layers, reference.name if reference else "")]
        with quiet(self.layers):
            self.layers.clear()
            for name in names:
                item = QListWidgetItem(name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                guide = self.bench.scan.auxiliary
                about = facts(self.viewer.layers[name].metadata)
                aside = "extra" in about or (guide is not None and about.get("file") == guide)
                ticked = self._ticked.get(name, not aside)
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
                self.layers.addItem(item)
        self.layers.setFixedHeight(8 + LINE_HEIGHT * max(2, min(5, len(names))))
        for layer in (self.regions.layer, self.regions.line_layer):
            if layer is not None and layer not in self._followed:
                layer.events.data.connect(self._later)
                self._followed.append(layer)
        self._later()

    def _on_ticked(self, item: QListWidgetItem) -> None:
        self._ticked[item.text()] = item.checkState() == Qt.CheckState.Checked
        self._later()

    def _on_click(self, world: tuple[float, float]) -> None:
        if not self.click.isChecked():
            return
        like = next(iter(reversed(self.compared())), None) or self.reference()
        if like is None:
            return
        self._point = world
        size = SCALES[self.region_size.currentIndex()]
        self.regions.drop(like, world, size)
        self.refresh()

    def drop(self, down: float, right: float) -> None:
        """Drop a region at a share of the height and width of the compared layer, 0 to 1."""
        like = next(iter(reversed(self.compared())), None)
        if like is not None:
            shares = np.array([down, right])
            y, x = like.translate[-2:] + shares * (np.array(like.data.shape[-2:]) - 1) * like.scale[-2:]
            self._on_click((float(y), float(x)))

    def _drop_at_cursor(self) -> None:
        self._on_click(tuple(self.viewer.cursor.position[-2:]))

    def _on_click_mode(self, on: bool) -> None:
        self.clicks.active = on

    def _on_size(self, text: str) -> None:
        self.bench.settings.remember(region_size=text)

    def _on_renamed(self, old: str, new: str) -> None:
        self.regions.rename(old, new)
        self._later()

    def _draw(self) -> None:
        self._draw_in(REGIONS, "add_rectangle")

    def _draw_line(self) -> None:
        self._draw_in(LINE, "add_line")

    def _draw_in(self, name: str, mode: str) -> None:
        like = next(iter(reversed(self.compared())), None)
        if like is None:
            complain(FewviewError("There is no layer to draw on.", "Reconstruct something first."))
            return
        self.views.grid.setChecked(False)  # side by side there are only copies, which do not listen to the mouse
        layer = self.regions.make(like) if name == REGIONS else self.regions.make_line(like)
        self.viewer.layers.selection = [layer]
        layer.mode = mode

    def _remove(self) -> None:
        for name in self.table.selected_regions():
            self.regions.remove(name)
        self._later()

    # -- files ---------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load regions", filter="CSV (*.csv)")
        if path:
            self.load_regions(path)

    def load_regions(self, path: str) -> None:
        """Add the regions of a file."""
        like = next(iter(reversed(self.compared())), None)
        try:
            regions = read_regions(path)
            if like is None:
                raise FewviewError("There is no layer for the regions.", "Reconstruct something first.")
        except FewviewError as error:
            complain(error)
            return
        self.regions.make(like)
        self.regions.add(regions)
        self.refresh()

    def _save(self) -> None:
        self._ask("Save regions", "regions.csv", self.save_regions)

    def save_regions(self, path: str) -> None:
        """Write the regions as CSV."""
        write_regions(path, self.regions.named())
        tell(f"Regions saved: {path}")

    def _ask_csv(self) -> None:
        self._ask("Save the table", "comparison.csv", self.save_csv)

    def save_csv(self, path: str) -> None:
        """Write the table as CSV."""
        self.refresh()
        Path(path).write_text(as_csv(self.columns, self.rows), encoding="utf-8")
        tell(f"Table saved: {path}")

    def _ask_png(self) -> None:
        self._ask("Save the picture", "comparison.png", self.save_png)

    def save_png(self, path: str) -> None:
        """Write what the canvas shows."""
        self.viewer.screenshot(path=path, canvas_only=True, flash=False)
        tell(f"Picture saved: {path}")

    def _ask_report(self) -> None:
        self._ask("Save the report", "comparison.html", self.save_report)

    def save_report(self, path: str) -> None:
        """Write the HTML report."""
        self.refresh()
        Path(path).write_text(report_of(self), encoding="utf-8")
        tell(f"Report saved: {path}")

    def _ask(self, title: str, name: str, save: Any) -> None:
        path, _ = QFileDialog.getSaveFileName(self, title, name)
        if not path:
            return
        try:
            save(path)
        except OSError as error:
            complain(FewviewError(f"{path} cannot be written: {error.strerror}.", "Choose another folder."))

    def _on_appeared(self) -> None:
        self.bench.attach(self)

    def _on_removed(self) -> None:
        self.clicks.close()
        self.views.leave()
        for layer in self._followed:
            layer.events.data.disconnect(self._later)
        self.bench.withdraw("drop_region", "toggle_grid", "swipe", "link_contrast")

    def _on_theme(self, event: Any = None) -> None:
        now = colours(self.viewer)
        self.unit_words.setStyleSheet(f"color: {now.tone('warning')}")
        for plot in (self.scale_plot, self.profile_plot):
            plot.follow(now)
