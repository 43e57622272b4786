"""Put the table of sister.json into docs/unrolled.md: `python docs/sister_table.py`."""

import json
from pathlib import Path

from markdown_table import table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "sister.json"
PAGE = ROOT / "docs" / "unrolled.md"
MARKS = ("<!-- sister -->\n", "<!-- end of sister -->\n")


def lines(rows):
    """A line for each sample and method, those with the highest PSNR first."""
    for case in sorted({(row["data"], row["volume"], row["views"]) for row in rows}):
        mine = [row for row in rows if (row["data"], row["volume"], row["views"]) == case]
        others = [row["psnr"] for row in mine if "taught" not in row["label"]]
        for row in sorted(mine, key=lambda row: -row["psnr"]):
            more = row["psnr"] - max(others) if "taught" in row["label"] else None
            name = f"{row['data']}, sample {row['volume'] + 1}, {row['views']} views"
            yield [name, row["label"], f"{row['psnr']:.2f}", row["ssim"], more and f"{more:+.2f}", row["invented"]]


def main():
    """Replace what stands between the marks."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    header = ["sample", "method", "PSNR, dB", "SSIM", "over the best other", "invented bodies per slice"]
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    _, after = rest.split(MARKS[1])
    PAGE.write_text(
        before + MARKS[0] + "\n" + table(header, list(lines(rows))) + "\n" + MARKS[1] + after, encoding="utf-8"
    )


if __name__ == "__main__":
    main()
