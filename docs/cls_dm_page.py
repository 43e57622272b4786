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
from markdown_table import table

from fewview.benchmark.quality.rows import Rows, difference
from fewview.benchmark.quality.table import interval_text
from fewview.benchmark.rows_file import Row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "cls-dm.md"
SIZE = 32
PICTURE = ROOT / "docs" / "images" / "cls-dm.png"
BEGIN, END = "<!-- measured: python docs/cls_dm_page.py -->\n", "<!-- end -->\n"
SHARED = ("data", "counts", "views", "size")
FAN = ", fan beam"
OF_SAMPLES = {
    "crps": "CRPS",
    "sample_psnr": "one sample",
    "steepness": "its gradient energy",
    "data_residual": "residual",
    "cpu_seconds": "CPU seconds",
}


def measured() -> str:
    """The tables, one for each kind of sample, beam, number of views and noise."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    rows = list(Rows(RESULTS / "quality.json"))
    labels = {row["label"] for row in rows if row["data"] == "anatomy"}
    for row in rows:
        key = tuple(row[name] for name in SHARED)
        if row["label"] in labels and row["size"] == SIZE:
            found.setdefault((*key, FAN if row["label"].endswith(FAN) else ""), []).append(row)
    beside = json.loads((RESULTS / "latent.json").read_text())
    ordered = sorted(found.items(), key=lambda item: (item[0][2], item[0][4], item[0][0], item[0][1] is None))
    return "".join(_part(key, rows, beside) for key, rows in ordered if any(_ours(row) for row in rows))


def _ours(row: Row) -> bool:
    return row["label"] in ("cls-dm", f"cls-dm{FAN}")


def _part(key: tuple[Any, ...], rows: list[Row], beside: list[dict[str, Any]]) -> str:
    data, counts, views, size, beam = key
    ours = next(row for row in rows if _ours(row))
    noise = f"{counts:g} counts" if counts else "no noise"
    seen = f"{views} views{' of a fan beam' if beam else ''}"
    heading = f"### {data.capitalize()}, {seen}, {size} voxels a side, {noise}, {ours['volumes']} volumes\n\n"
    body, about = [], [b for b in beside if (b["data"], b["counts"], b["views"]) == (data, counts, views)]
    for row in sorted(rows, key=lambda row: -row["psnr"]):
        mean = _mean_of([b for b in about if b["label"] == row["label"]])
        gap = None if row is ours else difference(ours, row)
        covers = "" if row["coverage90"] is None else f"{row['coverage90']:.2f}"
        psnr, against = f"{row['psnr']:.2f}", "" if gap is None else interval_text(gap)
        fewer = "" if row["volumes"] == ours["volumes"] else f" ({row['volumes']} volumes)"
        name = f"`{row['label'].removesuffix(FAN)}`{fewer}"
        body.append([name, psnr, against, f"{row['heldout_error']:.3f}", covers, *map(mean, OF_SAMPLES)])
    header = ["", "PSNR", "`cls-dm` minus it", "unseen view", "covers", *OF_SAMPLES.values()]
    return heading + table(header, body) + "\n" + _said(ours, rows, about, beam)


def _said(ours: Row, rows: list[Row], about: list[dict[str, Any]], beam: str) -> str:
    """What the table does not show: against the mean volume, the noise, single samples, and the first picture."""
    told = []
    known = next((row for row in rows if row["label"] == "mean-volume"), None)
    if known is not None:
        told.append(
            f"In views that no method has seen, `cls-dm` errs by {ours['heldout_error'] / known['heldout_error']:.2f} "
            "of what the mean volume does."
        )
    left = _mean_of([b for b in about if b["label"] == f"truth{beam}"])("data_residual")
    if left:
        told.append(f"The truth itself leaves {left} of the views unexplained: their noise.")
    steep = [b["steepness"] for b in about if b["label"] == ours["label"] and "steepness" in b]
    if steep:
        within = sum(abs(value - 1) <= 0.2 for value in steep)
        told.append(
            f"The gradient energy of single samples is {min(steep):.2f} to {max(steep):.2f} of the truth's; "
            f"of {len(steep)} it is within a fifth in {within}."
        )
    told.append(f"The first picture is there after {ours['first_seconds']:.1f} s.")
    return " ".join(told) + "\n\n"


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
