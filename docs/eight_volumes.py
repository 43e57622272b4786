"""Write docs/eight-volumes.md from benchmarks/results/quality.json: `python docs/eight_volumes.py`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from markdown_table import table

from fewview.benchmark.quality.data import UNSEEN
from fewview.benchmark.quality.rows import Rows, difference, row_name
from fewview.benchmark.quality.table import interval_text
from fewview.benchmark.statistics import Interval

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
PAGE = ROOT / "docs" / "eight-volumes.md"
MANY = 8
"""Volumes from which on a gain may be claimed."""
AGAINST = "mbir"
FIGURES = {
    "ssim": "SSIM",
    "invented": "invented",
    "bodies": "bodies",
    "coverage90": "covers",
    "structure90": "at structure",
    "seconds": "seconds",
    "volumes": "volumes",
}

INTRODUCTION = f"""# Gains over {MANY} volumes

Written by `python docs/eight_volumes.py` from those rows of `benchmarks/results/quality.json` that hold {MANY}
volumes or more: only these tell a gain from chance. `fewview benchmark quality --volumes {MANY} --seeds 1
--slices 2` measures them, with `--data`, `--methods`, `--views` and `--set` as the rows say. PSNR in dB with
the 95 % interval of its mean over volumes (Student's t); "minus {AGAINST}" is the paired difference, volume by
volume. "invented" are bodies per slice that the volume shows without a body in the truth, of so many "bodies"
that it shows (`benchmark/quality/bodies.py`). "covers" is the part of the object's pixels that a 90 % interval
holds, where a method gives one. Seconds are of a core that other work shared. Of {", ".join(UNSEEN)} no shipped
network has seen any. Nothing was tuned on these volumes.

"""


def page(path: Path = RESULTS) -> str:
    """The whole page."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in Rows(path):
        if row["control"] == "none" and row["volumes"] >= MANY:
            groups[row["data"], row["size"], row["counts"] or 0, row["views"]].append(row)
    parts, header = [INTRODUCTION], ["views", "method", "PSNR", f"minus {AGAINST}", *FIGURES.values()]
    for data, size, counts in dict.fromkeys(key[:3] for key in sorted(groups)):
        noise = f"{counts:g} counts" if counts else "noise as measured, or none"
        parts.append(f"## {data.capitalize()}, {size} pixels, {noise}\n\n")
        body = [line for key, rows in sorted(groups.items()) if key[:3] == (data, size, counts) for line in lines(rows)]
        parts.append(table(header, body) + "\n")
    return "".join(parts)


def lines(rows: list[dict[str, Any]]) -> list[list[object]]:
    """Of one number of views, the best first."""
    other = next((row for row in rows if row["label"] == AGAINST), None)
    found = []
    for row in sorted(rows, key=lambda row: -row["psnr"]):
        mean = Interval(row["psnr"], row["psnr_low"], row["psnr_high"], len(row["cells"]))
        apart = None if other is None or other is row else interval_text(difference(row, other))
        found.append([row["views"], row_name(row), interval_text(mean), apart, *(row.get(key) for key in FIGURES)])
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
