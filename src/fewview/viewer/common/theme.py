"""Colours of the current napari theme, for what Qt's style sheet does not reach: plots and state marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.utils.theme import get_theme

# Okabe and Ito's palette: told apart by colour-blind readers, on dark and on light ground.
SERIES = {
    "dark": ("#56B4E9", "#E69F00", "#2ED9A0", "#CC79A7", "#F0E442", "#FF8C5A"),
    "light": ("#0072B2", "#B36B00", "#007A59", "#A6457B", "#5A4FCF", "#D55E00"),
}
TONES = {
    "dark": {"plain": "", "good": "#5fd38d", "warning": "#ffc857", "bad": "#ff7b72"},
    "light": {"plain": "", "good": "#116329", "warning": "#7a4b00", "bad": "#b3261e"},
}


@dataclass(frozen=True)
class Colours:
    """What plots need."""

    background: str
    text: str
    grid: str
    dark: bool

    @property
    def series(self) -> tuple[str, ...]:
        """Colours of curves."""
        return SERIES["dark" if self.dark else "light"]

    def tone(self, name: str) -> str:
        """Text colour of a tone; empty for the theme's own."""
        return TONES["dark" if self.dark else "light"][name]


def colours(viewer: Any) -> Colours:
    """Colours of the viewer's theme."""
    theme = get_theme(viewer.theme)
    background = theme.background.as_hex(format="long")
    lightness = sum(int(background[i : i + 2], 16) for i in (1, 3, 5)) / 3
    return Colours(
        background, theme.text.as_hex(format="long"), theme.secondary.as_hex(format="long"), dark=lightness < 128
    )
