"""Angles in the headers of image files: FITS cards, TIFF tags, EDF keys; a value, or a text "Rotation angle: 12.5"."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from . import names
from .angle_columns import ANGLE_WORDS, NO_ANGLE_WORDS
from .text_table import NUMBER
from .units import RADIANS, angle_unit

_PAIR = re.compile(
    rf"(?P<key>[A-Za-z][\w ./-]{{0,40}}?(?:[\[(][^\])]{{1,8}}[\])])?)[\"']?\s*[:=]\s*[\"']?"
    rf"(?P<number>{NUMBER})(?P<rest>[ ]?[A-Za-z°µ]*)"
)
_RANKS = ("rotation angle", "rotangle", "rot ang", "angle", "theta", "omega", "phi", "rotation", "rot")


def of_pairs(pairs: Iterable[tuple[str, str]]) -> tuple[float, str] | None:
    """The angle in degrees among keys and values, and its key; None where there is none.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Values may have their unit behind the number; keys in brackets.
    """
    found: dict[str, tuple[float, str]] = {}
    for key, value in pairs:
        match = re.match(rf"\s*({NUMBER})\s*([^\d]*)", value)
        if match is not None and _names_an_angle(key):
            unit = angle_unit(match[2]) or angle_unit(key) or "degrees"
            found.setdefault(key, (float(match[1]) * math.degrees(RADIANS[unit]), key))
    return min(found.values(), key=lambda one: _rank(one[1])) if found else None


def of_text(text: str) -> tuple[float, str] | None:
    """The angle in degrees that a text names, as ``key: value``, ``key=value`` or JSON, and its key."""
    return of_pairs((match["key"].strip(), match["number"] + match["rest"]) for match in _PAIR.finditer(text))


def _names_an_angle(key: str) -> bool:
    words = set(names.words(re.sub(r"[\[(].*", "", key)))
    glued = any(re.fullmatch(r"(rot|mot|stage|sample|tomo)+_?(ang|angle|rot|theta)", word) for word in words)
    return (bool(words & ANGLE_WORDS) or glued) and not words & NO_ANGLE_WORDS


def _rank(key: str) -> int:
    spaced = re.sub(r"[^a-z]+", " ", key.lower()).strip()
    return next((i for i, name in enumerate(_RANKS) if name in spaced), len(_RANKS))
