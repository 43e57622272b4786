"""The rows of `quality.json`: one per condition, the mean of its cells (volumes x seeds), with the cells inside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..rows_file import Row, read_rows, write_rows
from ..statistics import Interval, Key, mean_interval, paired

CONDITION = ("data", "size", "method", "label", "settings", "control", "views", "counts", "device", "slices")
VARIANT = ("method", "label", "settings", "control")  # what rows of one comparison differ in
MEANS = {  # of the cells, with their digits
    "ssim": 5,
    "heldout_error": 6,
    "seconds": 3,
    "network_calls": 2,
    "coverage90": 4,
    "structure90": 4,
    "invented": 3,
    "bodies": 3,
    "network_share": 4,
    "guide_share": 4,
    "first_seconds": 3,
}
KEYS = (
    "data",
    "size",
    "method",
    "control",
    "views",
    "counts",
    "psnr",
    "psnr_low",
    "psnr_high",
    "ssim",
    "heldout_error",
    "seconds",
    "peak_memory_mb",
    "network_calls",
    "device",
)


class Rows:
    """Rows by condition; every cell that is added is on disk at once. Several processes may add to one file.

    Parameters
    ----------
    path : Path, optional
        Rows that it holds already are kept.

    Raises
    ------
    FewviewError
        The file holds something else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._rows: dict[tuple[Any, ...], Row] = {}
        self._load()

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def has(self, condition: Mapping[str, Any], key: Key) -> bool:
        """Whether this volume and seed was measured under the condition."""
        row = self._rows.get(_condition(condition))
        return row is not None and key in cells(row, "psnr")

    def add(self, condition: Mapping[str, Any], key: Key, cell: Mapping[str, Any]) -> Row:
        """Put a cell into its row (in the place of an earlier one), and write all rows.

        Parameters
        ----------
        condition : mapping
            What the row is of.
        key : Key
            Volume and seed of the cell.
        cell : mapping
            Its figures by name.

        Returns
        -------
        Row
            The row with the cell in it.
        """
        with locked(self.path):
            self._load()  # what other processes have added since
            old = self._rows.get(_condition(condition), {"cells": []})["cells"]
            kept = [c for c in old if (c["volume"], c["seed"]) != key]
            new = [*kept, {"volume": key[0], "seed": key[1], **cell}]
            row = summed_up(condition, sorted(new, key=lambda c: (c["volume"], c["seed"])))
            self._rows[_condition(condition)] = row
            if self.path is not None:
                write_rows(self.path, list(self))
        return row

    def _load(self) -> None:
        if self.path is not None and self.path.exists():
            for row in _read(self.path):
                self._rows[_condition(row)] = row


@contextmanager
def locked(path: Path | None) -> Iterator[None]:
    """Alone with a file, where the system can say so (not on Windows): held by its folder, let go by any end."""
    try:
        import fcntl
    except ImportError:
        fcntl = None  # type: ignore[assignment]
    if path is None or fcntl is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def summed_up(condition: Mapping[str, Any], measured: Sequence[Mapping[str, Any]]) -> Row:
    """The row of some cells: means; the largest peak of memory; the interval of the mean PSNR."""

    def mean(name: str, digits: int) -> float | None:
        known = [c[name] for c in measured if c.get(name) is not None]
        return round(float(np.mean(known)), digits) if known else None

    interval = mean_interval({(c["volume"], c["seed"]): c["psnr"] for c in measured})
    peaks = [c["peak_memory_mb"] for c in measured if c["peak_memory_mb"] is not None]
    row = {
        **{name: condition[name] for name in CONDITION},
        "psnr": round(interval.mean, 4),
        "psnr_low": None if interval.low is None else round(interval.low, 4),
        "psnr_high": None if interval.high is None else round(interval.high, 4),
        "peak_memory_mb": max(peaks) if peaks else None,
        **{name: mean(name, digits) for name, digits in MEANS.items()},
    }
    volumes, seeds = ({c[name] for c in measured} for name in ("volume", "seed"))
    extra = {"volumes": len(volumes), "seeds": len(seeds), "cells": list(measured)}
    return {**{name: row[name] for name in KEYS}, **row, **extra}


def row_name(row: Mapping[str, Any]) -> str:
    """What tables call a row: its label, and what was wrong with the X-ray volume."""
    return row["label"] if row["control"] == "none" else f"{row['label']} ({row['control']})"


def cells(row: Row, name: str) -> dict[Key, float]:
    """One figure of the cells of a row, by volume and seed."""
    return {(c["volume"], c["seed"]): c[name] for c in row["cells"] if c.get(name) is not None}


def difference(row: Row, other: Row, name: str = "psnr") -> Interval | None:
    """``row - other`` of one figure, paired by volume and seed.

    Parameters
    ----------
    row : Row
    other : Row
    name : str, optional
        Of the figure.

    Returns
    -------
    Interval or None
        None where no cell is in both.
    """
    return paired(cells(row, name), cells(other, name))


def balanced(rows: Iterable[Row]) -> list[Row]:
    """The rows over the volumes and seeds that all methods of a comparison share.

    After an early end some methods have seen an easy volume more than others: their means must not stand side by
    side. Other settings and controls are cut to what the defaults share, and do not cut them. Where nothing is
    shared, the rows stay as they are.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        shared = tuple(row[name] for name in CONDITION if name not in VARIANT)
        groups.setdefault(shared, []).append(row)
    out: list[Row] = []
    for group in groups.values():
        plain = [row for row in group if is_plain(row)] or group
        common = set.intersection(*(set(cells(row, "psnr")) for row in plain))
        for row in group:
            kept = [c for c in row["cells"] if (c["volume"], c["seed"]) in common]
            out.append(summed_up(row, kept) if kept and len(kept) < len(row["cells"]) else row)
    return out


def is_plain(row: Mapping[str, Any]) -> bool:
    """Whether a method ran with its defaults, and with the right X-ray volume if with any."""
    return bool(row["control"] == "none" and row["label"] == row["method"])


def _condition(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(json.dumps(row[name], sort_keys=True) for name in CONDITION)


def _read(path: Path) -> list[Row]:
    rows = read_rows(path, {*CONDITION, "cells"} - {"label", "settings"}, "the quality benchmark")
    # Rows of before there were settings.
    return [{**row, "label": row.get("label", row["method"]), "settings": row.get("settings", {})} for row in rows]
