"""Which column of a table holds the rotation angles: told by its title, and where titles are many, by their words."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .text_table import Table, to_number
from .units import RADIANS, AngleUnit, angle_unit

ANGLE_WORDS = {
    *("angle", "angles", "ang", "theta", "rotation", "rotate", "rot", "rotary", "omega", "phi", "winkel", "azimuth"),
    *("θ", "ω", "φ", "ϕ", "drehwinkel", "srot", "hrsrot", "samrot", "rotangle", "rotationangle"),
}
NO_ANGLE_WORDS = {  # beside a word of angles: something about the angle, or another angle
    *("error", "err", "deviation", "dev", "delta", "diff", "difference", "residual", "std", "sigma", "rms", "tilt"),
    *("axis", "axes", "offset", "correction", "step", "steps", "stepsize", "speed", "velocity", "jitter", "roll"),
    *("pitch", "yaw", "number", "count", "counter", "index", "time", "uncertainty", "noise", "centre", "center"),
    *("range", "start", "stop", "end", "total", "direction", "name", "temperature", "current"),
}
_GLUED = re.compile(r"(sam|sample|stage|tomo|mot|motor|hr|s)?rot(x|y|z|ang|angle|ary|stage|ation|ationangle|or)?")
_MEASURED = {"read", "readback", "actual", "measured", "encoder", "real", "rbv", "enc", "meas", "true", "achieved"}
_WANTED = {"set", "setpoint", "demand", "target", "nominal", "requested", "commanded", "ideal", "planned", "desired"}


@dataclass(frozen=True)
class Column:
    """A column of angles.

    Parameters
    ----------
    index : int
    title : str
        Empty where it has none.
    unit : AngleUnit or None
    doubt : str
        Why it may not hold the angles; empty where its title says so.
    note : str
        What else was in the table that the user should know.
    """

    index: int
    title: str
    unit: AngleUnit | None
    doubt: str = ""
    note: str = ""


def words_of(title: str) -> set[str]:
    """Lower-case words of a title, without its unit in brackets."""
    bare = re.sub(r"[\[(][^\])]*[\])]?", " ", title)
    return {w.lower() for w in re.findall(r"[A-Z]?[a-zθωφϕ]+|[A-Z]+(?![a-z])", bare)}


def speaks_of_an_angle(title: str) -> bool:
    """Whether a title names rotation angles, and not something about them."""
    words = words_of(title)
    named = words & ANGLE_WORDS or any(_GLUED.fullmatch(word) for word in words)
    return bool(named) and not words & NO_ANGLE_WORDS


def find_column(table: Table) -> Column | str:
    """The column of angles, or why it cannot be told."""
    if table.width == 1:
        title = table.titles[0] if table.titles else ""
        return Column(0, title, angle_unit(title))
    if not table.titles:
        return _beside_a_counter(table)
    titles = dict(enumerate(table.titles))
    named = [i for i, title in titles.items() if speaks_of_an_angle(title)]
    doubt = ""
    if not named:
        named = [i for i, title in titles.items() if angle_unit(title) and not words_of(title) & NO_ANGLE_WORDS]
        doubt = "its title names a unit of angles, no angle"
    named = [i for i in named if any(to_number(row[i]) is not None for row in table.rows if i < len(row))]
    if len(named) > 1:
        return _of_several(table, named)
    if not named:
        return f"none of its columns ({', '.join(table.titles)}) is named angle"
    return Column(named[0], titles[named[0]], angle_unit(titles[named[0]]), doubt)


def _beside_a_counter(table: Table) -> Column | str:
    """Without titles: the one column of numbers that varies, beside a counter, time stamps or names."""
    columns = [_values(table, i) for i in range(table.width)]
    texts = [i for i, values in enumerate(columns) if np.isnan(values).all()]
    numbers = [i for i in range(table.width) if i not in texts]
    if texts and len(numbers) == 1 and len(table.rows) > 2 and _varies(columns[numbers[0]]):
        return Column(numbers[0], "", None, f"column {numbers[0] + 1}, beside texts; the columns have no titles")
    if any(np.isnan(values).any() for values in columns) and len(table.rows) < 3:
        return "it has several columns and no titles"
    counters = [i for i, v in enumerate(columns) if len(v) > 2 and np.all(np.diff(v) == 1)]
    others = [
        i for i, v in enumerate(columns) if i not in counters and np.isfinite(v).sum() > 0.5 * len(v) and _varies(v)
    ]
    if counters and len(others) == 1:
        return Column(others[0], "", None, f"column {others[0] + 1}, beside a counter; the columns have no titles")
    return "it has several columns and no titles"


def _of_several(table: Table, named: list[int]) -> Column | str:
    """Several columns speak of an angle: if they agree, the one that was measured; if not, the user has to say."""
    moving = [i for i in named if _varies(_values(table, i))] or named
    if len(moving) == 1:
        left = ", ".join(table.titles[i] for i in named if i not in moving)
        return Column(
            moving[0],
            table.titles[moving[0]],
            angle_unit(table.titles[moving[0]]),
            "",
            f"The column {left} never changes.",
        )
    in_radians = {i: _values(table, i) * RADIANS[angle_unit(table.titles[i]) or "degrees"] for i in moving}
    ranked = sorted(moving, key=lambda i: (_rank(table.titles[i]), -_decimals(table, i)))
    best = ranked[0]
    step = np.nanmedian(np.abs(np.diff(in_radians[best])))
    others = ", ".join(table.titles[i] for i in ranked[1:])
    if all(np.nanmax(np.abs(in_radians[i] - in_radians[best])) < 0.5 * step for i in moving):
        note = f"The columns {table.titles[best]} and {others} agree within half a step."
        return Column(best, table.titles[best], angle_unit(table.titles[best]), "", note)
    listed = " and ".join(
        f"{table.titles[i]} ({np.nanmin(_values(table, i)):g} to {np.nanmax(_values(table, i)):g})" for i in moving
    )
    return f"{len(moving)} columns speak of an angle and differ: {listed}"


def _rank(title: str) -> int:
    words = words_of(title)
    return 0 if words & _MEASURED else 2 if words & _WANTED else 1


def _decimals(table: Table, column: int) -> int:
    return max(len(row[column].partition(".")[2]) for row in table.rows if column < len(row))


def _values(table: Table, column: int) -> NDArray[np.float64]:
    cells = [to_number(row[column]) if column < len(row) else None for row in table.rows]
    return np.array([np.nan if value is None else value for value in cells])


def _varies(values: NDArray[np.float64]) -> bool:
    finite = values[np.isfinite(values)]
    return len(finite) > 1 and float(np.ptp(finite)) > 0
