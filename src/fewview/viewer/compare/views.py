"""Ways to look at several layers: side by side, with one contrast, swiped."""

from __future__ import annotations

from typing import Any

from napari.experimental import link_layers, unlink_layers
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ...errors import FewviewError
from ..common.notify import complain
from ..common.widgets import described, quiet, tool
from .grid import Grid
from .swipe import Swipe

LINKED = ("contrast_limits", "gamma", "colormap")


class ViewControls(QWidget):
    """Buttons of the Compare dock that change the view, not the data."""

    def __init__(self, dock: Any) -> None:
        super().__init__()
        self._dock = dock
        self._linked: list[Any] = []
        self.swipe = Swipe(dock.viewer)
        self.cells = Grid(dock.viewer, dock.regions)
        self.grid = tool(
            "Grid",
            "Compared layers side by side, with their names and the regions.",
            self._on_grid,
            checkable=True,
        )
        self.link = tool(
            "Link",
            "Link the contrast: the same grey means the same value in all compared layers.",
            self._on_link,
            checkable=True,
        )
        self.swipe_button = tool(
            "Swipe", "Left of the line the first, right of it the last compared layer.", self._on_swipe, checkable=True
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setValue(50)
        self.slider.setToolTip("Where the swipe's line is. Unit: % of the width.")
        described(self.slider, "Swipe position")
        self.slider.valueChanged.connect(self._on_slide)
        self.slider.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.grid, self.link, self.swipe_button):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.slider)

    def refresh(self) -> None:
        """Follow slice, stream and choice of layers."""
        if self.link.isChecked():
            self._link(self._dock.compared())
        if self.grid.isChecked():
            self.cells.show(self._dock.compared())
        self.swipe.draw()
        if self.swipe.layers is None and self.swipe_button.isChecked():
            with quiet(self.swipe_button):
                self.swipe_button.setChecked(False)
            self.slider.hide()

    def leave(self) -> None:
        """One picture again, with nothing linked: the dock with the buttons for it is gone."""
        for made in (self.grid, self.link, self.swipe_button):
            made.setChecked(False)

    def _on_grid(self, on: bool) -> None:
        if on:
            self.cells.show(self._dock.compared())
        else:
            self.cells.hide()
        self._dock.viewer.reset_view()

    def _on_link(self, on: bool) -> None:
        self._link(self._dock.compared() if on else [])

    def _link(self, layers: list[Any]) -> None:
        if layers == self._linked:
            return
        left = [layer for layer in self._linked if layer in self._dock.viewer.layers]
        if left:  # napari refuses to unlink nothing
            unlink_layers(left, LINKED)
        self._linked = layers if len(layers) > 1 else []
        if self._linked:
            limits = [layer.contrast_limits for layer in layers]
            link_layers(layers, LINKED)
            layers[0].contrast_limits = (min(low for low, _ in limits), max(high for _, high in limits))

    def _on_swipe(self, on: bool) -> None:
        self.slider.setVisible(on)
        if not on:
            self.swipe.stop()
            return
        layers = self._dock.compared()
        reference = self._dock.reference()
        if len(layers) < 2 and reference is not None:
            layers = [*layers, reference]
        if len(layers) < 2:
            complain(FewviewError("A swipe needs two layers.", "Tick two layers, or choose a reference."))
            self.swipe_button.setChecked(False)
            return
        self.swipe.start(layers[0], layers[-1])

    def _on_slide(self, percent: int) -> None:
        self.swipe.share = percent / 100
        self.swipe.draw()
