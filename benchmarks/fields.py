"""Neural fields, DINR and DiffNR on simulated samples, and the voxeliser's speed; writes results/fields.json.

`python benchmarks/fields.py speed` measures the voxeliser, and projectors beside it, `bodies` each field on exact line
integrals of a disk and of ellipsoids, `python benchmarks/fields.py dinr --views 8 4 16` fields and DINR on validation
seeds, `python benchmarks/fields.py diffnr --views 12 24 36 --volumes 4 --data microstructure foam` fields with and
without repair on test seeds, and `ablation` repairs with a part left out. Rows that are there already are kept, so that
a run can be stopped and gone on with.
"""

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import torch
from fields_bodies import bodies
from fields_speed import speed
from segmentation import dice, jitter
from similarity import similarity

import fewview
from fewview.benchmark.quality.cell import prediction_error
from fewview.benchmark.quality.simulated import Slab, measured
from fewview.simulate import make_phantom
from fewview.simulate.seeds import nth

OUT = Path(__file__).parent / "results" / "fields.json"
FIRST, SIZE, SLICES, COUNTS = 30_000, 64, 8, 2000
# One prior, no adaptation and no share of a classical method: D3IP and DINR then differ by the field alone.
LOOP = {"prior": "materials", "adaptation": "none", "beside_share": 0.0, "samples": 4, "steps": 12}
Runs = tuple[tuple[str, dict[str, Any]], ...]
"""Methods and what differs from their defaults."""
DINR: Runs = (
    ("fbp", {}),
    ("tv", {}),
    ("mbir", {}),
    ("d3ip", {**LOOP, "trust": 0.7}),
    ("d3ip", {**LOOP, "trust": 1.0}),
    ("dinr", {**LOOP, "trust": 1.0}),
    ("dinr", {**LOOP, "trust": 1.4}),
    ("r2gaussian", {}),
    ("naf", {}),
    ("inr", {}),
)
# The published backbones have no smoothing along all axes and no early stop: repair gains more over those.
RAW = {"smoothness": 0.0, "start": "fbp"}
DIFFNR: Runs = (
    ("naf", RAW | {"stop": False}),
    ("naf", RAW),
    ("naf", {}),
    ("diffnr-naf", {}),
    ("r2gaussian", RAW | {"stop": False}),
    ("r2gaussian", RAW),
    ("r2gaussian", {}),
    ("diffnr-gaussian", {}),
    ("mbir", {}),
    ("unrolled", {}),
)
# Repairs alone: of the slices of a plain field, by themselves, neither followed nor held against anything.
ALONE = {"fixer": "fixer", "repairs": 0, "consistent": False, "refuse": False}
ABLATION: Runs = (
    ("r2gaussian", {}),
    ("diffnr-gaussian", {}),
    ("diffnr-gaussian", {"repairs": 1}),
    ("diffnr-gaussian", {"repairs": 1, "last_repair": False}),
    ("diffnr-gaussian", {"repairs": 4}),
    ("diffnr-gaussian", {"repairs": 1, "likeness": 1.0}),
    ("diffnr-gaussian", {"refuse": False}),
    ("diffnr-gaussian", {"repairs": 0, "consistent": False, "refuse": False}),
    ("diffnr-gaussian", {"fixer": "fixer"}),
    ("diffnr-gaussian", {"fixer": "fixer", "enlarge": 2}),
    ("diffnr-gaussian", {"fixer": "fixer", "refuse": False}),
    ("diffnr-gaussian", ALONE),
)
RUNS = {"dinr": DINR, "diffnr": DIFFNR, "ablation": ABLATION}
SAME = ("data", "size", "views", "volume", "method", "settings")


def quality(data, runs, views, volumes, split, keep):
    """Rows of figures, kept as they come; CPU seconds, which a busy machine does not change."""
    for kind, volume in itertools.product(data, range(volumes)):
        slab = Slab(make_phantom(kind, SIZE, nth(split, FIRST + volume), SIZE // 4), SLICES)
        truth = slab.truth("neutron")
        for count, (method, options) in itertools.product(views, runs):
            row = {"data": f"{kind} ({split})", "size": SIZE, "slices": SLICES, "counts": COUNTS}
            row |= {"volume": volume, "views": count, "method": method, "settings": options}
            if keep(row, known=True):
                continue
            case = measured(slab, truth, count, COUNTS, (volume, 0))
            began = time.process_time()
            for last in fewview.reconstruct(case.lines, method, options, holdout=0.0):  # noqa: B007
                pass
            row |= {"cpu_seconds": round(time.process_time() - began, 1)}
            row |= similarity(last.volume, truth)
            row |= {"heldout_error": round(prediction_error(last.volume, case.others), 6)}
            row |= {f"dice_{name}": round(value, 4) for name, value in dice(last.volume, truth).items()}
            row |= {"jitter": round(jitter(last.volume, truth), 5)}
            row |= {"refused": len(last.chosen["refused_slices"])} if "refused_slices" in last.chosen else {}
            print(row, flush=True)
            keep(row)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("speed", "bodies", *RUNS))
    parser.add_argument("--views", type=int, nargs="+", default=[8, 4, 16])
    parser.add_argument("--volumes", type=int, default=2)
    parser.add_argument("--data", nargs="+", default=["microstructure"])
    parser.add_argument("--methods", nargs="+", help="only these of the methods that the part compares")
    parser.add_argument("--defaults", action="store_true", help="only methods with their default settings")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}

    def keep(row, known=False):
        """Add a row and write what there is so far; or only say whether there is one like it."""
        rows = found.setdefault(asked.part, [])
        if known:
            return any(all(old.get(name) == row[name] for name in SAME) for old in rows)
        rows.append(row)
        OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return True

    if asked.part in ("speed", "bodies"):
        found.pop(asked.part, None)
        for measured_row in speed() if asked.part == "speed" else bodies():
            keep(measured_row)
    else:
        split = "validation" if asked.part == "dinr" else "test"
        runs = [
            (method, options)
            for method, options in RUNS[asked.part]
            if (not asked.methods or method in asked.methods) and not (asked.defaults and options)
        ]
        quality(asked.data, runs, asked.views, asked.volumes, split, keep)
