"""Plots of the docks: convergence, scale curve, line profile, angles. pyqtgraph, in the colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

from .theme import Colours
from .widgets import described

# PySide6 asks a label for its size from within its constructor, before pyqtgraph has set this.
pg.LabelItem._sizeHint = {}

LINES = 3.2  # of text that the axis at the bottom takes: pyqtgraph cuts off the descenders of its title
TOP = 6  # pixels: the number at the upper end of an axis stands half above it
LEGEND_LINE, LEGEND_EDGE = 20, 16  # pixels
MOST = 0.6  # of a plot's height that the legend may take from the curves
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
Points = tuple[ArrayLike, ArrayLike]


class SparseTicks(pg.AxisItem):
    """Of a logarithmic axis only 1, 2 and 5 are written: the others run into each other in a plot this low."""

    def logTickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Called by pyqtgraph.

        Parameters
        ----------
        values : list of float
            Logarithms of the ticks.
        scale : float
            Not used.
        spacing : float
            Between the ticks.

        Returns
        -------
        list of str
            Empty for ticks that do not begin with 1, 2 or 5.
        """
        strings = super().logTickStrings(values, scale, spacing)
        leading = [f"{10**value:.0e}"[0] for value in values]
        return [string if digit in "125" else "" for string, digit in zip(strings, leading, strict=True)]


class WholeTicks(pg.AxisItem):
    """No step lies between two steps: where all points are whole numbers, so are the ticks."""

    whole = False

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """Called by pyqtgraph.

        Parameters
        ----------
        low, high : float
            Ends of the axis.
        size : float
            Of it, in pixels.

        Returns
        -------
        list of (float, float)
            Distance and offset of the ticks, the wide ones first.
        """
        found: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        return [level for level in found if level[0] >= 1] or [(1.0, 0.0)] if self.whole else found


class Plot(pg.PlotWidget):
    """Curves with a legend. Told apart by colour and by dash, so that neither is needed alone.

    Parameters
    ----------
    name : str
        For screen readers.
    x, y : str
        Axis titles with units.
    height : int
        At least, in pixels.
    legend : bool
        Off where there is one curve only, which the title of the axis names.
    from_zero : bool
        Whether the axis at the bottom begins at 0, as what grows in the course of a run does: a first point then lies
        where the others will go on from.
    """

    def __init__(
        self, name: str, x: str, y: str, height: int = 150, legend: bool = True, from_zero: bool = False
    ) -> None:
        super().__init__(axisItems={"left": SparseTicks("left"), "bottom": WholeTicks("bottom")})
        described(self, name, f"Plot of {y} against {x}")
        self._titles = {"bottom": x, "left": y}
        self._sides: tuple[str, ...] = ("bottom", "left")  # that have numbers
        self._numbered = True
        self._curves: dict[str, Any] = {}
        self._slots: dict[str, int] = {}
        self._series: tuple[str, ...] = ("#808080",)
        self._from_zero = from_zero
        self.setMinimumHeight(height)
        self.setMaximumHeight(2 * height)
        self.setMinimumWidth(0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.plotItem.setMenuEnabled(False)
        self.plotItem.hideButtons()
        self.plotItem.layout.setContentsMargins(0, TOP, 0, 0)
        self._legend = self.plotItem.addLegend(offset=(-5, 5), labelTextSize="8pt")
        self._legend.setVisible(legend)
        self._room = self.plotItem.plot(pen=pg.mkPen(0, 0, 0, 0))
        self.plotItem.getAxis("bottom").setHeight(LINES * self.fontMetrics().height())
        self._number({})

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        self.setBackground(colours.background)
        self._series = colours.series
        for name, curve in self._curves.items():
            curve.setPen(self._pen(self._slots[name]))
            curve.setSymbolBrush(self._series[self._slots[name] % len(self._series)])
        for side, title in self._titles.items():
            axis = self.plotItem.getAxis(side)
            axis.setPen(colours.grid)
            axis.setTextPen(colours.text)
            axis.setLabel(title, color=colours.text, siPrefixEnableRanges=())  # else 0.2 becomes 200 with no unit
        self._legend.setLabelTextColor(colours.text)
        for _, label in self._legend.items:
            label.setText(label.text, color=colours.text)

    def draw(
        self, curves: Mapping[str, Points], *, symbols: bool = False, slots: Mapping[str, int] | None = None
    ) -> None:
        """Show these curves, in the colours of their ``slots``, or of their order.

        Parameters
        ----------
        curves : mapping
            By name.
        symbols : bool, optional
            Whether points are marked.
        slots : mapping, optional
            Number of each curve's colour, by name.
        """
        places = {name: (slots or {}).get(name, index) for index, name in enumerate(curves)}
        same = list(self._curves) == list(curves)[: len(self._curves)]
        if not same or any(places[name] != self._slots[name] for name in self._curves):
            for curve in self._curves.values():
                self.plotItem.removeItem(curve)
            self._curves = {}
        self._slots = places
        for name, (x, y) in curves.items():
            index = places[name]
            if name not in self._curves:
                pen = self._pen(index)
                colour = self._series[index % len(self._series)]
                look = {"symbol": "ostd+"[index % 5] if symbols else None, "symbolSize": 6, "symbolBrush": colour}
                self._curves[name] = self.plotItem.plot(pen=pen, connect="finite", **look)
            self._curves[name].setData(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
            if not symbols:  # a line of one point is no line
                self._curves[name].setSymbol("o" if np.size(x) == 1 else None)
        if self.isVisible():
            self._name_curves()
        self._make_room(curves)
        self._number(curves)

    def _number(self, curves: Mapping[str, Points]) -> None:
        """Numbers on the axes, where there is anything that they could be of."""
        across = np.concatenate([np.zeros(0), *(np.ravel(np.asarray(x, dtype=float)) for x, _ in curves.values())])
        self.plotItem.getAxis("bottom").whole = bool((across == np.round(across)).all())
        if self._numbered != bool(across.size):
            self._numbered = bool(across.size)
            for side in self._sides:
                self.plotItem.getAxis(side).setStyle(showValues=self._numbered)

    def showEvent(self, event: Any) -> None:
        """Fill the legend."""
        super().showEvent(event)
        self._name_curves()

    def hideEvent(self, event: Any) -> None:
        """Empty the legend: at the end of a viewer, PySide6 still calls labels that Python has taken apart."""
        super().hideEvent(event)
        self._legend.clear()

    def _name_curves(self) -> None:
        if [label.text for _, label in self._legend.items] != list(self._curves):
            self._legend.clear()
            for name, curve in self._curves.items():
                self._legend.addItem(curve, name)

    def _make_room(self, curves: Mapping[str, Points]) -> None:
        """Points that nobody sees: so high that the curves end below the legend; at 0, where the axis begins there."""
        log = self.plotItem.getAxis("left").logMode
        values = np.concatenate([np.zeros(0), *(np.ravel(np.asarray(y, dtype=float)) for _, y in curves.values())])
        values = values[np.isfinite(values) & (values > 0 if log else True)]
        if not values.size or not (self._legend.isVisible() or self._from_zero):
            self._room.setData([], [])
            return
        low, high = (np.log10(v) if log else v for v in (values.min(), values.max()))
        share = min(MOST, (LEGEND_EDGE + len(curves) * LEGEND_LINE) / max(1.0, self.plotItem.vb.height()))
        top = high + (high - low) * share / (1 - share) * self._legend.isVisible()
        places = np.concatenate([np.ravel(np.asarray(x, dtype=float)) for x, _ in curves.values()])
        ends = [0.0, max(1.0, float(places.max()))] if self._from_zero else [float(places[0])]
        self._room.setData(ends, [10**top if log else top] * len(ends))

    def title(self, side: str, title: str) -> None:
        """Another title of an axis: its unit depends on what is drawn."""
        if self._titles[side] != title:
            self._titles[side] = title
            self.plotItem.getAxis(side).setLabel(title, siPrefixEnableRanges=())

    def _pen(self, index: int) -> Any:
        return pg.mkPen(self._series[index % len(self._series)], width=2, style=DASHES[index % len(DASHES)])

    def logarithmic(self) -> None:
        """Draw the values on a logarithmic scale."""
        self.plotItem.setLogMode(x=False, y=True)


class AxisPlot(Plot):
    """Score of every column that the search for the rotation axis tried; a line marks the column in use."""

    def __init__(self) -> None:
        super().__init__("Score of the rotation axis", "column / px", "score", height=130, legend=False)
        self.setMaximumHeight(130)
        self._mark = pg.InfiniteLine(angle=90)
        self.plotItem.addItem(self._mark, ignoreBounds=True)
        self.plotItem.getAxis("left").setStyle(showValues=False)  # only where it is highest matters
        self._sides = ("bottom",)

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        super().follow(colours)
        self._mark.setPen(pg.mkPen(colours.series[1], width=2, style=Qt.PenStyle.DashLine))

    def show_axis(self, curve: Any, column: float | None) -> None:
        """Draw the scores, and the column in use."""
        self.setVisible(curve is not None)
        self.draw({} if curve is None else {"score": curve})
        self._mark.setVisible(column is not None)
        if column is not None:
            self._mark.setPos(column)


class AnglePlot(Plot):
    """Angles of the views, in the order of the scan; those that will be used are filled."""

    def __init__(self) -> None:
        super().__init__("Angles", "view", "angle / °", height=110)

    def show_angles(self, angles: Any, used: Any) -> None:
        """Draw all angles (degrees) and mark the used ones."""
        chosen = np.isin(np.round(angles, 6), np.round(used, 6))
        index = np.arange(len(angles))
        curves: dict[str, Points] = {
            "not used": (index[~chosen], angles[~chosen]),
            "used": (index[chosen], angles[chosen]),
        }
        if chosen.all():
            del curves["not used"]
        self.draw(curves, symbols=True)
        for curve in self._curves.values():
            curve.setPen(None)
            curve.setSymbolSize(4)
