"""How far the networks are from what is possible: four bounds; writes results/bounds.json.

    python benchmarks/bounds.py --part variance|field|fixed|mean [--minutes 3] [--pool FOLDER]

Validation samples of 64 pixels, fields of 32; CPU. A part leaves the rows of the others. Afterwards: `python
docs/bounds_page.py`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bounds_field
import bounds_fixed
import bounds_mean
import bounds_variance
import torch

OUT = Path(__file__).parent / "results" / "bounds.json"
PARTS: dict[str, Callable[[float, Path | None], Iterator[dict[str, Any]]]] = {
    "variance": bounds_variance.rows,
    "field": bounds_field.rows,
    "fixed": bounds_fixed.rows,
    "mean": bounds_mean.rows,
}


def main() -> None:
    """Measure one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--minutes", type=float, default=3.0, help="of training, where there is one")
    parser.add_argument("--pool", type=Path, help="folder of training images that an earlier training left")
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    rows = [row for row in known if row["part"] != given.part]
    for row in PARTS[given.part](given.minutes, given.pool):
        rows.append({"part": given.part, **row})
        print(rows[-1], flush=True)
        OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
