"""Which of the open scans is meant, and what to do with the one before: beside or instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...errors import FewviewError
from ..common.choice import Choice
from ..common.names import short
from ..common.notify import complain
from ..common.widgets import bare, button, described, wrapped
from .samples import volume_layer


class ScanChoice(Choice):
    """The open scans; hidden while there is one."""

    def __init__(self, bench: Any) -> None:
        tooltip = "The scan that all docks mean. Its layers are in sight, those of the others are hidden."
        super().__init__(tooltip, "Scan that is meant")
        self._bench = bench
        self.activated.connect(self._on_chosen)
        bench.scan_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the list of scans."""
        scans = self._bench.scans
        with signals_blocked(self):
            self.clear()
            self.addItems([f"Scan: {scans.label(scan)}" for scan in scans.all])
            if scans.current in scans.all:
                self.setCurrentIndex(scans.all.index(scans.current))
        self.setVisible(len(scans.all) > 1)

    def _on_chosen(self, index: int) -> None:
        self._bench.mean(self._bench.scans.all[index])


class ScanBar(QWidget):
    """The choice, and questions about a scan that was just opened."""

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self._bench = bench
        layout = bare(QVBoxLayout(self))
        self.choice = ScanChoice(bench)
        self.go_on = button(
            "Continue the last session",
            "Open the scans, regions and results of the last session again.",
            self._go_on,
            action="continue_session",
        )
        self.question = wrapped()
        described(self.question, "Question about the scan")
        self.beside = button("Beside", "Both scans stay open; choose between them above.", self._beside)
        self.instead = button("Instead", "Close the scan before, with all of its layers.", self._instead)
        self.volume = button("It is a volume", "Show the file as a volume: X-ray, reference, result.", self._as_volume)
        row = QHBoxLayout()
        for made in (self.beside, self.instead, self.volume):
            row.addWidget(made)
        layout.addWidget(self.go_on)
        chosen = QHBoxLayout()
        chosen.addWidget(self.choice, 1)
        self.close_button = button(
            "Close", "Close the scan that is meant, with all of its layers.", bench.forget_scan, action="close_scan"
        )
        chosen.addWidget(self.close_button)
        layout.addLayout(chosen)
        layout.addWidget(self.question)
        layout.addLayout(row)
        bench.scan_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Ask what there is to ask."""
        before, scan = self._bench.asked, self._bench.scan
        lacking = scan.loaded and scan.info is not None and scan.info.angles is None
        texts = []
        if lacking:
            texts.append(f"{Path(scan.path).name} says no angles. If it is a scan, give them below.")
        if before is not None:
            label = self._bench.scans.label
            texts.append(f"{label(scan)} was opened; {label(before)} was there. Beside it, or instead?")
        again = "" if self._bench.scans.all else self._bench.keeper.words()
        if again:
            self.go_on.setText(short(again, 40))
            self.go_on.setToolTip(again)
        self.go_on.setVisible(bool(again))
        self.close_button.setVisible(len(self._bench.scans.all) > 1)
        self.question.setText(" ".join(texts))
        self.question.setVisible(bool(texts))
        for widget in (self.beside, self.instead):
            widget.setVisible(before is not None)
        self.volume.setVisible(lacking)

    def _go_on(self) -> None:
        self._bench.keeper.resume()

    def _beside(self) -> None:
        self._bench.answer(True)

    def _instead(self) -> None:
        self._bench.answer(False)

    def _as_volume(self) -> None:
        path = self._bench.scan.path
        try:
            data, keywords, _ = volume_layer(path)
        except FewviewError as error:
            complain(error)
            return
        self._bench.forget_scan()
        self._bench.viewer.add_image(data, **keywords)
