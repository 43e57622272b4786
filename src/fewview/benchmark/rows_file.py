"""Rows of a benchmark in a JSON file: written whole each time, so that whatever ends a run leaves those so far."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..atomic_write import write_text
from ..errors import FewviewError

Row = dict[str, Any]


def write_rows(path: Path | None, rows: Sequence[Row]) -> None:
    """Put rows in the place of what the file holds; nothing is written without a path."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(list(rows), indent=1) + "\n")


def read_rows(path: Path, needed: set[str], what: str) -> list[Row]:
    """Rows of a benchmark from a file.

    Parameters
    ----------
    path : Path
    needed : set of str
        Keys that every row has.
    what : str
        Whose rows they are, for the message.

    Returns
    -------
    list of dict
        As they stand in the file.

    Raises
    ------
    FewviewError
        The file cannot be read, or holds something else.
    """
    remedy = "Give another file, or move this one away."
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FewviewError(f"{path} cannot be read: {error}.", remedy) from error
    if not isinstance(rows, list) or any(not isinstance(row, dict) or not needed <= row.keys() for row in rows):
        raise FewviewError(f"{path} holds no rows of {what}.", remedy)
    return rows
