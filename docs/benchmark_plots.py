"""Draw docs/images/quality-*.png from benchmarks/results/quality.json: `python docs/benchmark_plots.py`.

PSNR against the number of views, with the 95 % interval of the mean over volumes, and against the size of the region.
FBP is in the tables alone: so far below, it would flatten what tells the others apart.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

from fewview.benchmark.quality.rows import Rows, balanced, is_plain
from fewview.benchmark.rows_file import Row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
IMAGES = ROOT / "docs" / "images"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = "osD^vPX"
"""Fewer than colours by one, so that two methods of one colour differ in their marker."""


def draw(title: str, rows: list[Row], styles: dict[str, dict[str, str]], path: Path) -> None:
    """Both plots of one data set in one picture; a method looks the same in all of them."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    every = sorted({row["views"] for row in rows})
    middle = every[len(every) // 2]
    methods: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["views"]):
        methods[row["method"]].append(row)
    for method, measured in methods.items():
        style = {**styles[method], "markersize": 4, "linewidth": 1.5, "label": method}
        views, mean = [row["views"] for row in measured], [row["psnr"] for row in measured]
        left.plot(views, mean, **style)
        sure = [row for row in measured if row["psnr_low"] is not None]
        low, high = ([row[end] for row in sure] for end in ("psnr_low", "psnr_high"))
        left.fill_between([row["views"] for row in sure], low, high, color=style["color"], alpha=0.15, linewidth=0)
        # A sample whose reference has no structure to choose regions by has no curve.
        cells = [cell for row in measured if row["views"] == middle for cell in row["cells"] if cell["curve"]]
        if cells:
            sides = [(y * x) ** 0.5 for y, x, _, _ in cells[0]["curve"]]
            right.plot(sides, [fmean(c["curve"][k][2] for c in cells) for k in range(len(sides))], **style)
    left.set(xscale="log", xlabel="views", ylabel="PSNR, dB", title=title)
    left.set_xticks(every, [str(v) for v in every], minor=False)
    left.minorticks_off()
    right.set(xlabel="side of the region, px (root of its area)", title=f"richest regions, {middle} views")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """One picture per data set, size and noise level."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    everything = [row for row in balanced(Rows(RESULTS)) if is_plain(row) and row["method"] != "fbp"]
    names = dict.fromkeys(row["method"] for row in everything)
    lines = (["-"] * len(COLOURS)) + (["--"] * len(COLOURS))
    looks = zip(cycle(COLOURS), cycle(MARKERS), cycle(lines), strict=False)
    styles = {
        name: {"color": colour, "marker": marker, "linestyle": line}
        for name, (colour, marker, line) in zip(names, looks, strict=False)
    }
    for row in everything:
        groups[row["data"], row["size"], row["counts"], row["slices"], row["device"]].append(row)
    for (data, size, counts, slices, device), rows in groups.items():
        noise = "" if data in ("wood", "tooth") else f", {counts:g} counts" if counts else ", no noise"
        level = f"{counts:g}" if counts else "0"
        draw(f"{data}, {size} px{noise}", rows, styles, IMAGES / f"quality-{data}-{size}-{level}-{slices}-{device}.png")


if __name__ == "__main__":
    main()
