"""How far the networks are from what is possible: four bounds; writes results/bounds.json.

    python benchmarks/bounds.py                                 # all four
    python benchmarks/bounds.py --part fixed --minutes 20       # one; the rows of the others stay

Validation samples of 64 pixels, fields of 32; CPU. Afterwards: `python
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
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--minutes", type=float, default=3.0, help="of training, where there is one")
    parser.add_argument("--pool", type=Path, help="folder of training images that an earlier training left")
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    for part in given.part:
        known = [row for row in known if row["part"] != part]
        for row in PARTS[part](given.minutes, given.pool):
            known.append({"part": part, **row})
            print(known[-1], flush=True)
            OUT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
