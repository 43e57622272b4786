"""The pages of the Compare dock: table, layers, scale curve, line profile, planes, files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QSizePolicy, QTabWidget, QToolButton, QVBoxLayout, QWidget

from ..common.names import short_names
from ..common.plots import Plot
from ..common.theme import Colours
from ..common.widgets import described, tool, wrapped
from .cursor_line import LENGTH
from .files_tab import FilesTab
from .layer_list import LayerList
from .planes import Planes, Position
from .presenter import ComparePresenter, Comparison
from .regions_layer import Regions
from .table_widget import CompareTable
from .value_units import in_short

LOWEST = 90  # pixels that a plot needs: the dock may lie below the picture
AXIS = 80  # pixels for numbers and a title
UNBOUNDED = 2**24 - 1  # Qt's own


class Pages(QTabWidget):
    """All that is drawn from a comparison; only what can be seen, for each costs some milliseconds.

    Parameters
    ----------
    files : FilesTab
    draw_line : callable
        Let the user draw the line of the profile.
    move : callable
        Told the point that was clicked in the planes.
    """

    def __init__(self, files: FilesTab, draw_line: Callable[[], None], move: Callable[[Position], None]) -> None:
        super().__init__()
        self.setDocumentMode(True)
        # What a page would like to have must not make the dock scroll: each shrinks, and has bars of its own.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setUsesScrollButtons(True)
        bar = self.tabBar()
        if bar is not None:
            bar.setDrawBase(False)
            for arrow in bar.findChildren(QToolButton):
                arrow.setToolTip("Pages that do not fit")
        described(self, "Pages of the comparison")
        self.table, self.layers, self.files = CompareTable(), LayerList(), files
        self.scale_plot = Plot("Scale curve", "region side / px", "PSNR / dB", height=LOWEST)
        self.profile_plot = Plot("Line profile", "distance", "value", height=LOWEST)
        for plot in (self.scale_plot, self.profile_plot):
            plot.setMaximumHeight(UNBOUNDED)
            plot.plotItem.getAxis("left").setWidth(AXIS)  # its title comes later than its numbers
        self.planes = Planes(move)
        self._scale_words = wrapped()
        line = tool("Draw a line", "Draw a line on the image; its values appear below.", draw_line, action="draw_line")
        for title, parts in (
            ("Table", (self.table,)),
            ("Layers", (self.layers,)),
            ("Scale curve", (self._scale_words, self.scale_plot)),
            ("Line profile", (line, self.profile_plot)),
            ("Planes", (self.planes,)),
            ("Files", (self.files,)),
        ):
            page = QWidget()
            layout = QVBoxLayout(page)
            layout.setContentsMargins(0, 2, 0, 0)
            layout.setSpacing(2)
            for part in parts:
                layout.addWidget(part)
            self.addTab(page, title)

    def show_page(self, title: str) -> None:
        """Turn to a page."""
        self.setCurrentIndex([self.tabText(index) for index in range(self.count())].index(title))

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        for plot in (self.scale_plot, self.profile_plot, self.planes):
            plot.follow(colours)

    def draw(
        self,
        presenter: ComparePresenter,
        comparison: Comparison,
        layers: list[Any],
        regions: Regions,
        at: Position,
        top: Any,
        clicked: bool,
    ) -> None:
        """Draw the page that is shown.

        Parameters
        ----------
        presenter : ComparePresenter
            Makes curves and profiles.
        comparison : Comparison
            What can be compared at this height.
        layers : list of layers
            Compared ones; their colours are those of the list.
        regions : Regions
            The last line drawn among them is that of the profile.
        at : (z, y, x)
            Point that was clicked last, or the middle.
        top : layer or None
            Whose planes are drawn.
        clicked : bool
            Whether ``at`` was clicked.
        """
        names = short_names(layer.name for layer in layers)
        slots = {names[layer.name]: self.layers.slot(layer) for layer in layers}
        page = self.tabText(self.currentIndex())
        if page == "Scale curve":
            curves = presenter.scale_curves(comparison, at[1:]) if clicked else {}
            self.scale_plot.draw({names[name]: curve for name, curve in curves.items()}, symbols=True, slots=slots)
            self._scale_words.setText("" if curves else "Click on the image; the curve needs a reference.")
        elif page == "Line profile":
            line = regions.line()
            profiles = {} if line is None else presenter.profiles(comparison, line)
            unit = in_short(comparison.unit)
            self.profile_plot.title("bottom", f"distance / {LENGTH[comparison.length]}")
            self.profile_plot.title("left", f"value / {unit}" if unit else "value")
            self.profile_plot.draw({names[name]: curve for name, curve in profiles.items()}, slots=slots)
        elif page == "Planes":
            self.planes.show_layer(top, at)
