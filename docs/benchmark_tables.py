"""Write docs/benchmarks.md from benchmarks/results/*.json: `python docs/benchmark_tables.py`.

Nothing in that page is typed by hand; a test holds that the page is what the results say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `python docs/benchmark_tables.py` from the rows in `benchmarks/results/`; each section names the command that
measures its rows again. Times are of the machine named in the rows, which was shared with other work: compare ratios,
which were taken interleaved in one run.
"""

Rows = list[dict]


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; numbers to three significant digits."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def operators(rows: Rows) -> str:
    """Speed of the projectors."""
    keys = ["backend", "size", "views", "slices", "threads", "forward_ms", "back_ms", "forward_ratio", "back_ratio"]
    return (
        "## Operators\n\n`fewview benchmark operators --json benchmarks/results/operators.json`\n\n"
        "Milliseconds for all slices, and how many times faster than ASTRA's `linear` projector on the CPU, measured "
        "in turn in the same process.\n\n" + table(keys, [[row.get(key) for key in keys] for row in rows])
    )


def axis(rows: Rows) -> str:
    """Error of the rotation axis against the number of views."""
    groups: dict[tuple, list[float]] = defaultdict(list)
    silent: dict[tuple, int] = defaultdict(int)
    for row in rows:
        key = (row["finder"], row["views"], row["counts"])
        if row["error_px"] is None:
            silent[key] += 1
        else:
            groups[key].append(abs(row["error_px"]))
    keys = sorted({*groups, *silent}, key=lambda k: (k[0], -k[1], -(k[2] or 0)))
    body = [
        [*key, len(groups[key]) + silent[key], median(groups[key]), max(groups[key]), silent[key]]
        if groups[key]
        else [*key, silent[key], None, None, silent[key]]
        for key in keys
    ]
    header = ["finder", "views", "counts", "trials", "median error, px", "worst, px", "cannot tell"]
    return "## Rotation axis\n\n`python benchmarks/axis.py`\n\n" + table(header, body)


def wood_tv(rows: Rows) -> str:
    """Classical methods on the measured neutron sinogram of wood."""
    keys = list(rows[0])
    return (
        "## Wood (neutrons, measured)\n\n`python benchmarks/wood_tv.py`\n\n"
        "Reference: FBP of all views. `auto` weights are chosen by held-out views; `best` ones with the truth, as a "
        "yardstick only.\n\n" + table(keys, [[row[key] for key in keys] for row in rows])
    )


def live(rows: Rows) -> str:
    """The viewer under load."""
    keys = list(rows[0])
    return (
        "## Live view\n\n`fewview benchmark live --json benchmarks/results/live.json`\n\n"
        "128^3 float32 volumes, an engine that yields every 30 ms, a software-rendered virtual display.\n\n"
        + table(["figure", "value"], [[key, rows[0][key]] for key in keys])
    )


def quality(rows: Rows) -> str:
    """Mean PSNR and SSIM per data set, views and method."""
    groups: dict[tuple, Rows] = defaultdict(list)
    for row in rows:
        groups[row["data"], row["size"], row["views"], row["counts"], row["method"], row["control"]].append(row)
    body = [
        [*key, fmean(r["psnr"] for r in group), fmean(r["ssim"] for r in group), fmean(r["seconds"] for r in group)]
        for key, group in sorted(groups.items(), key=lambda item: tuple(str(part) for part in item[0]))
    ]
    header = ["data", "size", "views", "counts", "method", "control", "PSNR", "SSIM", "seconds"]
    return "## Quality\n\n`fewview benchmark quality --json benchmarks/results/quality.json`\n\n" + table(header, body)


SECTIONS = {"operators": operators, "axis": axis, "wood_tv": wood_tv, "live": live, "quality": quality}


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for name, render in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            rows = json.loads(path.read_text(encoding="utf-8"))
            parts.append(render(rows if isinstance(rows, list) else [rows]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
