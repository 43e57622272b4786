"""Put the table of disks of fields.json into docs/fields.md: `python docs/fields_table.py`."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "fields.json"
PAGE = ROOT / "docs" / "fields.md"
MARKS = ("<!-- measured -->\n", "<!-- end of measured -->\n")
METHODS = ("naf", "r2gaussian", "inr", "tv")


def table(rows):
    """A line for each method, a column for each size and beam."""
    columns = sorted({(row["size"], row["beam"]) for row in rows}, key=lambda one: (one[0], one[1] != "parallel"))
    found = {(row["size"], row["beam"], row["method"]): row for row in rows}
    lines = [
        "| | " + " | ".join(f"{size} pixels, {beam}" for size, beam in columns) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    for method in METHODS:
        told = [found[(*column, method)] for column in columns]
        lines.append(f"| `{method}` | " + " | ".join(f"{row['mean']:.3f}, {row['psnr']:.1f} dB" for row in told) + " |")
    return "\n".join(lines) + "\n"


def page():
    """The page with the table as measured."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["disk"]
    text = PAGE.read_text(encoding="utf-8")
    begin, end = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
    return text[:begin] + "\n" + table(rows) + "\n" + text[end:]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
