"""Whether the compact fixer heeds what it is told: validation pairs with one condition at a time taken away.

`python benchmarks/fixer_conditions.py POOL` makes the pairs in the folder POOL, or takes those that are there; writes
results/fixer_conditions.json: mean PSNR in dB, range 1, of slices before and after one repair without a data step.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fewview.models.fixer import load_compact
from fewview.training.fixer import fixer_psnr, validation_pairs
from fewview.training.fixer_pairs import FINISHED

OUT = Path(__file__).parent / "results" / "fixer_conditions.json"
WITHOUT = {
    "all conditions": lambda told: {},
    "no projections": lambda told: {"projections": torch.zeros_like(told.projections)},
    "no lines of the slice": lambda told: {"rows": torch.zeros_like(told.rows)},
    "lines of another slice": lambda told: {"rows": told.rows.roll(len(told.rows) // 2, 0)},
    "no height": lambda told: {"height": torch.zeros_like(told.height)},
    "no misfit": lambda told: {"damage": torch.zeros_like(told.damage)},
    "no prompt": lambda told: {"prompt": ""},
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path, metavar="POOL")
    torch.set_num_threads(1)
    fixer, pairs = load_compact("fixer"), validation_pairs(parser.parse_args().pool)
    rows = []
    for name, change in WITHOUT.items():
        changed = {
            group: [pair._replace(condition=replace(pair.condition, **change(pair.condition))) for pair in some]
            for group, some in pairs.items()
        }
        told = fixer_psnr(fixer, changed)
        for kind, finished in (("stopped early", False), ("finished", True)):
            chosen = [figures for group, figures in told.items() if (group.split()[1] in FINISHED) == finished]
            before, after = (float(np.mean([figures[at] for figures in chosen])) for at in ("before", "after"))
            rows.append({"told": name, "pairs": kind, "count": len(chosen)})
            rows[-1] |= {"before": round(before, 2), "after": round(after, 2)}
            print(rows[-1], flush=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
