"""Text logs of angles: one number per line, a CSV with an angle column, or lines that say "angle: 12.5" (IMAT)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from .scan_facts import Angles
from .units import angle_unit

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan"
_LABELLED = re.compile(rf"angle\s*[:=]\s*({NUMBER})", re.IGNORECASE)
_ANGLE_WORD = re.compile(r"angle|theta|rotation", re.IGNORECASE)
_SPLIT = re.compile(r"[,;\t]|\s{2,}|(?<=\S) (?=\S)")


def read_angle_file(path: Path) -> Angles:
    """Angles of a text log or a ``.npy`` file, in file order.

    Raises
    ------
    ScanError
        The file is missing, or holds no angles.
    """
    if not path.is_file():
        raise ScanError(f"There is no angle file {path}.", "Give --angles START:STOP, or the path of a log.")
    if path.suffix.lower() == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ScanError(f"{path.name} cannot be read as angles: {error}.", "Give a text file.") from None
        return Angles(np.asarray(values, dtype=np.float64).reshape(-1), angle_unit(path.stem), path.name)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # with or without the mark of Windows
    except (OSError, UnicodeDecodeError) as error:
        raise ScanError(
            f"{path.name} cannot be read as text: {error}.", "Give a log with one angle per line."
        ) from None
    for parse in (_labelled, _columns):
        found = parse([line for line in lines if line.strip()])
        if found is not None:
            values, said = found
            unit = angle_unit(said) or ("degrees" if parse is _labelled else angle_unit(path.stem))
            return Angles(values, unit, path.name)
    raise ScanError(
        f"{path.name} holds no angles: neither one number per line, nor a column named angle, nor 'angle: ...'.",
        "Give a log with one angle per projection.",
    )


def is_angle_log(path: Path) -> bool:
    """Whether a text file in a scan's folder is its angle log: by its name, or because its lines say "angle:"."""
    if path.suffix.lower() not in (".txt", ".log", ".csv", ".dat"):
        return False
    if _ANGLE_WORD.search(path.stem):
        return True
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return _LABELLED.search(file.read(4000)) is not None


def _labelled(lines: list[str]) -> tuple[NDArray[np.float64], str] | None:
    """IMAT: only the lines of projections count; those of the 180 degree radiograph say "Radiography"."""
    hits = [(line, _LABELLED.search(line)) for line in lines]
    projections = [hit for line, hit in hits if hit and "radiography" not in line.lower()]
    if not projections:
        return None
    return np.array([float(hit[1]) for hit in projections]), ""


def _columns(lines: list[str]) -> tuple[NDArray[np.float64], str] | None:
    """A table: the column whose title speaks of an angle; without a title, one number per line."""
    column, said = 0, ""
    values: list[float] = []
    lone = None  # whether the table has a single column, told by its first row
    for line in lines:
        cells = [cell.strip() for cell in _SPLIT.split(line.strip().lstrip("#").strip()) if cell.strip()]
        if not cells:
            continue
        if not re.fullmatch(NUMBER, cells[min(column, len(cells) - 1)], re.IGNORECASE):
            titles = [c.strip() for c in re.split(r"[,;\t]", line.strip().lstrip("#"))]
            named = [i for i, title in enumerate(titles) if _ANGLE_WORD.search(title)]
            if values or (line.lstrip().startswith("#") and not named):
                if line.lstrip().startswith("#"):
                    continue
                return None
            if named:
                column, said = named[0], titles[named[0]]
            continue
        if lone is None:
            lone = len(cells) == 1
        if (not lone and not said) or column >= len(cells):
            return None  # several numbers per line and no title: any column could be the angle
        values.append(float(cells[column]))
    return (np.array(values), said) if values else None
