"""What is known of a scan's rotation axis: the one in use, the one that was found, whether they agree, and its tilt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .fact import Fact

OFF_PEAK = 1.0  # columns between the axis in use and the one found, from which a word is due


@dataclass
class AxisState:
    """The axis of one scan.

    Attributes
    ----------
    column : float or None
        In use, of the unbinned detector; None: it is found at the run.
    how : str
        How that came to be: "found: ...", "given: by the user", ...
    found : float or None
        What the search said last; it stays known when another column is chosen.
    found_how : str
    curve : (list, list) or None
        Columns that the search tried, and their score.
    tilt : mapping
        "degrees", "matters" and "words" of the last search; empty before.
    """

    column: float | None = None
    how: str = ""
    found: float | None = None
    found_how: str = ""
    curve: tuple[list[float], list[float]] | None = None
    tilt: Mapping[str, Any] = field(default_factory=dict)
    _before: list[dict[str, Any]] = field(default_factory=list)  # attributes, and by how much was "turned"
    _turning: bool = False

    def choose(self, column: float, how: str = "given: by the user") -> None:
        """Use another column; :meth:`undo` takes it back. Moves by the slider count as one."""
        if (column, how) == (self.column, self.how):
            return
        known = self.column is not None and not self._turning  # the column that is found for what was turned is no step
        if known and not (how.startswith("given") and self.how.startswith("given") and self._before):
            self._before.append({"column": self.column, "how": self.how})
        self.column, self.how, self._turning = float(column), how, False

    def turn(self, turned: float) -> float:
        """The projections will be turned by the tilt that was found; :meth:`undo` takes this back, too.

        Parameters
        ----------
        turned : float
            Degrees by which they are turned already.

        Returns
        -------
        float
            By how many from now on.
        """
        names = ("column", "how", "found", "found_how", "curve", "tilt")
        self._before.append({**{name: getattr(self, name) for name in names}, "turned": turned})
        self._turning = True
        return round(turned + float(self.tilt["degrees"]), 3)

    def take(self, record: Mapping[str, Any]) -> None:
        """Use what a search found."""
        self.found_how = f"{record['how']}: {record['where']}"
        self.found = float(record["axis"]) if record["how"] == "found" else None
        self.curve, self.tilt = record["curve"], record.get("tilt", {})
        self.choose(float(record["axis"]), self.found_how)

    @property
    def can_undo(self) -> bool:
        """Whether there is a column from before."""
        return bool(self._before)

    def undo(self) -> float | None:
        """Use the column from before the last choice; returns by how many degrees the projections were turned then.

        None: they stay as they are.
        """
        before = self._before.pop() if self._before else {}
        turned: float | None = before.pop("turned", None)
        vars(self).update(before)
        self._turning = False
        return turned

    @property
    def off_peak(self) -> float:
        """Columns between the axis in use and the one that was found; 0 where one of them is not known."""
        return 0.0 if self.found is None or self.column is None else self.column - self.found

    def fact(self) -> Fact:
        """One line for the list of facts."""
        if self.column is None:
            return Fact("Axis", "unknown: it will be found at the run", "note", "axis")
        text = f"column {self.column:.2f} ({self.how.split(':')[0]})"
        if abs(self.off_peak) > OFF_PEAK:
            return Fact("Axis", f"{text}; the data say {self.found:.2f}", "warning", "axis", self.words())
        if self.tilt.get("matters"):
            return Fact("Axis", f"{text}, tilted by {self.tilt['degrees']:.2f}°", "warning", "axis", self.words())
        assumed = self.how.startswith("assumed")
        return Fact("Axis", text, "assumed" if assumed else "good", "axis", self.how)

    def words(self) -> str:
        """All that is known, for below the field."""
        if self.column is None:
            return "Not known yet. Find it, or drag the slider."
        parts = []
        if self.found_how.startswith("found"):
            parts.append(f"Found in the data: column {self.found:.2f} ({self.found_how.partition(': ')[2]}).")
        elif self.found_how:
            parts.append(f"{self.found_how[:1].upper()}{self.found_how[1:]}.")
        if self.how != self.found_how:
            parts.append(f"In use: column {self.column:.2f} ({self.how or 'given'}).")
        if abs(self.off_peak) > OFF_PEAK:
            parts.append(f"⚠ That is {abs(self.off_peak):.1f} columns off: edges double. Undo, or Find again.")
        if self.tilt.get("words"):
            parts.append(f"{'⚠ ' if self.tilt.get('matters') else ''}{self.tilt['words']}")
        return " ".join(parts)
