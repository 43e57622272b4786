"""Numbers and times in words, the same everywhere in the viewer."""

from __future__ import annotations

import math


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


def size(number: float) -> str:
    """Bytes in kB, MB or GB."""
    if number < 2**20:
        return f"{number / 2**10:.0f} kB"
    return f"{number / 2**20:.0f} MB" if number < 2**30 else f"{number / 2**30:.1f} GB"


def short(name: str, length: int = 24) -> str:
    """A layer's name for a legend: method and number of a run ("TV #3"), or the name with its middle left out."""
    head, comma, tail = name.partition(",")
    if comma and "#" in tail:
        name = f"{head} #{tail.rsplit('#', 1)[1]}"
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def number(value: float | None, digits: int = 4) -> str:
    """A measured value; "n/a" where there is none."""
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{digits}g}"
