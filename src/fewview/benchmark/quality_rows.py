"""The rows of `quality.json`: one per condition, the mean of its cells (volumes x seeds), with the cells inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FewviewError
from ..io.whole import written_whole
from .statistics import Interval, Key, bootstrap, paired

Row = dict[str, Any]
CONDITION = ("data", "size", "method", "control", "views", "counts", "device", "slices")
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
    """Rows by condition; every cell that is added is on disk at once.

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
        self._rows: dict[tuple, Row] = {}
        if path is not None and path.exists():
            for row in _read(path):
                self._rows[_condition(row)] = row

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def has(self, condition: Mapping[str, Any], key: Key) -> bool:
        """Whether this volume and seed was measured under the condition."""
        row = self._rows.get(_condition(condition))
        return row is not None and key in cells(row, "psnr")

    def add(self, condition: Mapping[str, Any], key: Key, cell: Mapping[str, Any]) -> Row:
        """Put a cell into its row (in the place of an earlier one), and write all rows."""
        old = self._rows.get(_condition(condition), {"cells": []})["cells"]
        kept = [c for c in old if (c["volume"], c["seed"]) != key]
        new = [*kept, {"volume": key[0], "seed": key[1], **cell}]
        row = summed_up(condition, sorted(new, key=lambda c: (c["volume"], c["seed"])))
        self._rows[_condition(condition)] = row
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(self.path) as temporary:
                temporary.write_text(json.dumps(list(self), indent=1) + "\n", encoding="utf-8")
        return row


def summed_up(condition: Mapping[str, Any], measured: Sequence[Mapping[str, Any]]) -> Row:
    """The row of some cells: means; the largest peak of memory; the interval of the mean PSNR."""

    def mean(name: str, digits: int) -> float | None:
        known = [c[name] for c in measured if c[name] is not None]
        return round(float(np.mean(known)), digits) if known else None

    interval = bootstrap({(c["volume"], c["seed"]): c["psnr"] for c in measured})
    peaks = [c["peak_memory_mb"] for c in measured if c["peak_memory_mb"] is not None]
    row = {
        **{name: condition[name] for name in CONDITION},
        "psnr": round(interval.mean, 4),
        "psnr_low": None if interval.low is None else round(interval.low, 4),
        "psnr_high": None if interval.high is None else round(interval.high, 4),
        "ssim": mean("ssim", 5),
        "heldout_error": mean("heldout_error", 6),
        "seconds": mean("seconds", 3),
        "peak_memory_mb": max(peaks) if peaks else None,
        "network_calls": mean("network_calls", 2),
    }
    volumes, seeds = ({c[name] for c in measured} for name in ("volume", "seed"))
    extra = {"slices": condition["slices"], "volumes": len(volumes), "seeds": len(seeds), "cells": list(measured)}
    return {**{name: row[name] for name in KEYS}, **extra}


def cells(row: Row, name: str) -> dict[Key, float]:
    """One figure of the cells of a row, by volume and seed."""
    return {(c["volume"], c["seed"]): c[name] for c in row["cells"] if c[name] is not None}


def difference(row: Row, other: Row, name: str = "psnr") -> Interval | None:
    """``row - other`` of one figure, paired by volume and seed."""
    return paired(cells(row, name), cells(other, name))


def balanced(rows: Iterable[Row]) -> list[Row]:
    """The rows over the volumes and seeds that all methods of a comparison share.

    After an early end some methods have seen an easy volume more than others: their means must not stand side by
    side. Where nothing is shared, the rows stay as they are.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        shared = tuple(row[name] for name in CONDITION if name not in ("method", "control"))
        groups.setdefault(shared, []).append(row)
    out: list[Row] = []
    for group in groups.values():
        common = set.intersection(*(set(cells(row, "psnr")) for row in group))
        for row in group:
            kept = [c for c in row["cells"] if (c["volume"], c["seed"]) in common]
            out.append(summed_up(row, kept) if kept and len(kept) < len(row["cells"]) else row)
    return out


def _condition(row: Mapping[str, Any]) -> tuple:
    return tuple(row[name] for name in CONDITION)


def _read(path: Path) -> list[Row]:
    remedy = "Give another file, or move this one away."
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FewviewError(f"{path} cannot be read: {error}.", remedy) from error
    if not isinstance(rows, list) or any(
        not isinstance(r, dict) or not {*CONDITION, "cells"} <= r.keys() for r in rows
    ):
        raise FewviewError(f"{path} holds no rows of the quality benchmark.", remedy)
    return rows
