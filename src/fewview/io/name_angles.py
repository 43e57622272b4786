"""Angles in file names: a number that differs from name to name and can be an angle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .angle_columns import ANGLE_WORDS
from .checks.angles import judge

# 3 digits, 3 decimals and a counter: "sample_0070_300_440_0020.tiff" was taken at 300.440 degrees (ORNL CG-1D)
_SPLIT_ANGLE = re.compile(r"_(\d{3})_(\d{3})_\d{4,}$")
# Dates, times and version numbers are no decimals.
_STAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}|(?<!\d)\d{8}[T_-]?\d{6}(\.\d+)?|(?<!\d)\d{1,2}[.:h]\d{2}[.:m]\d{2}(\.\d+)?|\d+\.\d+\.\d+(\.\d+)*"
)
_TOKEN = re.compile(
    r"(?P<word>[^\W\d_]*)(?P<gap>[ _=]*)(?P<sign>[-+]?)(?P<number>\d+(?:[.,p]\d+)?)"
    r"(?P<unit>°C|degC|[ _]?(?:deg(?:ree)?s?|°|rad)(?![^\W\d_])|[^\W\d_]{0,4})"
)
# What a number stands for when these letters stand before or behind it.
_OTHERS = re.compile(
    r"(?i:t|temp|temperature|time|exp|exposure|x|y|z|pos|dose|energy|field|pressure|current|height|bar|v|run|sec)"
)
_OTHER_UNITS = re.compile(r"[CKFVAsT]|°C|degC|ms|us|min|mm|um|nm|cm|kV|keV|mA|uA|bar|mT|Hz|pct|N|kN|MPa|dC")


@dataclass(frozen=True)
class NamedAngles:
    """Angles in degrees, one per name, and why they may be something else (empty where nothing says so)."""

    values: NDArray[np.float64]
    doubt: str = ""


@dataclass(frozen=True)
class _Place:
    """The numbers at one place of all names, and how surely they are angles: 2 by word or unit, 1 as decimals."""

    values: NDArray[np.float64]
    rank: int


def angles_in_names(stems: Sequence[str]) -> NamedAngles | None:
    """Angles where every name (without its extension) carries one; None where none does."""
    if len(stems) < 2:
        return None
    split = [_SPLIT_ANGLE.search(stem) for stem in stems]
    if all(split):
        values = np.array([float(f"{match[1]}.{match[2]}") for match in split if match])
        if _can_be(values):
            whole = bool(np.all(values == np.round(values)))
            return NamedAngles(values, "whole numbers, which may be a counter" if whole else "")
    places = [place for place in _places(stems) if place.rank and _can_be(place.values)]
    best = [place for place in places if place.rank == max(one.rank for one in places)]
    if len(best) > 1:
        even = [place for place in best if _even(place.values)]
        return (
            NamedAngles(even[0].values, f"the names hold {len(best)} numbers that could be") if len(even) == 1 else None
        )
    return NamedAngles(best[0].values) if best else None


def _places(stems: Sequence[str]) -> list[_Place]:
    """Numbers of all names by their place, where all names are built alike."""
    found = [list(_TOKEN.finditer(_STAMP.sub("#", stem))) for stem in stems]
    if len({len(tokens) for tokens in found}) != 1:
        return []
    return [_place([tokens[place] for tokens in found]) for place in range(len(found[0]))]


def _place(tokens: list[re.Match[str]]) -> _Place:
    numbers = [token["number"].replace("p", ".").replace(",", ".") for token in tokens]
    values = np.array([float(number) for number in numbers])
    values[_negative(tokens)] *= -1
    words = {token["word"].lower() for token in tokens}
    units = {token["unit"].strip(" _") for token in tokens}
    if np.ptp(values) == 0:
        return _Place(values, 0)
    if units == {"rad"}:
        return _Place(np.degrees(values), 2)
    if units <= {"deg", "degs", "degree", "degrees", "°"} or words & ANGLE_WORDS:
        return _Place(values, 2)
    other = any(_OTHERS.fullmatch(word) for word in words) or any(_OTHER_UNITS.fullmatch(unit) for unit in units)
    decimals = {len(number.partition(".")[2]) for number in numbers}
    uneven_p = any("p" in token["number"] for token in tokens) and len(decimals) > 1
    return _Place(values, 0 if other or 0 in decimals or uneven_p else 1)


def _negative(tokens: list[re.Match[str]]) -> NDArray[np.bool_]:
    """Which numbers are negative. A hyphen right behind a letter or digit joins, unless other names go without."""
    before = [token.string[: token.start("number")] for token in tokens]
    joined = [re.search(r"[^\W_]-$", text) is not None for text in before]
    if all(joined) or any(text.endswith("--") for text in before):
        return np.array([text.endswith("-") and not joins for text, joins in zip(before, joined, strict=True)])
    return np.array([text.endswith("-") for text in before])


def _can_be(values: NDArray[np.float64]) -> bool:
    return (
        len(np.unique(values)) > len(values) // 2 and not judge(values).question and not judge(np.sort(values)).question
    )


def _even(values: NDArray[np.float64]) -> bool:
    steps = np.diff(np.sort(values))
    return bool(np.all(np.abs(steps - np.median(steps)) <= 0.2 * np.median(steps)))
