"""How much of the share that held-out views give total variation is worth taking; writes results/share.json.

    python benchmarks/share.py --measured FOLDER

Validation samples of the settings search: the network alone, TV alone (the weight that was found with the share), and
the PSNR of their mean for several parts of the share that was found. What the file holds is not measured again.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from settings_search import KINDS, MEASURED, Sample, case_of

from fewview.methods import get_method
from fewview.methods.ensemble import partner
from fewview.quality import psnr

OUT = Path(__file__).parent / "results" / "share.json"
SIZE, VOLUMES, VIEWS = 128, (3, 4, 5), (8, 16, 32)
PARTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def found(sample):
    """Settled options and the share, before any caution."""
    kept, partner.cautious = partner.cautious, float
    try:
        settled, _ = sample.tune()
    finally:
        partner.cautious = kept
    return settled.options, float(settled.options.share)


def main():
    """Measure three volumes of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    given = parser.parse_args()
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    torch.set_num_threads(1)
    for volume, kind, views in itertools.product(VOLUMES, KINDS, VIEWS):
        if any((row["kind"], row["volume"], row["views"]) == (kind, volume, views) for row in rows):
            continue
        sample = Sample(case_of(kind, volume, views, SIZE, given.measured))
        options, share = found(sample)
        row = {"kind": kind, "volume": volume, "views": views, "size": SIZE, "share": round(share, 3)}
        *_, network = sample.method.solve(sample.problem, options.taking({"beside_share": 0.0}))
        alone = np.asarray(network.volume)
        other = alone
        if share > 0:
            weight = options.value("tv_weight")
            *_, last = get_method("tv").solve(sample.problem, get_method("tv").options(weight=weight))
            other = np.asarray(last.volume)
        for part in PARTS:
            mean = (1 - part * share) * alone + part * share * other
            row[f"psnr at {part:g} of it"] = round(psnr(mean, sample.case.reference), 3)
        rows.append(row)
        print(row, flush=True)
        OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
