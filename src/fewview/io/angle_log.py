"""Text logs of angles: one number per line, a table with an angle column, or lines that say "angle: 12.5" (IMAT)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from . import scanner_log
from .angle_columns import ANGLE_WORDS, NO_ANGLE_WORDS, find_column, speaks_of_an_angle, words_of
from .scan_facts import Angles
from .text_table import Table, decode, parse, to_number
from .units import angle_unit

EXTENSIONS = (".txt", ".log", ".csv", ".dat", ".tsv", ".ang", ".angles", ".tlt", ".rawtlt", ".xtekct")
_LABELLED = re.compile(
    r"(?<!start )(?<!stop )(?<!end )(?<!total )(?<!final )"  # the ends of the scan, not a view
    r"\b(?:angle|theta|rotation|omega)\b\s*(?:[\[(]?[a-z°]+[\])]?)?\s*[:=]\s*"
    r"([-+]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[-+]?\d+)?)[ ]?([mµ]?(?:deg|rad|°)\w*)?",
    re.IGNORECASE,
)
_MONITOR = re.compile(r"(before|after)[^:]*:\s*(\d+)", re.IGNORECASE)
_IMAGE = re.compile(r"\.(tiff?|fits?|fts|edf|img|raw|png)$", re.IGNORECASE)
_LARGEST = 4 << 20  # bytes: a log of angles is shorter


def read_angle_file(path: Path) -> Angles:
    """Angles of a text log or a ``.npy`` file, in file order.

    Raises
    ------
    ScanError
        The file is missing, or holds no angles; the line that is wrong is named.
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
        content = decode(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ScanError(
            f"{path.name} cannot be read as text: {error}.", "Give a log with one angle per line."
        ) from None
    if scanner_log.recognise(content):
        return scanner_log.parse(content, path).angles
    return _labelled(content, path) or _tabled(content, path)


def is_angle_log(path: Path) -> bool:
    """Whether a text file in a scan's folder may be its angle log: by its name, its titles or its lines "angle:"."""
    if path.suffix.lower() not in EXTENSIONS or not 0 < path.stat().st_size < _LARGEST:
        return False
    words = words_of(path.stem)
    if words & NO_ANGLE_WORDS and words & ANGLE_WORDS:  # "rotation_axis.txt"
        return False
    if words & ANGLE_WORDS:
        return True
    try:
        content = decode(path)
    except UnicodeDecodeError:
        return False
    if scanner_log.recognise(content) or len(_LABELLED.findall(content[:4000])) > 0:
        return True
    table = parse(content)
    return table is not None and any(map(speaks_of_an_angle, table.titles))


def _labelled(content: str, path: Path) -> Angles | None:
    """IMAT: only the lines of projections count; those of the 180 degree radiograph say "Radiography"."""
    hits = [(line, _LABELLED.search(line)) for line in content.splitlines()]
    lines = [(line, hit) for line, hit in hits if hit and "radiography" not in line.lower()]
    if not lines or (len(lines) == 1 and len(content.splitlines()) > 8):
        return None
    values = np.array([float(hit[1].replace(",", ".")) for _, hit in lines])
    unit = angle_unit(lines[0][1][0]) or "degrees"
    return Angles(values, unit, path.name, monitor=_monitor([line for line, _ in lines]))


def _monitor(lines: list[str]) -> NDArray[np.float64] | None:
    """Counts of the beam monitor during each projection: a counter is read before and after it."""
    counts = []
    for line in lines:
        said = {name.lower(): float(value) for name, value in _MONITOR.findall(line)}
        counts.append(said.get("after", np.nan) - said.get("before", np.nan))
    values = np.array(counts)
    return values if len(values) > 1 and np.all(values > 0) else None


def _tabled(content: str, path: Path) -> Angles:
    table = parse(content)
    if table is None:
        raise _no_angles(path, "neither one number per line, nor a column named angle, nor 'angle: ...'")
    column = find_column(table)
    if isinstance(column, str):
        raise _no_angles(path, column)
    values, said_unit = [], None
    for cells, line in zip(table.rows, table.lines, strict=True):
        cell = cells[column.index] if column.index < len(cells) else ""
        value = to_number(cell)
        if value is None:
            said = f"'{cell}' is no number" if cell else "there is no angle"
            raise _no_angles(path, f"{said} in line {line}")
        values.append(value)
        said_unit = said_unit or angle_unit(cell)
    unit = column.unit or said_unit or angle_unit(path.stem)
    several = f", column {column.title}" if table.width > 1 and column.title else ""
    notes = (f"{path.name}: {column.note}",) if column.note else ()
    names = _image_names(table)
    return Angles(np.array(values), unit, path.name + several, doubt=column.doubt, notes=notes, images=names)


def _image_names(table: Table) -> tuple[str, ...]:
    """The column of image file names, where there is one."""
    for column in range(table.width):
        cells = [row[column] if column < len(row) else "" for row in table.rows]
        if all(_IMAGE.search(cell) for cell in cells):
            return tuple(re.split(r"[\\/]", cell.strip("\"'"))[-1] for cell in cells)
    return ()


def _no_angles(path: Path, why: str) -> ScanError:
    return ScanError(f"{path.name} holds no angles: {why}.", "Give a log with one angle per projection.")
