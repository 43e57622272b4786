"""Write docs/benchmarks.md from benchmarks/results/*.json: `python docs/benchmark_tables.py`.

Nothing in that page is typed by hand; a test holds that the page is what the results say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median

from fewview.benchmark.quality_rows import balanced, difference
from fewview.benchmark.quality_table import interval_text
from fewview.benchmark.statistics import Interval

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
    """A Markdown table; numbers to four significant digits."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
    """Classical methods on the measured sinograms, and what the automatic weight of TV costs."""
    keys = ["data", "size", "views", "method", "psnr", "ssim", "weight", "sharpness", "iterations", "below_best_db"]
    return (
        "## Wood (neutrons) and tooth (X-rays), measured\n\n`python benchmarks/wood_tv.py ../shared/data --bin 2`\n\n"
        "Reference: FBP of all views. Settings marked `auto` were chosen by withheld views; `tv-best-on-grid` with the "
        "truth, as a yardstick only, and `below_best_db` is how far auto stays below it: more than the 0.3 dB that we "
        "want where few views leave little to withhold.\n\n"
        + table(keys, [[row.get(key) for key in keys] for row in rows])
    )


def live(rows: Rows) -> str:
    """The viewer under load."""
    keys = list(rows[0])
    return (
        "## Live view\n\n`fewview benchmark live --json benchmarks/results/live.json`\n\n"
        "128^3 float32 volumes, an engine that yields every 30 ms, a software-rendered virtual display.\n\n"
        + table(["figure", "value"], [[key, rows[0][key]] for key in keys])
    )


QUALITY = """## Quality

`fewview benchmark quality --json benchmarks/results/quality.json`, with `--data`, `--methods`, `--views`, `--size`,
`--counts`, `--volumes`, `--seeds` and `--slices` as the tables say.

Every method runs with its default options, so whatever it chooses, it chooses by views withheld from the views it is
given; no setting was chosen by the reference. Simulated samples grow from test seeds, which no training may draw, and
are measured at twice the resolution by another discretisation. The reference of wood and tooth is the FBP of all
their views, its noise and rings included; these data have the noise they were measured with, and their seeds choose
other views. The shell is measured, its projections are simulated from the slice. PSNR in dB is that of the volume
(range of the whole reference), in brackets the 95 % bootstrap interval of the mean over volumes and seeds; none of a
single measurement. Means are over the measurements that all methods of a comparison share, n of them. "minus tv" is
the paired difference, measurement by measurement. "held out" is the relative error of predicting views that no method
was given. "calls" are passes through the network in the diffusion steps, the search for settings and the adaptation
not counted; seconds are of the whole run, the search included. Plots: `python docs/benchmark_plots.py` (without FBP,
which lies far below).
"""


def quality(rows: Rows) -> str:
    """A table per data set, and one of PSNR against the size of the region."""
    groups: dict[tuple, Rows] = defaultdict(list)
    for row in balanced(rows):
        groups[row["data"], row["size"], row["slices"], row["counts"], row["device"]].append(row)
    parts = [QUALITY]
    for (data, size, slices, counts, device), group in groups.items():
        noise = "" if data in ("wood", "tooth") else f", {counts:g} counts" if counts else ", no noise"
        many = f"{slices} slices" if slices > 1 else "1 slice"
        parts.append(f"### {data.capitalize()}: {size} pixels, {many}{noise}, {device}\n")
        level = f"{counts:g}" if counts else "0"
        picture = f"images/quality-{data}-{size}-{level}-{slices}-{device}.png"
        if (PAGE.parent / picture).is_file():  # drawn by docs/benchmark_plots.py
            parts.append(f"![PSNR of {data} against views and region]({picture})\n")
        parts.append(_quality_table(group))
        parts.append(_scales(group))
    return "\n".join(parts)


def _quality_table(rows: Rows) -> str:
    body = []
    for views in sorted({row["views"] for row in rows}):
        alike = sorted((row for row in rows if row["views"] == views), key=lambda row: -row["psnr"])
        tv = next((row for row in alike if row["method"] == "tv"), None)
        for row in alike:
            mean = Interval(row["psnr"], row["psnr_low"], row["psnr_high"], len(row["cells"]))
            apart = None if tv is None or tv is row else interval_text(difference(row, tv))
            name = row["method"] if row["control"] == "none" else f"{row['method']} ({row['control']})"
            figures = [row[key] for key in ("ssim", "heldout_error", "seconds", "peak_memory_mb", "network_calls")]
            body.append([views, name, interval_text(mean), apart, *figures, len(row["cells"])])
    header = ["views", "method", "PSNR", "minus tv", "SSIM", "held out", "seconds", "memory, MB", "calls", "n"]
    return table(header, body)


def _scales(rows: Rows) -> str:
    """PSNR against the size of the region, at the middle one of the numbers of views."""
    every = sorted({row["views"] for row in rows})
    views = every[len(every) // 2]
    alike = [row for row in rows if row["views"] == views]
    scales = [f"{y}x{x}" for y, x, _, _ in alike[0]["cells"][0]["curve"]]
    if not scales:
        return ""
    body = [
        [row["method"], *(f"{fmean(c['curve'][k][2] for c in row['cells']):.2f}" for k in range(len(scales)))]
        for row in alike
    ]
    intro = f"PSNR at {views} views in regions of so many pixels, nested, where the reference is richest:\n\n"
    return intro + table(["method", *scales], body)


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
