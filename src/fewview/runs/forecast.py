"""How long a run will still take, by the part of its work that is done."""

from __future__ import annotations

FROM = 0.05  # of the work: before, the pace is that of the start, which says little
BACK = 1.05  # a forecast may rise by this over its least: one that jumps up and down is none


class Forecast:
    """Time left, from the pace so far; hardly ever more than was said before."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None  # part done and seconds at the first estimate
        self._end: float | None = None  # seconds at which the run is expected to end
        self._least = float("inf")

    def hear(self, done: float, seconds: float) -> None:
        """So much is done after so many seconds."""
        if self._first is None:
            self._first = (done, seconds)
        first, since = self._first
        if done - first >= FROM and seconds > since:
            self._end = since + (seconds - since) * (1 - first) / (done - first)

    def left(self, seconds: float) -> float | None:
        """Seconds left at this moment; None before there is a pace."""
        if self._end is None:
            return None
        left = min(max(self._end - seconds, 0.0), BACK * self._least)
        self._least = min(self._least, left)
        return left


def duration(seconds: float) -> str:
    """Seconds as people say them: "8 s", "2 min 5 s", "1 h 12 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
