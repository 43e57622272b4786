"""Numbers and times in words, the same everywhere in the viewer."""

from __future__ import annotations

import math
import re

import numpy as np

NO_SCAN = "There is no scan that can be reconstructed: open one in the Scan dock."
# Fields of the docks that stand for flags of the command line.
_ENTRIES = {
    "angles": "Angles",
    "kind": "Values",
    "flats": "Flats",
    "darks": "Darks",
    "pixel": "Pixel",
    "axis": "Rotation axis",
    "exclude": "Left out",
    "rows": "Rows",
    "views": "Views",
    "bin": "Binning",
    "aux": "X-ray",
    "reference": "Reference",
    "layout": "Layout",
    "dataset": "Dataset",
    "device": "Device",
    "geometry": "Beam",
}
_FLAG = re.compile(
    r"`[^`]*`|(?:(with|by|in|or|say) )?--(\w[\w-]*)(?: ([A-Z][A-Z_:/\[\]a-z]*|\w+=[^\s;,]*[^\s;,.]|\d+:\d+|\d+))?"
)
_PLACEHOLDERS = ("FILE", "VOLUME", "A:B", "FILE:/path", "COLUMN", "LIST", "K", "SIZE", "PATTERN")


def size(number: float) -> str:
    """Bytes in kB, MB or GB."""
    if number < 2**20:
        return f"{number / 2**10:.0f} kB"
    return f"{number / 2**20:.0f} MB" if number < 2**30 else f"{number / 2**30:.1f} GB"


def number(value: float | None, digits: int = 4) -> str:
    """A measured value; "n/a" where there is none."""
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{digits}g}"


def cell(value: float | None, digits: int = 4) -> str:
    """As :func:`number`, with all of its digits: "23.00" below "22.71", for a table."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:#.{digits}g}".removesuffix(".")


def plain(value: float) -> str:
    """A factor with two digits, and never as a power of ten: "970", "0.0021"."""
    return np.format_float_positional(float(f"{value:.2g}"), trim="-")


def without_flags(text: str) -> str:
    """A message of the engine in the docks' words: who sits before a viewer types no flags."""
    return _FLAG.sub(_in_the_dock, text)


def _in_the_dock(found: re.Match[str]) -> str:
    before, flag, value = found.groups()
    if flag == "prepare" and value is not None:
        name, _, wanted = value.partition("=")
        return f"{before or 'with'} “{name.replace('_', ' ')}” {wanted} under Preparation"
    if flag not in _ENTRIES:  # a command in backticks, or a flag without an entry
        return found[0]
    first, colon, stop = (value or "").partition(":")
    if flag == "rows" and colon and stop.isdigit():  # the entries hold the first and the last row
        value = f"{first} to {int(stop) - 1}"
    words = f"“{_ENTRIES[flag]}”" + (f" {value}" if value and value not in _PLACEHOLDERS else "")
    return f"under {words}" if before in ("with", "by", "in") else f"{before} {words}" if before else words
