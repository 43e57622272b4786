"""Put the tables of bodies and of speed of fields.json into docs/fields.md: `python docs/fields_table.py`."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "fields.json"
PAGE = ROOT / "docs" / "fields.md"
MARKS = {
    "disk": ("<!-- measured -->\n", "<!-- end of measured -->\n"),
    "ellipsoids": ("<!-- ellipsoids -->\n", "<!-- end of ellipsoids -->\n"),
}
SPEED = ("<!-- speed -->\n", "<!-- end of speed -->\n")
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


def speed(rows):
    """Milliseconds there and back, a line for each step."""
    sizes = sorted({row["size"] for row in rows})
    found = {(_named(row), row["size"]): row for row in rows}
    lines = ["| | " + " | ".join(f"{size}^3 voxels" for size in sizes) + " |", "|---" * (1 + len(sizes)) + "|"]
    for name in dict.fromkeys(name for name, _ in found):
        told = [found[(name, size)] for size in sizes]
        lines.append(f"| {name} | " + " | ".join(f"{row['forward_ms']:g} / {row['back_ms']:g}" for row in told) + " |")
    return "\n".join(lines) + "\n"


def _named(row):
    if "gaussians" in row:
        return f"{row['gaussians']:,} Gaussians summed / the gradient"
    return f"{row['what'].capitalize()}, {row['views']} views: forward / back".replace("rtk joseph", "RTK (Joseph)")


def page():
    """The page with the tables as measured."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    tables = [(MARKS[name], table([row for row in rows["bodies"] if row["body"] == name])) for name in MARKS]
    for marks, made in (*tables, (SPEED, speed(rows["speed"]))):
        begin, end = text.index(marks[0]) + len(marks[0]), text.index(marks[1])
        text = text[:begin] + "\n" + made + "\n" + text[end:]
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
