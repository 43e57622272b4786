"""Three linked planes: beside the slice on the canvas the two that stand on it, through one point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

from ..common.theme import Colours
from ..common.widgets import described
from .cursor_line import LENGTH
from .grids import place_of

Position = tuple[float, float, float]  # (z, y, x), mm or pixels


class Planes(pg.GraphicsLayoutWidget):
    """The planes xz and yz of one layer; a click in one moves the other, and the slice on the canvas.

    Parameters
    ----------
    move : callable
        Told the point that was clicked.
    """

    def __init__(self, move: Callable[[Position], None]) -> None:
        super().__init__()
        described(self, "Planes xz and yz", "A click moves the point through which all three planes go")
        self.setToolTip("Two planes that stand on the slice. A click moves the point through which all three go.")
        self.setMinimumSize(0, 90)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._move = move
        self._at: Position = (0.0, 0.0, 0.0)
        self._parts = {}
        for column, (name, across) in enumerate((("xz", "x"), ("yz", "y"))):
            plot = self.addPlot(row=0, col=column, title=name)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setAspectLocked(True)
            plot.invertY(True)
            image = pg.ImageItem(axisOrder="row-major")
            plot.addItem(image)
            lines = [pg.InfiniteLine(angle=angle, pen=pg.mkPen("#E69F00", width=1)) for angle in (90, 0)]
            for line in lines:
                plot.addItem(line, ignoreBounds=True)
            self._parts[across] = (plot, image, lines)
        self.scene().sigMouseClicked.connect(self._on_click)

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        self.setBackground(colours.background)
        for plot, _, _ in self._parts.values():
            plot.setTitle(plot.titleLabel.text, color=colours.text)
            for side in ("bottom", "left"):
                plot.getAxis(side).setPen(colours.grid)
                plot.getAxis(side).setTextPen(colours.text)

    def show_layer(self, layer: Any, at: Position) -> None:
        """Draw the planes of a volume through a point; nothing for an image, which has one plane only."""
        self._at = at
        flat = layer is None or layer.ndim < 3
        if not flat:
            place = place_of(layer)
            low, high = layer.contrast_limits
            spans = zip(at, place.origin, place.step, layer.data.shape, strict=True)
            _, y, x = (int(np.clip(round((p - o) / s), 0, n - 1)) for p, o, s, n in spans)
            data = layer.data
        for across, index in (("x", 2), ("y", 1)):
            plot, image, lines = self._parts[across]
            image.setVisible(not flat)
            for line in lines:
                line.setVisible(not flat)
            if flat:
                continue
            for side, axis in (("bottom", across), ("left", "z")):
                title = f"{axis} / {LENGTH[place.unit]}"
                if plot.getAxis(side).labelText != title:
                    plot.getAxis(side).setLabel(title, siPrefixEnableRanges=())
            plane = np.asarray(data[:, y, :] if across == "x" else data[:, :, x], dtype=np.float32)
            image.setImage(np.nan_to_num(plane), levels=(low, high), autoLevels=False)
            dz, d = place.step[0], place.step[index]
            left, top = place.origin[index] - d / 2, place.origin[0] - dz / 2
            image.setRect(left, top, plane.shape[1] * d, plane.shape[0] * dz)
            lines[0].setPos(at[index])
            lines[1].setPos(at[0])

    def _on_click(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        for across, (plot, _, _) in self._parts.items():
            if plot.sceneBoundingRect().contains(event.scenePos()):
                point = plot.vb.mapSceneToView(event.scenePos())
                _, y, x = self._at
                self._move((point.y(), y, point.x()) if across == "x" else (point.y(), point.x(), x))
