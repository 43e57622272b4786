"""DINR beside D3IP, a field alone and the classical methods; writes results/dinr.json.

`python benchmarks/dinr.py test` measures test volumes with each method's defaults, `wood` both neutron scans of wood,
`share` validation volumes with other parts of the field in the mean of the samples, `draft` the preset of that name on
16 slices of 128 pixels. Rows that are there already are kept, so that a run can be stopped and gone on with.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
import torch
from similarity import similarity

import fewview
from fewview.benchmark.quality.measured import few_views, wood
from fewview.benchmark.quality.simulated import Slab, measured, seed_of
from fewview.methods import get_method
from fewview.methods.diffusion import field_step
from fewview.methods.presets import preset_options
from fewview.quality.region_scales import curves_at, region_centres
from fewview.simulate import make_phantom
from fewview.simulate.seeds import nth

OUT = Path(__file__).parent / "results" / "dinr.json"
SIZE, SLICES, COUNTS, WOOD_SIZE = 64, 8, 2000, 128
METHODS = ("fbp", "tv", "mbir", "inr", "d3ip", "dinr")
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
REGIONS = 10  # of each volume, where the reference has most structure
SAME = ("data", "volume", "views", "label")


def simulated(kind, volume, views, split, size=SIZE, slices=SLICES):
    """A measurement of a volume."""
    seed = seed_of(volume) if split == "test" else nth(split, 30_000 + volume)
    slab = Slab(make_phantom(kind, size, seed, size // 4), slices)
    return measured(slab, slab.truth("neutron"), views, COUNTS, (volume, 0))


def figures(case, method, options):
    """What a method makes of a measurement."""
    began, first = time.process_time(), 0.0
    for last in fewview.reconstruct(case.lines, method, options, holdout=0.0):  # noqa: B007
        first = first or time.process_time() - began
    volume = last.array
    centres = region_centres(case.reference, REGIONS, "rich", 0)
    curves = curves_at(volume, case.reference, centres)
    found = {"cpu_seconds": round(time.process_time() - began, 1), "cpu_seconds_first": round(first, 2)}
    found |= similarity(volume, case.reference)
    sizes = [f"{rows}x{columns}" for (rows, columns), *_ in curves[0]]
    means = np.mean([[value for _, value, _ in curve] for curve in curves], axis=0)
    return found | {"regions": {size: round(float(mean), 3) for size, mean in zip(sizes, means, strict=True)}}


def main():
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("test", "wood", "share", "draft"))
    parser.add_argument("--data", nargs="+", default=["microstructure"])
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--views", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--measured", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    if asked.part == "share":
        runs = [(f"share {share:g}", "dinr", share) for share in SHARES] + [("d3ip", "d3ip", 0.0)]
    else:
        runs = [(method, method, field_step.SHARE) for method in (METHODS if asked.part != "draft" else ["dinr"])]
    large = {"size": WOOD_SIZE, "slices": 2 * SLICES} if asked.part == "draft" else {}
    preset = preset_options(get_method("dinr"), "draft") if asked.part == "draft" else {}
    kinds, volumes = (["wood"], 2) if asked.part == "wood" else (asked.data, asked.volumes)
    split = "validation" if asked.part == "share" else "test"
    for kind, volume, views in itertools.product(kinds, range(volumes), asked.views):
        case = None
        for label, method, share in runs:
            row = {"part": asked.part, "data": kind, "volume": volume, "views": views, "label": label}
            if any(all(old[name] == row[name] for name in ("part", *SAME)) for old in rows):
                continue
            if case is None and kind == "wood":
                case = few_views(*wood(WOOD_SIZE, volume, asked.measured), views, 0)
            elif case is None:
                case = simulated(kind, volume, views, split, **large)
            field_step.SHARE = share
            rows.append(row | figures(case, method, {"beside_share": 0.0} if asked.part == "share" else preset))
            print(rows[-1], flush=True)
            OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
