"""The documentation within the viewer: a beamline's computer often reaches no network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QPushButton, QTextBrowser, QVBoxLayout, QWidget

from .common.widgets import button, described
from .layout import show_page

SITE = "https://fewview.readthedocs.io"
PLACES = (Path(__file__).parents[1] / "docs", Path(__file__).parents[3] / "docs")  # installed, or from the repository
PAGES = {  # what is shown: page of the documentation, and heading on it
    "Scan": ("tutorial", "1. Scan"),
    "Reconstruct": ("tutorial", "2. Reconstruct"),
    "Compare": ("tutorial", "3. Compare"),
    "Registration": ("registration", ""),
    "": ("tutorial", ""),
}
NAME = "fewview help"


def page_text(page: str) -> str:
    """A page of the documentation as Markdown; empty where this installation has none."""
    for place in PLACES:
        path = place / f"{page}.md"
        if path.exists():
            text = path.read_text(encoding="utf-8")
            return re.sub(r"^</?div[^>]*>$|^!\[[^\]]*\]\([^)]*\)$", "", text, flags=re.MULTILINE)
    return ""


class HelpPage(QWidget):
    """A page of the documentation, at the heading of what was shown."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._page, heading = PAGES[topic]
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        described(self.text, "Documentation")
        self.text.setMarkdown(page_text(self._page) or f"The documentation is at {SITE}/{self._page}.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.text)
        layout.addWidget(button("Open in the browser", f"The same page, with pictures, at {SITE}.", self._browse))
        self._heading = heading

    def showEvent(self, event: Any) -> None:
        """Turn to the heading, once the text has its width."""
        super().showEvent(event)
        QTimer.singleShot(0, self._turn)

    def _turn(self) -> None:
        if self._heading and self.text.find(self._heading):
            bar = self.text.verticalScrollBar()
            if bar is not None:
                bar.setValue(bar.value() + self.text.cursorRect().top())
            cursor = self.text.textCursor()
            cursor.clearSelection()
            self.text.setTextCursor(cursor)
        self._heading = ""

    def _browse(self) -> None:
        QDesktopServices.openUrl(QUrl(f"{SITE}/{self._page}/"))


def show_help(viewer: Any, topic: str = "") -> Any:
    """Open the page on a dock ("Scan", "Reconstruct", "Compare", "Registration"), or on all; returns its frame."""
    return show_page(viewer, HelpPage(topic), NAME, "Help")


class HelpButton(QPushButton):
    """Opens the page on the dock that it stands in."""

    def __init__(self, viewer: Any, topic: str) -> None:
        super().__init__("Help")
        self._viewer, self._topic = viewer, topic
        self.setToolTip("The page of the documentation on this dock.")
        described(self, f"Help on {topic}")
        self.clicked.connect(self._on_click)

    def _on_click(self) -> None:
        show_help(self._viewer, self._topic)
