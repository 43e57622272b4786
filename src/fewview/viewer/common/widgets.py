"""Small widgets and habits that the docks share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from qtpy.QtCore import QEvent, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QDockWidget,
    QFrame,
    QGridLayout,
    QLabel,
    QLayout,
    QListView,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from ..layout import settle

# napari's style sheet does not tell a checked button from another one.
CHECKED = (
    "QPushButton { padding: 3px; } QPushButton:checked { border: 2px solid palette(highlight); font-weight: bold; }"
)
QWIDGETSIZE_MAX = 2**24 - 1  # of Qt, which the wrappers for Python leave out
HEAD = "QPushButton { text-align: left; border: none; padding: 2px; background: transparent; }"
ACTION = "action"  # property of a button: the command of the palette that presses it
PLUGIN = " (fewview)"  # what napari puts behind the name of a dock
LayoutT = TypeVar("LayoutT", bound=QLayout)
DOCK_WIDTH = 265  # what napari gives a dock in a window of 1280 px: everything must fit


def described(widget: Any, name: str, description: str = "") -> Any:
    """Give a widget the name that screen readers say, and return it.

    Parameters
    ----------
    widget : Any
    name : str
    description : str, optional
        What it does, in a sentence.

    Returns
    -------
    widget
        The one given.
    """
    widget.setAccessibleName(name)
    if description:
        widget.setAccessibleDescription(description)
    return widget


def button(text: str, tooltip: str, slot: Any, name: str = "", action: str = "") -> QPushButton:
    """A push button with tooltip and accessible name.

    Parameters
    ----------
    text : str
    tooltip : str
    slot : Any
        Called on a click.
    name : str, optional
        For screen readers; the text where it is empty.
    action : str, optional
        The command of the palette that presses it.

    Returns
    -------
    QPushButton
        Connected.
    """
    made = QPushButton(text)
    made.setProperty(ACTION, action)
    made.setToolTip(tooltip)
    described(made, name or text, tooltip)
    made.clicked.connect(slot)
    return made


def tool(text: str, tooltip: str, slot: Any, *, checkable: bool = False, action: str = "") -> QPushButton:
    """A small button; a checkable one hands its state to ``slot``, and shows it by more than colour.

    Parameters
    ----------
    text : str
    tooltip : str
    slot : Any
        Called on a click.
    checkable : bool, optional
        Whether it stays down.
    action : str, optional
        The command of the palette that presses it.

    Returns
    -------
    QPushButton
        Connected, as wide as there is room.
    """
    made = QPushButton(text)
    made.setProperty(ACTION, action)
    made.setToolTip(tooltip)
    made.setStyleSheet(CHECKED)
    described(made, text, tooltip)
    made.setCheckable(checkable)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    (made.toggled if checkable else made.clicked).connect(slot)
    return made


def allow(made: QWidget, why_not: str = "") -> None:
    """Let a button be pressed; or not, and its tooltip says why, until it can be."""
    made.setEnabled(not why_not)
    made.setToolTip(why_not or made.accessibleDescription())


def labelled(made: Any, low: float, high: float, name: str, tooltip: str) -> Any:
    """Set up one of superqt's sliders; the number beside it can be typed, too.

    Parameters
    ----------
    made : QLabeledSlider or QLabeledDoubleSlider
    low, high : float
        Its range.
    name, tooltip : str

    Returns
    -------
    widget
        The one given.
    """
    made.setRange(low, high)
    for part in (made, *made.findChildren(QAbstractSlider), *made.findChildren(QAbstractSpinBox)):
        part.setToolTip(tooltip)
        described(part, name)
    return made


def one_line(view: QListView) -> QListView:
    """Set up a list and return it: lines that are too long lose letters of their middle, and it does not scroll."""
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return view


def bare(layout: LayoutT) -> LayoutT:
    """Take the margins off a layout, and return it."""
    layout.setContentsMargins(0, 0, 0, 0)
    return layout


def to_clipboard(text: str) -> None:
    """Put a text on the clipboard."""
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.setText(text)


def wrapped(text: str = "") -> QLabel:
    """A label that breaks its lines and can be selected."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumWidth(0)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


class Section(QCollapsible):
    """A titled part of a dock that can be folded."""

    def __init__(self, title: str, content: QWidget, *, unfolded: bool = True) -> None:
        self._title = title
        super().__init__(title, expandedIcon=QIcon(), collapsedIcon=QIcon())  # superqt's keep the colour of one theme
        self.head = self.toggleButton()
        described(self.head, title, "Fold or unfold this section")
        self.head.setStyleSheet(HEAD + "QPushButton:focus { text-decoration: underline; }")
        layout = self.layout()
        assert layout is not None
        bare(layout).setSpacing(3)
        layout.removeWidget(self.content())
        self.content().deleteLater()
        self.setContent(content)
        self.setDuration(0)
        self.toggled.connect(self._free)
        self.expand() if unfolded else self.collapse()

    def _free(self, unfolded: bool) -> None:
        """Let the content grow and shrink while it is in sight: superqt holds it to the height that it had."""
        self.setText(f"{'▾' if unfolded else '▸'} {self._title}")
        self.content().setMaximumHeight(QWIDGETSIZE_MAX if unfolded else 0)
        self.content().setVisible(unfolded)


class Dock(QWidget):
    """Base of the docks: a column of sections that scrolls, and hears when it becomes visible.

    What is needed at any time, wherever the column stands, goes to the foot.
    """

    appeared = Signal()
    removed = Signal()
    dropped = Signal(list)  # paths of files and folders
    viewer: Any

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._heard: list[tuple[Any, Any]] = []
        self._settled = False
        self._inner = QWidget()
        self.column = QVBoxLayout(self._inner)
        self.column.setContentsMargins(2, 4, 2, 4)
        self.column.setSpacing(6)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes to what is in it
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._inner)
        layout = bare(QVBoxLayout(self))
        layout.addWidget(area)
        self.foot = QVBoxLayout()
        self.foot.setContentsMargins(2, 4, 2, 4)
        layout.addLayout(self.foot)
        self.setMinimumWidth(DOCK_WIDTH - 25)

    def sizeHint(self) -> QSize:
        """Wide enough to read, narrow enough to leave the picture its place."""
        return QSize(DOCK_WIDTH + 55, 600)

    def order_tabs(self) -> None:
        """Let Tab go as one reads. Qt goes as the widgets were made, and some are made late."""
        for before, after in pairwise([*_focusable(self.column), *_focusable(self.foot)]):
            QWidget.setTabOrder(before, after)

    def hear(self, emitter: Any, method: Any) -> None:
        """Connect to an event of napari, which, unlike a signal of Qt, would outlive the dock."""
        emitter.connect(method)
        self._heard.append((emitter, method))

    def hear_layers(self, method: Any) -> None:
        """Connect to what changes the list of layers."""
        layers = self.viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            self.hear(event, method)

    def event(self, event: Any) -> bool:
        """A click on a dock's x tells it nothing but that its parent is gone: whoever heard for it must stop."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None and self._heard:
            for emitter, method in self._heard:
                emitter.disconnect(method)
            self._heard = []
            self.removed.emit()
            self.deleteLater()
        return super().event(event)

    def dragEnterEvent(self, event: Any) -> None:
        """Take files and folders, and nothing else."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Tell what was dropped, once the drag is over: who hears of it may ask or complain."""
        event.acceptProposedAction()
        QTimer.singleShot(0, partial(self.dropped.emit, dropped_paths(event)))

    def showEvent(self, event: Any) -> None:
        """Tell that the dock is in its window now. Its tab is short: four of them share the width of one dock."""
        super().showEvent(event)
        frame = self.parentWidget()
        if isinstance(frame, QDockWidget):
            frame.setWindowTitle(frame.windowTitle().removesuffix(PLUGIN))
            if not self._settled:
                self._settled = True
                QTimer.singleShot(0, self._settle)  # once napari has given it its place
        self.appeared.emit()

    def _settle(self) -> None:
        window = self.window()
        if window is not None:
            settle(self, window.findChildren(Dock))


def _focusable(layout: QLayout) -> Iterator[QWidget]:
    """Widgets that Tab reaches, as they are read."""
    places: list[Any] = list(range(layout.count()))
    if isinstance(layout, QGridLayout):
        places.sort(key=lambda index: layout.getItemPosition(index)[:2])
    for item in map(layout.itemAt, places):
        widget, inner = (None, None) if item is None else (item.widget(), item.layout())
        if widget is not None and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        elif widget is not None:
            inner = widget.layout()
        if inner is not None:
            yield from _focusable(inner)


def picture_of(window: QMainWindow) -> list[QWidget]:
    """The middle of a viewer's window and all that lies within it; nothing where it has none."""
    middle = window.centralWidget()
    return [] if middle is None else [middle, *middle.findChildren(QWidget)]


def in_use(part: QWidget) -> bool:
    """Whether something is being entered in a part of a window, or chosen from a list that has opened."""
    focus = QApplication.focusWidget()
    entered = focus is not None and part.isAncestorOf(focus) and not isinstance(focus, QPushButton)
    return entered or QApplication.activePopupWidget() is not None


def dropped_paths(event: Any) -> list[str]:
    """Files and folders that a drag brings along."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [url.toLocalFile() for url in urls if url.isLocalFile()]
