"""The words below the comparison: what it is against, what was left out or assumed, values at the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QVBoxLayout
from superqt import QElidingLabel

from ..common.theme import Colours
from ..common.widgets import described, wrapped
from .presenter import Comparison
from .table import Row

NOTES = 2  # that are written out; the others are in the tooltip


class Foot:
    """Labels for the foot of the dock; each grows with its words.

    Parameters
    ----------
    column : QVBoxLayout
        Where they go.

    Attributes
    ----------
    truth, notes : QLabel
    pointed : QElidingLabel
    """

    def __init__(self, column: QVBoxLayout) -> None:
        self.truth, self.notes = wrapped(), wrapped()
        described(self.truth, "What the table is measured against")
        described(self.notes, "What was left out or assumed")
        self.pointed = QElidingLabel()
        self.pointed.setToolTip("Values of all compared layers under the cursor.")
        described(self.pointed, "Values under the cursor")
        column.setSpacing(0)
        for words in (self.truth, self.notes, self.pointed):
            column.addWidget(words)

    def follow(self, colours: Colours) -> None:
        """Take on the theme's colours."""
        self.notes.setStyleSheet(f"color: {colours.tone('warning')}")

    def write(self, comparison: Comparison, rows: Sequence[Row], hint: str, more: Sequence[str]) -> None:
        """Say what is compared.

        Parameters
        ----------
        comparison : Comparison
        rows : sequence of Row
            Of the table; some have a note.
        hint : str
            How one gets a region; empty where there is one.
        more : sequence of str
            Further notes.
        """
        parts = []
        if comparison.elsewhere:
            parts.append("No layer has a slice at this height: move the slider of z.")
        elif not comparison.candidates:
            parts.append("Nothing to compare yet: reconstruct something, or open a volume.")
        elif hint:
            parts.append(hint)
        if comparison.truth is not None and comparison.candidates:
            parts.append(f"PSNR, SSIM and Diff. are against “{comparison.truth.name}”.")
        elif comparison.candidates:
            none = f"“{comparison.reference}” cannot be the reference here" if comparison.reference else "No reference"
            parts.append(f"{none}: held-out error and data residual judge the runs.")
            if len(comparison.candidates) == 1:
                parts.append("To compare, choose another method in Reconstruct and preview it, too.")
        self.truth.setText(" ".join(parts))
        notes = [*comparison.notes, *(f"{row.layer}, {row.region}: {row.note}." for row in rows if row.note), *more]
        more_notes = f"{len(notes) - NOTES} more note{'s' * (len(notes) - NOTES > 1)}: point here."
        shown = notes[:NOTES] + ([more_notes] if len(notes) > NOTES else [])
        self.notes.setText("⚠ " + " ".join(shown))
        self.notes.setToolTip("\n".join(notes))
        self.notes.setVisible(bool(notes))

    def point_at(self, values: str) -> None:
        """Show the values under the cursor."""
        self.pointed.setText(values or "Point at the picture: the values of all layers appear here.")


def odd_regions(names: Sequence[str]) -> list[str]:
    """Notes on regions that are no upright rectangles."""
    return [f"“{name}” is no upright rectangle: its bounding box is measured." for name in names]


def seen(layers: Sequence[Any]) -> Any:
    """The topmost picture that is in sight, or None."""
    pictures = [layer for layer in layers if layer.visible and type(layer).__name__ == "Image"]
    return pictures[-1] if pictures else None
