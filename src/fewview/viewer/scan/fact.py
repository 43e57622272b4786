"""One fact about a scan, as the Scan dock lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "assumed", "missing", "note", "warning"]
Action = Literal[
    "",
    "angles",
    "dataset",
    "geometry",
    "flats",
    "darks",
    "kind",
    "axis",
    "pixel",
    "reverse_angles",
    "mirror",
    "horizontal_axis",
    "exclude",
    "tilt",
]
MARKS: dict[State, str] = {"good": "✓", "assumed": "≈", "missing": "✗", "note": "i", "warning": "⚠"}


@dataclass(frozen=True)
class Fact:
    """One line of the dock.

    Parameters
    ----------
    label, text : str
    state : {"good", "assumed", "missing", "note", "warning"}
    action : str
        What a button beside it corrects; empty for no button.
    where : str
        How the value came to be, for the tooltip.
    now : str
        The value as one types it, to begin a correction with.
    """

    label: str
    text: str
    state: State = "good"
    action: Action = ""
    where: str = ""
    now: str = ""
