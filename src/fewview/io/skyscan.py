"""Log files of SkyScan and Bruker scanners: sections and ``key=value`` lines; the angles follow from their step."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import ScanError
from .scan_facts import Angles
from .text_table import to_number


def recognise(content: str) -> bool:
    """Whether a text is the log of such a scanner."""
    return re.search(r"^\[Acquisition\]", content, re.MULTILINE) is not None and "Rotation Step" in content


def angles(content: str, path: Path) -> Angles:
    """Angles of all views from the first by equal steps, with the beam and the pixel as notes.

    Raises
    ------
    ScanError
        No step or no number of files in it.
    """
    step, count = value(content, "Rotation Step (deg)"), value(content, "Number of Files")
    if step is None or count is None:
        raise ScanError(f"{path.name} says no rotation step or no number of files.", "Give --angles START:STOP.")
    notes = []
    source = value(content, "Object to Source (mm)")
    if source is not None:
        notes.append(f"{path.name}: a cone beam, {source:g} mm from source to object; read as a parallel one.")
    where = f"{path.name}, Rotation Step (deg)={step:g}"
    return Angles(step * np.arange(int(count), dtype=np.float64), "degrees", where, notes=tuple(notes))


def value(content: str, key: str) -> float | None:
    """The number behind a key; None where it is not there."""
    match = re.search(rf"^{re.escape(key)}\s*=\s*(\S+)", content, re.MULTILINE | re.IGNORECASE)
    return None if match is None else to_number(match[1])
