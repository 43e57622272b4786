"""The Scan dock: what is loaded, what is assumed, what is missing; the axis, the views, the other volumes."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
from functools import partial
from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider
from superqt.utils import signals_blocked

from ...errors import FewviewError
from ..common.choice import Choice
from ..common.notify import complain
from ..common.plots import AnglePlot, AxisPlot
from ..common.ranged import RangedBox, RangedDoubleBox, Tell
from ..common.theme import colours
from ..common.widgets import Dock, Section, allow, bare, button, described, labelled, wrapped
from ..common.words import NO_SCAN, without_flags
from ..files.drops import open_dropped
from ..files.layer_files import file_of, files_of, is_volume
from ..help import HelpButton
from ..workbench import workbench_of
from .axis_state import OFF_PEAK
from .fact_list import FactList
from .preparation import Preparation
from .presenter import ScanPresenter
from .samples import SAMPLES, sample_files, volume_layer
from .scan_bar import ScanBar

SLIDER_REACH = 30  # pixels to either side of the axis
NEXT = "Next: Preview slice, in the Reconstruct tab."
LOOKING = "Looking for the axis…"
COUNTED = (
    "Unit: px, counted from 0 as the detector does; the names and messages of a run, and Compare's line of values, say "
    "rows so. The slider below the picture begins at 0 with the first slice that is there."
)
TRUTH = (
    "Volume to compare with: PSNR and SSIM appear. It enters no reconstruction. Image layers of two or three axes can "
    "be chosen; labels, points, shapes and colour pictures hold no attenuation."
)
NO_LAYER = "none"
FROM_FILE = "from a file…"
NO_MORE = "{} (its layer was removed)"  # still that of the scan, until another one, or none, is chosen


class ScanDock(Dock):
    """See the module."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.dropped.connect(partial(open_dropped, viewer))
        self.bench = workbench_of(viewer)
        self._called: dict[str, str] = {}  # names of layers, by the file that holds them
        self.scans = ScanBar(self.bench)
        self.column.addWidget(self.scans)
        self.column.addLayout(self._make_open())
        self.headline = wrapped("No scan")
        self.headline.setObjectName("headline")
        described(self.headline, "State of the scan")
        self.column.addWidget(self.headline)
        self.facts = FactList()
        self.facts.said.connect(self._on_said)
        self.facts.axis_asked.connect(self.bench.find_axis)
        self.facts.renewed.connect(self.order_tabs)
        self.column.addWidget(self.facts)
        self.projections = QCheckBox("Show the projections")
        self.projections.setToolTip("As a layer; taken out at a run, because angles and slices would share a slider.")
        described(self.projections, "Show the projections")
        self.projections.toggled.connect(self.bench.show_projections)
        self.column.addWidget(self.projections)
        self.column.addWidget(Section("Rotation axis", self._make_axis()))
        self.preparation = Preparation(self.bench)
        self.column.addWidget(Section("Preparation", self.preparation, unfolded=False))
        self.column.addWidget(Section("What to use", self._make_choice()))
        self.plot = AnglePlot()
        self.column.addWidget(Section("Angles", self.plot, unfolded=False))
        self.column.addWidget(Section("Other volumes", self._make_volumes()))
        self.column.addStretch(1)
        self.bench.scan_changed.connect(self.refresh)
        self.bench.runs_changed.connect(self._refresh_axis)
        self.appeared.connect(self._on_appeared)
        self.hear(viewer.events.theme, self._on_theme)
        self.hear_layers(self._on_layers)
        self._on_theme()
        self.refresh()

    @property
    def scan(self) -> ScanPresenter:
        """The scan that is meant."""
        return self.bench.scan

    # -- making --------------------------------------------------------------------------------------------------

    def _make_open(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.open_file = button(
            "File…", "Open a scan file: HDF5, NXtomo, TIFF, FITS, MATLAB, NumPy.", self._ask_file, action="open_scan"
        )
        self.open_folder = button("Folder…", "Open a folder of projections.", self._ask_folder, action="open_folder")
        self.sample = QPushButton("Sample")
        self.sample.setToolTip("Open one of the scans that come with fewview.")
        described(self.sample, "Open a sample")
        menu = QMenu(self.sample)
        for key, title in SAMPLES.items():
            action = QAction(title, menu)
            action.setData(key)
            menu.addAction(action)
        menu.triggered.connect(self._on_sample)
        self.sample.setMenu(menu)
        for widget in (self.open_file, self.open_folder, self.sample, HelpButton(self.viewer, "Scan")):
            row.addWidget(widget)
        return row

    def _make_axis(self) -> QWidget:
        box = QWidget()
        layout = bare(QVBoxLayout(box))
        row = QHBoxLayout()
        self.axis = RangedDoubleBox(lambda why: self._tell(self.axis_words, why))
        self.axis.setDecimals(2)
        self.axis.setSingleStep(0.25)
        self.axis.setSuffix(" px")
        self.axis.setToolTip("0-based detector column of the rotation axis. Unit: px. A wrong one doubles the edges.")
        described(self.axis, "Rotation axis")
        self.axis.valueChanged.connect(self._on_axis)
        self.find_button = button(
            "Find",
            "Find the axis in the data, and say how sure it is.",
            self.bench.find_axis,
            "Find the axis",
            "find_axis",
        )
        self.undo_button = button(
            "Undo", "Go back to the axis, and the turn, from before.", self._undo_axis, "Undo the axis", "undo_axis"
        )
        row.addWidget(self.axis, 1)
        row.addWidget(self.find_button)
        row.addWidget(self.undo_button)
        layout.addLayout(row)
        tooltip = "Drag, and see the slice change. Unit: px of the detector, from where the drag begins."
        self.slider = labelled(
            QLabeledDoubleSlider(Qt.Orientation.Horizontal), -SLIDER_REACH, SLIDER_REACH, "Shift the axis", tooltip
        )
        self.slider.valueChanged.connect(self._on_slider)
        self.slider.sliderReleased.connect(self._recentre)
        layout.addWidget(self.slider)
        self.axis_words = wrapped()
        layout.addWidget(self.axis_words)
        self.tilt_button = button(
            "Turn the projections upright",
            "Resample them by the tilt that was found, and find again.",
            self._turn,
            action="turn_upright",
        )
        layout.addWidget(self.tilt_button)
        self.axis_plot = AxisPlot()
        layout.addWidget(self.axis_plot)
        self._centre = 0.0
        return box

    def _make_choice(self) -> QWidget:
        box = QWidget()
        form = bare(QFormLayout(box))
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.choice_words = wrapped()
        tell = partial(self._tell, self.choice_words)
        self.views = _spin(
            tell, 1, 1, "Number of views to use, equally spread over the angles. Fewer: what would a shorter scan give?"
        )
        self.first = _spin(tell, 0, 0, f"First detector row (slice) to reconstruct. {COUNTED}")
        self.last = _spin(tell, 0, 0, f"Last detector row (slice) to reconstruct. {COUNTED}")
        self.bin = _spin(
            tell, 1, 16, "Detector pixels averaged along each side: 2 is 8 times fewer voxels and half the detail."
        )
        for widget in (self.views, self.first, self.last, self.bin):
            widget.valueChanged.connect(self._on_choice)
        rows = QHBoxLayout()
        rows.addWidget(self.first, 1)
        rows.addWidget(QLabel("to"))
        rows.addWidget(self.last, 1)
        for title, item, widget in (
            ("Views", self.views, self.views),
            ("Rows", rows, self.first),
            ("Binning", self.bin, self.bin),
        ):
            form.addRow(title, item)
            described(widget, title)
        described(self.last, "Last row")
        described(self.first, "First row")
        form.addRow(self.choice_words)
        return box

    def _tell(self, words: QLabel, why: str) -> None:
        """Why an entry was not taken, until something else is entered."""
        words.setText(why)
        words.setStyleSheet(f"color: {colours(self.viewer).tone('warning')}")

    def _make_volumes(self) -> QWidget:
        box = QWidget()
        form = bare(QFormLayout(box))
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        guide = "X-ray volume of the same sample on the same grid, for cross-modal methods."
        self.auxiliary, self.reference = Choice(guide, "X-ray layer"), Choice(TRUTH, "Reference layer")
        for title, widget in (("X-ray", self.auxiliary), ("Reference", self.reference)):
            form.addRow(title, widget)
            widget.activated.connect(self._on_volumes)
        return box

    # -- showing -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw what the presenter knows."""
        scan = self.scan
        views, rows, columns = scan.shape
        begun = any(run.scan == scan.path for run in self.bench.runs)
        self.headline.setText(f"<b>{scan.headline()}</b>" + ("" if begun or not scan.ready else f"<br>{NEXT}"))
        self.facts.show_facts(scan.facts(), colours(self.viewer))
        with signals_blocked(self.views, self.first, self.last, self.bin, self.axis):
            self.projections.setEnabled(scan.ready)
            self.views.setRange(1, max(1, views))
            self.views.setValue(scan.views or max(1, views))
            for spin in (self.first, self.last):
                spin.setRange(0, max(0, rows - 1))
            first, stop = scan.rows or (0, rows)
            self.first.setValue(first)
            self.last.setValue(max(0, stop - 1))
            self.bin.setMaximum(max(1, min(16, rows, columns)))
            self.bin.setValue(scan.bin)
            self.axis.setRange(0, max(0, columns - 1))
            self.axis.setValue(scan.axis if scan.axis is not None else max(0, columns - 1) / 2)
        for widget in (self.views, self.first, self.last, self.bin, self.axis, self.slider):
            widget.setEnabled(scan.ready)
        self._recentre()
        self._refresh_axis()
        self.plot.show_angles(scan.angles, scan.angles_used)
        self._on_layers()

    def _refresh_axis(self) -> None:
        finding = self.bench.finding_axis
        lacks = LOOKING if finding else "" if self.scan.ready else NO_SCAN
        allow(self.find_button, lacks)
        allow(self.undo_button, lacks or ("" if self.scan.axis_state.can_undo else "The axis has not been changed."))
        self.axis_words.setText(lacks or without_flags(self.scan.axis_state.words()))
        off = abs(self.scan.axis_state.off_peak) > OFF_PEAK or bool(self.scan.axis_state.tilt.get("matters"))
        tone = colours(self.viewer).tone("warning") if off and not finding else ""
        self.axis_words.setStyleSheet(f"color: {tone}" if tone else "")
        self.axis_plot.show_axis(self.scan.axis_state.curve, self.scan.axis)
        self.tilt_button.setVisible(bool(self.scan.axis_state.tilt.get("matters")))
        allow(self.tilt_button, lacks)

    def _on_appeared(self) -> None:
        self.bench.attach(self)

    def _on_theme(self, event: Any = None) -> None:
        for plot in (self.plot, self.axis_plot):
            plot.follow(colours(self.viewer))
        self.facts.show_facts(self.scan.facts(), colours(self.viewer))

    def _on_layers(self, event: Any = None) -> None:
        with signals_blocked(self.projections):
            self.projections.setChecked(self.bench.projections_shown)
        layers = [layer for layer in self.viewer.layers if is_volume(layer)]
        names = [layer.name for layer in layers]
        files = {layer.name: files_of(layer) for layer in layers}
        for combo, chosen in ((self.auxiliary, self.scan.auxiliary), (self.reference, self.scan.reference)):
            shown = next((name for name, known in files.items() if chosen in known), None)
            if shown is not None:
                self._called[str(chosen)] = shown
            gone = [] if chosen is None or shown is not None else [self._no_more(chosen)]
            with signals_blocked(combo):
                combo.clear()
                combo.addItems([NO_LAYER, *names, *gone, FROM_FILE])
                combo.setCurrentIndex(1 + names.index(shown) if shown is not None else len(names) + 1 if gone else 0)

    def _no_more(self, file: str) -> str:
        """A volume of the scan whose layer is not there any more, by the name that it had in the viewer."""
        return NO_MORE.format(self._called.get(file, Path(file).name))

    # -- clicks --------------------------------------------------------------------------------------------------

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a scan")
        if path:
            self.bench.open(path)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder of projections")
        if path:
            self.bench.open(path)

    def _on_sample(self, action: Any) -> None:
        self.bench.open(**sample_files(action.data()))

    def _on_said(self, what: str, value: object) -> None:
        reason = self.bench.say(**{what: value})
        self.facts.editor.take(reason, colours(self.viewer).tone("bad"))

    def _on_axis(self, column: float) -> None:
        self.scan.set_axis(column)
        self.facts.show_facts(self.scan.facts(), colours(self.viewer))
        self._refresh_axis()
        if not self.slider.isSliderDown():
            self._recentre()
        self.bench.axis_search.try_column(column, self.bench.shown_row())

    def _turn(self) -> None:
        self.scan.turn_upright()
        self.bench.scan_changed.emit()
        self.bench.find_axis()

    def _undo_axis(self) -> None:
        self.scan.undo_axis()
        self.bench.scan_changed.emit()
        if self.scan.axis is not None:
            self.bench.axis_search.try_column(self.scan.axis, self.bench.shown_row())

    def _on_slider(self, shift: float) -> None:
        self.axis.setValue(self._centre + shift)

    def _recentre(self) -> None:
        self._centre = self.axis.value()
        with signals_blocked(self.slider):
            self.slider.setValue(0)

    def _on_choice(self) -> None:
        scan = self.scan
        self.choice_words.clear()
        views, rows, _ = scan.shape
        scan.views = self.views.value() if self.views.value() < views else None
        first, last = sorted((self.first.value(), self.last.value()))
        scan.rows = None if (first, last + 1) == (0, rows) else (first, last + 1)
        scan.bin = self.bin.value()
        self.plot.show_angles(scan.angles, scan.angles_used)
        self.bench.scan_changed.emit()

    def _on_volumes(self) -> None:
        try:
            self.scan.auxiliary = self._picked(self.auxiliary, self.scan.auxiliary)
            self.scan.reference = self._picked(self.reference, self.scan.reference)
        except FewviewError as error:
            complain(error)
        self.bench.scan_changed.emit()

    def _open_volume(self, path: str) -> bool:
        """Show a volume file that belongs to the scan; returns whether that was possible."""
        try:
            data, keywords, _ = volume_layer(path, of=self.scan.path, visible=False)
        except FewviewError as error:
            complain(error)
            return False
        self.viewer.add_image(data, **keywords)
        self.bench.scans.park()  # the file may say no size of its voxels
        return True

    def _picked(self, combo: Choice, before: str | None) -> str | None:
        index, name = combo.currentIndex(), combo.currentText()  # a layer may be called "none"
        if index == combo.count() - 1:
            path, _ = QFileDialog.getOpenFileName(self, "Open a volume")
            return path if path and self._open_volume(path) else before
        if before is not None and name == self._no_more(before):
            return before
        return None if index == 0 else file_of(self.viewer.layers[name], self.scan.path)


def _spin(tell: Tell, low: int, high: int, tooltip: str) -> RangedBox:
    spin = RangedBox(tell)
    spin.setRange(low, high)
    spin.setToolTip(tooltip)
    return spin
