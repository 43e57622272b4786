"""What file and folder names tell: natural order, flats and darks, series, angles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["projection", "flat", "dark", "opposite"]

_FLAT = {
    "flat",
    "flats",
    "ff",
    "ob",
    "obs",
    "open",
    "openbeam",
    "white",
    "whites",
    "ref",
    "refs",
    "reference",
    "bright",
}
_DARK = {"dark", "darks", "dc", "darkcurrent", "df", "darkfield"}
_FLAT |= {"flatfield", "flatfields"}
_OPPOSITE = re.compile(r"(?<!\d)180 ?_?-?deg(ree)?s?", re.IGNORECASE)
# 3 digits, 3 decimals and a counter: "sample_0070_300_440_0020.tiff" was taken at 300.440 degrees (ORNL CG-1D)
_SPLIT_ANGLE = re.compile(r"_(\d{3})_(\d{3})_\d{4,}$")
_DECIMAL = re.compile(r"[-+]?\d+[.p]\d+")


def natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key by which ``p_2`` comes before ``p_10``."""
    parts = re.split(r"(\d+)", f"{path.parent.name}/{path.name}".lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def words(name: str) -> list[str]:
    """Lower-case words of a name: runs of letters, also cut at a change to capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def role(name: str) -> Role:
    """What the images with this name (of a file without its extension, or of a folder) are."""
    if _OPPOSITE.search(name):
        return "opposite"
    found = set(words(name))
    if found & _DARK:
        return "dark"
    return "flat" if found & _FLAT else "projection"


def flat_time(name: str) -> float | None:
    """0 for a flat taken before the scan, 1 for one taken after it, None when the name does not say."""
    found = set(words(name))
    if found & {"before", "pre"}:
        return 0.0
    return 1.0 if found & {"after", "post"} else None


def series(name: str) -> str:
    """Name without its numbers: equal for the images of one series."""
    return re.sub(r"[-+]?\d+([.p]\d+)?", "#", name)


def matches(path: Path, pattern: str) -> bool:
    """Whether a user's pattern (``ob_*``, or just ``ob``) means this file, by its name or its folder's."""
    return any(fnmatch(name, pattern) or fnmatch(name, f"{pattern}*") for name in (path.name, path.parent.name))


def angles_in_names(stems: Sequence[str]) -> NDArray[np.float64] | None:
    """Angles in degrees where every name carries one: a decimal number that differs from name to name."""
    if len(stems) < 2:
        return None
    split = [_SPLIT_ANGLE.search(stem) for stem in stems]
    if all(split):
        values = np.array([float(f"{match[1]}.{match[2]}") for match in split if match])
    else:
        decimals = [_DECIMAL.findall(stem) for stem in stems]
        if not all(decimals) or len({len(found) for found in decimals}) != 1:
            return None
        table = np.array([[float(text.replace("p", ".")) for text in found] for found in decimals])
        varies = np.ptp(table, axis=0) > 0
        if varies.sum() != 1:
            return None
        values = table[:, varies][:, 0]
    return values if len(np.unique(values)) > len(values) // 2 else None
