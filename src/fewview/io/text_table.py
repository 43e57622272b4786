"""Tables in text files: any separator, decimal commas, quoted and empty cells, time stamps with blanks."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(rf"({NUMBER}|[-+]?\d+,\d+(?:[eE][-+]?\d+)?|nan)\s*(?:°|[a-zµ]+)?\.?", re.IGNORECASE)
# The blank within a time stamp separates nothing, nor does the one before a unit.
_STAMP = re.compile(r"(\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})\s+(?=\d{1,2}:\d\d)")
_UNIT = re.compile(r"\s+(?=[\[(][^\])]*[\])])|(?<=\d)\s+(?=(?:[mµ]?deg|[mµ]?rad|°))", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(?:#|%|//|!)+\s*")
_LIST = re.compile(r"\[((?:\s*[-+.\deE]+(?:\s*,|\s)){2,}\s*[-+.\deE]+\s*)\]")  # as programs print a list
_INDEX = re.compile(r"^(\d+)\s*:\s+(?=[-+.\d])")  # "12: 35.4"
_BULLET = re.compile(r"^[-*]\s+(?=[-+.\d])")  # "- 35.4", as YAML lists values
_TUPLE = re.compile(r"^[(\[]([^()\[\]A-Za-z]*)[)\]],?$")  # "(12, 35.4)"
_SEPARATORS = ("\t", ";", "|", ",")
_RUNTOGETHER = re.compile(r"\d\s+[-+\d]")  # two numbers in one cell


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Parameters
    ----------
    titles : tuple of str
        Of the columns; empty where the file has none that fit.
    rows : tuple of tuple of str
        Those from the first to the last row with numbers.
    lines : tuple of int
        Line of the file that each row comes from, from 1.
    """

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return max(map(len, self.rows))


def decode(path: Path) -> str:
    """Text of a file: UTF-8, UTF-16 or the western code page of Windows. A typeset minus sign becomes a hyphen.

    Raises
    ------
    OSError, UnicodeDecodeError
        Unreadable, or no text.
    """
    return _decoded(path.read_bytes()).replace("\N{MINUS SIGN}", "-")


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    if raw[1:40:2].count(0) > 10:  # without the mark
        return raw.decode("utf-16-le")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")  # a superset of what Latin-1 prints


def to_number(cell: str) -> float | None:
    """The number in a cell, also with a decimal comma or a unit behind it; None when there is none."""
    match = _NUMBER.fullmatch(cell.strip().strip("\"'").strip())
    return None if match is None else float(match[1].replace(",", "."))


def parse(content: str) -> Table | None:
    """The table in a text; None when there is none: no numbers, or as many cells as there are lines."""
    bracketed = _LIST.search(content)
    if bracketed is not None and content.count("[") == 1:  # rows in brackets are a table
        content = bracketed[1].replace("\n", " ")
    lines = [(i, _bare(line), bool(_COMMENT.match(line))) for i, line in _lines(content)]
    lines = [(i, line, comment) for i, line, comment in lines if line]
    if all(line[-1] in ",;" for _, line, comment in lines if not comment):  # ends of lines, not an empty column
        lines = [(i, line.rstrip(",;"), comment) for i, line, comment in lines]
    bodies = [line for _, line, comment in lines if not comment and any(c.isdigit() for c in line)]
    if not bodies:
        return None
    separator = _separator(bodies)
    split = [(i, _cells(line, separator), line, comment) for i, line, comment in lines]
    numeric = [not comment and any(to_number(cell) is not None for cell in cells) for _, cells, _, comment in split]
    width = Counter(len(cells) for (_, cells, _, _), yes in zip(split, numeric, strict=True) if yes).most_common(1)
    if not width:
        return None
    is_row = [
        yes and len(cells) == width[0][0] and not _is_title(cells)
        for (_, cells, _, _), yes in zip(split, numeric, strict=True)
    ]
    if not any(is_row):
        return None
    first = is_row.index(True)
    last = len(is_row) - 1 - is_row[::-1].index(True)
    body = [(i, cells) for i, cells, _, comment in split[first : last + 1] if not comment]
    titles = _titles([(cells, line) for _, cells, line, _ in split[:first]], width[0][0])
    if len(body) == 1 and len(body[0][1]) > 1 and not titles:  # all numbers in one line
        row = body[0][1]
        return Table((), tuple((cell,) for cell in row), (body[0][0],) * len(row))
    return Table(titles, tuple(tuple(cells) for _, cells in body), tuple(i for i, _ in body))


def _lines(content: str) -> Iterable[tuple[int, str]]:
    return enumerate(content.splitlines(), start=1)


def _bare(line: str) -> str:
    """A line without the mark of a comment or a list, the colon behind its index, or the brackets about its cells."""
    bare = _BULLET.sub("", _COMMENT.sub("", line).strip())
    return _TUPLE.sub(r"\1", _INDEX.sub(r"\1 ", bare))


def _separator(lines: list[str]) -> str:
    """The separator by which most lines have the same number of clean cells; blanks when there is none."""
    for separator in _SEPARATORS:
        rows = [_cells(line, separator) for line in lines]
        width, count = Counter(len(row) for row in rows).most_common(1)[0]
        if width < 2 or count < 0.6 * len(rows):
            continue
        usual = [row for row in rows if len(row) == width]
        if any(_RUNTOGETHER.search(_STAMP.sub("", cell)) for row in usual for cell in row):
            continue
        if separator == "," and _decimal_commas(usual, lines):
            continue
        return separator
    return " "


def _decimal_commas(rows: list[list[str]], lines: list[str]) -> bool:
    """Whether the comma within "0,50" is a decimal one: a lone number per line, whose whole part is no counter."""
    if len(rows[0]) != 2 or not all(re.fullmatch(r"[-+]?\d+,\d+", line) for line in lines):
        return False
    whole = [int(row[0]) for row in rows]
    counts = all(after - before == 1 for before, after in pairwise(whole))
    return len({len(row[1]) for row in rows}) == 1 and not counts


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return _UNIT.sub("", _STAMP.sub(r"\1T", line)).split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _is_title(cells: list[str]) -> bool:
    """Whether more cells are words than numbers, none of them a time."""
    words = sum(bool(re.match(r"[A-Za-z_°θωφ]", cell)) and to_number(cell) is None for cell in cells)
    return words > len(cells) / 2 and sum(to_number(cell) is not None for cell in cells) == 0


def _titles(above: list[tuple[list[str], str]], width: int) -> tuple[str, ...]:
    """The last line above the numbers that has a title for each column."""
    for cells, line in reversed(above):
        for titles in (cells, re.split(r"\s{2,}|\t", line), re.split(r"\s*[,;|\t]\s*", line), _cells(line, " ")):
            if len(titles) == width and any(re.search(r"[^\W\d]", title) for title in titles):
                return tuple(title.strip().strip("\"'") for title in titles)
    return ()
