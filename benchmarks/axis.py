"""Error of the rotation axis against the number of views: fewview's finder and algotom's find_center_vo.

    python benchmarks/axis.py

Each case is a phantom of ellipses with exact line integrals, turned at random, on a detector of 256 columns whose
axis lies up to 15 columns off the middle, with Poisson noise. A row holds views, counts, seed, phantom, finder and
error_px; the error is null where the finder says that it cannot tell.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from algotom.prep.calculation import find_center_vo

from fewview.benchmark.rows_file import Row
from fewview.prepare import find_axis

COLUMNS, FINE = 256, 4
VIEWS = (180, 90, 45, 30, 20, 10)
PHANTOMS: dict[str, list[tuple[float, ...]]] = {  # x, y, semi-axes, tilt, value; lengths in columns
    "body": [(5, -8, 85, 60, 0.4, 1), (20, 10, 20, 10, 1, -0.6), (-30, -15, 12, 25, 0.3, 0.8), (-50, 10, 8, 8, 0, 1.5)],
    "disks": [(-30, 20, 40, 40, 0, 1), (45, 30, 18, 18, 0, 2), (10, -60, 12, 12, 0, 1.5)],
    "ring": [(0, 3, 90, 90, 0, 1), (0, 3, 84, 84, 0, -1), (20, 30, 10, 14, 0, 0.5)],
}


def measured(phantom: str, views: int, counts: float, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Noisy line integrals (angles, columns), angles over half a turn, and the axis."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, 2 * np.pi)
    axis = (COLUMNS - 1) / 2 + rng.uniform(-15, 15)
    angles = np.linspace(0, np.pi, views, endpoint=False)
    s = (np.arange(COLUMNS * FINE) + 0.5) / FINE - 0.5 - axis
    lines = np.zeros((views, COLUMNS * FINE))
    for x, y, a, b, tilt, value in PHANTOMS[phantom]:
        seen = angles - turn  # turning the object is turning the source the other way
        centre = x * np.cos(seen) + y * np.sin(seen)
        square = (a * np.cos(seen - tilt)) ** 2 + (b * np.sin(seen - tilt)) ** 2
        inside = np.maximum(square[:, None] - (s - centre[:, None]) ** 2, 0)
        lines += 2 * value * a * b * np.sqrt(inside) / square[:, None]
    lines = lines.reshape(views, COLUMNS, FINE).mean(axis=2)
    lines *= 2 / lines.max()
    return -np.log(np.maximum(rng.poisson(counts * np.exp(-lines)), 0.5) / counts), angles, axis


def axis_errors(counts: float = 1000, seeds: int = 10) -> list[Row]:
    """One row per phantom, number of views, seed and finder."""
    rows: list[Row] = []
    for phantom in PHANTOMS:
        for views in VIEWS:
            for seed in range(seeds):
                lines, angles, axis = measured(phantom, views, counts, seed)
                found = {
                    "fewview": find_axis(lines[None], angles).column,
                    "algotom find_center_vo": float(find_center_vo(lines, ncore=1)),
                }
                case = {"views": views, "counts": counts, "seed": seed, "phantom": phantom}
                for finder, column in found.items():
                    error = None if column is None else round(abs(column - axis), 3)
                    rows.append({**case, "finder": finder, "error_px": error})
    return rows


def table(rows: list[Row]) -> str:
    """Median and largest error of each finder against the number of views, as Markdown."""
    finders = list(dict.fromkeys(row["finder"] for row in rows))
    lines = ["| views | " + " | ".join(f"{finder}: median, largest" for finder in finders) + " |"]
    lines.append("|---|" + "---|" * len(finders))
    for views in VIEWS:
        cells = []
        for finder in finders:
            errors = [row["error_px"] for row in rows if row["finder"] == finder and row["views"] == views]
            told = [error for error in errors if error is not None]
            silent = f" ({len(errors) - len(told)} cannot tell)" if len(told) < len(errors) else ""
            cells.append(f"{np.median(told):.2f}, {max(told):.2f}{silent}" if told else "cannot tell")
        lines.append(f"| {views} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "axis.json")
    parser.add_argument("--counts", type=float, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    rows = axis_errors(given.counts, given.seeds)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
