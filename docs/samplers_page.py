"""Write the rows of quality.json with 32 samples into docs/samplers.md: `python docs/samplers_page.py`."""

from __future__ import annotations

from pathlib import Path

from markdown_table import table

from fewview.benchmark.quality.rows import Rows, difference
from fewview.benchmark.quality.table import interval_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
PAGE = ROOT / "docs" / "samplers.md"
BEGIN, END = "<!-- measured: python docs/samplers_page.py -->\n", "<!-- end -->\n"
METHODS, AGAINST, SAMPLES = ("daps", "dpnp", "dds"), "dds", 32


def measured() -> str:
    """The table: rows of so many samples, and what they gain on `dds` sample by sample."""
    rows = [row for row in Rows(RESULTS) if row["method"] in METHODS and row["settings"].get("samples") == SAMPLES]
    if not rows:
        return "Not measured yet.\n"
    body: list[list[object]] = []
    for row in sorted(rows, key=lambda row: (row["views"], METHODS.index(row["method"]))):
        same = [r for r in rows if r["method"] == AGAINST and all(r[k] == row[k] for k in ("data", "size", "views"))]
        gap = difference(row, same[0]) if same and same[0] is not row else None
        settings = ", ".join(f"{k}={v}" for k, v in row["settings"].items() if k != "samples")
        name = f"`{row['method']}`" + (f" ({settings})" if settings else "")
        apart = "" if gap is None else interval_text(gap)
        figures = [row["psnr"], apart, row["coverage90"], row["structure90"], row["seconds"], row["volumes"]]
        body.append([row["views"], name, *figures])
    header = ["views", "", "PSNR", f"minus `{AGAINST}`", "covers", "at structure", "seconds", "volumes"]
    return table(header, body)


def page() -> str:
    """The whole page, with the figures of today."""
    text = PAGE.read_text(encoding="utf-8")
    return text.split(BEGIN)[0] + BEGIN + "\n" + measured() + "\n" + END + text.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
