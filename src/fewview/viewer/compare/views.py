"""Ways to look at several layers: side by side, with one contrast, swiped."""

from __future__ import annotations

from typing import Any

from napari.experimental import link_layers, unlink_layers
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt import QLabeledSlider
from superqt.utils import signals_blocked

from ...errors import FewviewError
from ..common.choice import Choice
from ..common.notify import complain, warn
from ..common.widgets import bare, labelled, tool
from .grid import Grid
from .swipe import Swipe

LINKED = ("contrast_limits", "gamma", "colormap")


class ViewControls(QWidget):
    """What changes the view, not the data. Its buttons are placed by the dock; the widget itself is the swipe's bar."""

    def __init__(self, dock: Any) -> None:
        super().__init__()
        self._dock = dock
        self._linked: list[Any] = []
        self.swipe = Swipe(dock.viewer)
        self.cells = Grid(dock.viewer, dock.regions)
        self.grid = tool(
            "Grid",
            "Compared layers and the reference side by side, with their names and the regions.",
            self._on_grid,
            checkable=True,
            action="toggle_grid",
        )
        self.link = tool(
            "Link",
            "Link the contrast: the same grey means the same value in all compared layers.",
            self._on_link,
            checkable=True,
            action="link_contrast",
        )
        self.swipe_button = tool(
            "Swipe",
            "One layer left of a line, another right of it.",
            self._on_swipe,
            checkable=True,
            action="toggle_swipe",
        )
        tooltip = "Where the swipe's line is. Unit: % of the width."
        self.slider = labelled(QLabeledSlider(Qt.Orientation.Horizontal), 0, 100, "Swipe position", tooltip)
        self.slider.setValue(50)
        self.slider.valueChanged.connect(self._on_slide)
        self.left, self.right = (
            Choice(f"Layer to the {side} of the line.", f"Layer on the {side} of the swipe", 6)
            for side in ("left", "right")
        )
        for combo in (self.left, self.right):
            combo.activated.connect(self._on_sides)
        row = bare(QHBoxLayout(self))
        for widget, stretch in ((self.left, 2), (self.slider, 3), (self.right, 2)):
            row.addWidget(widget, stretch)
        self.hide()

    @property
    def buttons(self) -> tuple[Any, ...]:
        """Grid, link and swipe."""
        return self.grid, self.link, self.swipe_button

    @property
    def problem(self) -> str:
        """Why the swipe shows nothing; empty where it does."""
        return self.swipe.problem

    def refresh(self) -> None:
        """Follow slice, stream and choice of layers."""
        if self.link.isChecked():
            self._link(self._shown())
        if self.grid.isChecked() and not self._shown():  # another scan is meant, of which there is nothing yet
            self.grid.setChecked(False)
        if self.grid.isChecked():
            self.cells.show(self._shown())
        self._offer()
        self.swipe.draw()
        if self.swipe.layers is None and self.swipe_button.isChecked():
            with signals_blocked(self.swipe_button):
                self.swipe_button.setChecked(False)
            self.hide()

    def leave(self) -> None:
        """One picture again, with nothing linked: the dock is gone, or another scan is to be meant."""
        for made in self.buttons:
            made.setChecked(False)

    def _shown(self) -> list[Any]:
        """Compared layers, and the reference behind them."""
        reference = self._dock.reference()
        return [*self._dock.compared(), *([] if reference is None else [reference])]

    def _on_grid(self, on: bool) -> None:
        if on and not self._shown():
            warn("There is nothing to show side by side yet: reconstruct something, or open a volume.")
            with signals_blocked(self.grid):
                self.grid.setChecked(False)
            return
        if on:
            self.cells.show(self._shown())
        else:
            self.cells.hide()
        self._dock.viewer.reset_view()

    def _on_link(self, on: bool) -> None:
        self._link(self._shown() if on else [])

    def _link(self, layers: list[Any]) -> None:
        if layers == self._linked:
            return
        left = [layer for layer in self._linked if layer in self._dock.viewer.layers]
        if left:  # napari refuses to unlink nothing
            unlink_layers(left, LINKED)
        self._linked = layers if len(layers) > 1 else []
        if self._linked:
            limits = layers[-1].contrast_limits  # of the reference, or the last result: streaks would grey out the rest
            link_layers(layers, LINKED)
            layers[0].contrast_limits = limits

    def _on_swipe(self, on: bool) -> None:
        if not on:
            self.hide()
            self.swipe.stop()
            return
        layers = self._shown()
        if len(layers) < 2:
            warn("A swipe needs two layers: tick two on the page Layers, or choose a reference.")
            self.swipe_button.setChecked(False)
            return
        self._offer()
        compared = self._dock.compared()
        last = compared[-1] if len(compared) > 1 else layers[-1]
        self.left.setCurrentIndex(layers.index(layers[0]))
        self.right.setCurrentIndex(layers.index(last))
        self.show()
        self.swipe.start(layers[0], last)
        self._complain()

    def _offer(self) -> None:
        """Fill the two boxes; what was chosen stays chosen."""
        layers, now = self._shown(), self.swipe.layers
        names = [layer.name for layer in layers]
        for side, combo in enumerate((self.left, self.right)):
            with signals_blocked(combo):
                if [combo.itemText(i) for i in range(combo.count())] != names:
                    combo.clear()
                    combo.addItems(names)
                if now is not None and now[side] in layers:
                    combo.setCurrentIndex(layers.index(now[side]))

    def _on_sides(self, *_: Any) -> None:
        layers = self._shown()
        places = self.left.currentIndex(), self.right.currentIndex()
        if all(0 <= place < len(layers) for place in places):
            self.swipe.start(layers[places[0]], layers[places[1]])
            self._complain()

    def _complain(self) -> None:
        if self.swipe.problem:
            complain(FewviewError(self.swipe.problem))

    def _on_slide(self, percent: int) -> None:
        self.swipe.share = percent / 100
        self.swipe.draw()
