"""Number boxes that say why an entry is out of their range; Qt's own drop the digits that do not fit."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

Tell = Callable[[str], None]


def _as_number(text: str, suffix: str) -> float | None:
    """What was typed, without the unit; None where it is no number."""
    try:
        return float(text.removesuffix(suffix).strip())
    except ValueError:
        return None


def _judged(verdict: tuple[QValidator.State, str, int], suffix: str) -> tuple[QValidator.State, str, int]:
    """Let numbers be typed that do not fit, and the sign before them: they are judged when the entry is done."""
    state, text, position = verdict
    typed = text.removesuffix(suffix).strip()
    if state == QValidator.State.Invalid and (typed == "-" or _as_number(text, suffix) is not None):
        state = QValidator.State.Intermediate
    return state, text, position


def _beyond(box: QSpinBox | QDoubleSpinBox, text: str) -> str:
    """Why an entry is not taken."""
    low, high, kept = (f"{value:g}" for value in (box.minimum(), box.maximum(), box.value()))
    typed = text.removesuffix(box.suffix()).strip()
    return f"{box.accessibleName()} lies between {low} and {high} here; {typed} does not, so that it stays {kept}."


class _Ranged:
    """What both boxes add to Qt's; ``tell`` gets a sentence where an entry is out of range."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell
        self.setKeyboardTracking(False)  # type: ignore[attr-defined]  # an entry counts when done, not digit by digit

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Let numbers be typed that do not fit: they are judged when the entry is done."""
        verdict = super().validate(text, position)  # type: ignore[misc]
        return _judged(verdict, self.suffix())  # type: ignore[attr-defined]

    def fixup(self, text: str | None) -> str:
        """Called for an entry that is not taken."""
        if text and _as_number(text, self.suffix()) is not None:  # type: ignore[attr-defined]
            self._tell(_beyond(self, text))  # type: ignore[arg-type]
        return str(super().fixup(text))  # type: ignore[misc]


class RangedBox(_Ranged, QSpinBox):
    """A whole number.

    Parameters
    ----------
    tell : callable
    """


class RangedDoubleBox(_Ranged, QDoubleSpinBox):
    """A number with decimals.

    Parameters
    ----------
    tell : callable
    """
