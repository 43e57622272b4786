"""What an X-ray volume brings to `unrolled-x`, by kind of sample: `python benchmarks/unrolled_xray.py`.

Validation samples of 64 pixels, 3 slices, 2000 counts. Concrete-like ones have the X-ray image they were made with;
of the other kinds the X-ray image shows the same structure with other grey values (`recoloured`), and plain shapes may
show inclusions of their own in either. It is blurred, noisy and a little misplaced, as in the training. "other" is the
X-ray volume of another sample.
"""

import argparse
import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fewview.methods import get_method
from fewview.operators import parallel_beam
from fewview.quality import psnr
from fewview.simulate.seeds import nth
from fewview.training.acquisitions import measured
from fewview.training.guide_pairs import plain_pair, recoloured
from fewview.training.guide_xray import degraded
from fewview.training.sources import MAKERS
from fewview.training.specimens import halved
from fewview.training.unrolled_xray import paired_specimens

RESULTS = Path(__file__).parent / "results" / "unrolled_xray.json"
KINDS = ("materials", "grains", "fibres", "layers", "generic", "plain pairs")
SIDE, SLICES, COUNTS = 64, 3, 2000.0
ELSEWHERE = 50
"""Seeds further on, of which the X-ray volume of another sample is."""


def pair_of(kind, index, views):
    """Slices at twice the resolution, and an X-ray image of the same places."""
    rng = np.random.default_rng([index, views, 99])
    seed = nth("validation", index)
    if kind == "plain pairs":
        pair, mapped = plain_pair(np.random.default_rng([seed, 7]), 2 * SIDE), False
    else:
        blocks = MAKERS[kind](seed, 2 * SIDE)
        pair, mapped = (blocks[0], blocks[-1]), len(blocks) == 1
    fine, xray = paired_specimens(pair, SIDE, SLICES, rng)
    return fine, recoloured(xray, halved(fine), rng) if mapped else xray, rng


def cases_of(kind, index, views):
    """The problem with the right X-ray volume and with another, and the truth."""
    fine, xray, rng = pair_of(kind, index, views)
    A = parallel_beam(np.arange(views) * np.pi / views, columns=SIDE)
    problem = measured(fine, A, rng, counts=(COUNTS, COUNTS), thickness=(2.0, 2.0), noiseless=0.0)
    assert problem.state is not None  # holds what it was measured with
    truth = halved(fine) * problem.state["peak"]
    problem = replace(problem, state=None)
    shown = {"right": xray, "other": pair_of(kind, index + ELSEWHERE, views)[1]}
    problems = {
        name: replace(problem, auxiliary=torch.stack([degraded(one, copy.deepcopy(rng)) for one in images]))
        for name, images in shown.items()
    }
    return problems, truth


def main():
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--methods", nargs="+", default=["unrolled", "unrolled-x"])
    parser.add_argument("--views", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--json", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(asked.json.read_text(encoding="utf-8")) if asked.json.exists() else []
    done = {tuple(row[key] for key in ("kind", "sample", "views", "method", "shown")) for row in rows}
    for kind in asked.kinds:
        for views in asked.views:
            for index in range(asked.samples):
                problems, truth = cases_of(kind, index, views)
                for name in asked.methods:
                    method = get_method(name)
                    for shown in ("right", "other") if "aux" in method.needs else ("none",):
                        if (kind, index, views, name, shown) in done:
                            continue
                        problem = problems[shown] if shown != "none" else replace(problems["right"], auxiliary=None)
                        *_, last = method.run(problem, method.options())
                        row = {"kind": kind, "sample": index, "views": views, "method": name, "shown": shown}
                        row["psnr"] = round(psnr(last.array, truth.numpy()), 3)
                        row["used"] = bool(last.chosen.get("xray", last.chosen.get("guide_weight", 0)))
                        rows.append(row)
                        print(row, flush=True)
                asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
