"""Write what was measured into docs/cls-dm.md: `python docs/cls_dm_page.py`, with `--picture` also its picture.

The figures are those of benchmarks/results/quality.json and latent.json, which benchmarks/latent_two_views.py writes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_tables import table

from fewview.benchmark.quality.rows import Row, Rows, difference
from fewview.benchmark.quality.table import interval_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "cls-dm.md"
PICTURE = ROOT / "docs" / "images" / "cls-dm.png"
BEGIN, END = "<!-- measured: python docs/cls_dm_page.py -->\n", "<!-- end -->\n"
SHARED = ("data", "counts", "views", "size")


def measured() -> str:
    """The tables, one for each kind of sample and noise."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    labels = {row["label"] for row in Rows(RESULTS / "quality.json") if row["data"] == "anatomy"}
    for row in Rows(RESULTS / "quality.json"):
        if row["views"] == 2 and row["label"] in labels:
            found.setdefault(tuple(row[name] for name in SHARED), []).append(row)
    beside = json.loads((RESULTS / "latent.json").read_text())
    return "".join(_part(dict(zip(SHARED, key, strict=True)), rows, beside) for key, rows in found.items())


def _part(what: dict[str, Any], rows: list[Row], beside: list[dict[str, Any]]) -> str:
    ours = next(row for row in rows if row["label"] == "cls-dm")
    noise = f"{what['counts']:g} counts" if what["counts"] else "no noise"
    heading = f"### {what['data'].capitalize()}, {what['size']} voxels a side, {noise}, {ours['volumes']} volumes\n\n"
    body = []
    for row in sorted(rows, key=lambda row: -row["psnr"]):
        own = [b for b in beside if (b["data"], b["counts"], b["label"]) == (*list(what.values())[:2], row["label"])]
        mean = _mean_of(own)
        gap = None if row is ours else difference(ours, row)
        covers = "" if row["coverage90"] is None else f"{row['coverage90']:.2f}"
        psnr, against = f"{row['psnr']:.2f}", "" if gap is None else interval_text(gap)
        body.append([f"`{row['label']}`", psnr, against, f"{row['heldout_error']:.3f}", covers, *map(mean, OF_SAMPLES)])
    header = ["", "PSNR", "`cls-dm` minus it", "unseen view", "covers", *OF_SAMPLES.values()]
    return heading + table(header, body) + "\n"


OF_SAMPLES = {
    "sample_psnr": "one sample",
    "steepness": "its gradient energy",
    "data_residual": "residual",
    "cpu_seconds": "CPU seconds",
}


def _mean_of(rows: list[dict[str, Any]]) -> Callable[[str], str]:
    def mean(name: str) -> str:
        values = [row[name] for row in rows if name in row]
        return f"{np.mean(values):.3g}" if values else ""

    return mean


def picture() -> None:
    """Truth, mean, deviation and samples of the torso among the sample scans, through the middle."""
    import matplotlib.pyplot as plt

    import fewview
    from fewview.io import read_volume
    from fewview.samples import FOLDER

    lines = fewview.read_scan(str(FOLDER / "torso.h5")).line_integrals()
    *_, last = fewview.reconstruct(lines, method="cls-dm", seed=0)
    *_, tv = fewview.reconstruct(lines, method="tv", seed=0)
    truth = read_volume(FOLDER / "torso_truth.tif").values
    shown = {"truth": truth, "total variation": tv.volume, "cls-dm: mean of 16": last.volume}
    shown |= {f"sample {k}": last.extra[f"sample_{k}"] for k in (1, 2, 3)} | {"std": last.extra["std"]}
    figure, axes = plt.subplots(2, len(shown), figsize=(2 * len(shown), 4.3), layout="constrained")
    for column, (name, volume) in enumerate(shown.items()):
        middle = len(truth) // 2
        for row, image in enumerate((volume[middle], volume[:, middle])):
            axes[row, column].imshow(image, cmap="inferno" if name == "std" else "gray", vmin=0, vmax=truth.max())
            axes[row, column].axis("off")
        axes[0, column].set_title(name, fontsize=9)
    figure.savefig(PICTURE, dpi=90)


def page() -> str:
    """The whole page, with the figures of today."""
    text = PAGE.read_text(encoding="utf-8")
    return text.split(BEGIN)[0] + BEGIN + "\n" + measured() + END + text.split(END)[1]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", action="store_true")
    if parser.parse_args().picture:
        picture()
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
