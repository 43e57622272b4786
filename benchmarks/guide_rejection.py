"""What tells X-ray volumes that help from those that harm, on validation samples; writes results/guide_rejection.json.

    python benchmarks/guide_rejection.py                            # measures what is missing, and writes the JSON
    python benchmarks/guide_rejection.py --size 128 --views 16,32

Every sample is reconstructed by `d3ip-x` without its X-ray volume and with it, listened to whatever it is: the right
one, one of another sample, one turned or moved. Beside the difference in PSNR stands the figure that a run rejects it
by: by how much better held-out views are predicted.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from fewview.benchmark.quality.simulated import Slab, lines_of, measured
from fewview.benchmark.quality.xray import displaced
from fewview.methods import get_method
from fewview.methods.selection.comparison import gain
from fewview.operators import filtered_backprojection, projector
from fewview.quality import psnr
from fewview.runs.problem import set_up
from fewview.simulate import make_phantom
from fewview.simulate.acquire import Beam
from fewview.simulate.seeds import nth

OUT = Path(__file__).parent / "results" / "guide_rejection.json"
SLICES, COUNTS, FIRST = 2, 2000.0, 30_400
CONTROLS = ("none", "turn3", "shift2", "shift1", "turn1", "other")
SAMPLES = 2
FIXED = {"prior": "materials", "beside_share": 0.0, "guide_by": "network", "samples": 4}


def sample(number, size):
    """A slab of a validation sample, and its X-ray volume of many views."""
    slab = Slab(make_phantom("microstructure", size, nth("validation", FIRST + number), size // 4), SLICES)
    beam = Beam(spectrum={80: 1.0}, counts=10 * COUNTS)
    lines = lines_of(slab, np.arange(180) * np.pi / 180, beam, np.random.default_rng([number, 1]))
    A = projector(lines.geometry, memory_budget=0)
    return slab, filtered_backprojection(A, torch.from_numpy(lines.values.swapaxes(0, 1).copy())).numpy()


def heldout_gain(problem, said):
    """Part by which held-out views are predicted better with the guide."""
    errors = dict(get_method("d3ip-x").settle(problem, said).chosen["guide_curve"])
    return gain(np.array(errors["with"]), np.array(errors["without"]))


def main():
    """Measure what the file does not hold, every sample under every control."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--views", default="8,16,32")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    given = [sample(number, asked.size) for number in range(SAMPLES + 1)]
    for views, number in ((v, n) for v in map(int, asked.views.split(",")) for n in range(SAMPLES)):
        where = {"sample": number, "size": asked.size, "views": views}
        wanted = [
            name for name in CONTROLS if not any((where | {"control": name}).items() <= row.items() for row in rows)
        ]
        for row in measure(given, where, wanted):
            rows.append(row)
            print(row, flush=True)
            OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measure(given, where, controls):
    """One row per control."""
    number, method = where["sample"], get_method("d3ip-x")
    slab, right = given[number]
    case = measured(slab, slab.truth("neutron"), where["views"], COUNTS, (number, 0))
    setup = set_up(case.lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
    plain = get_method("d3ip").options(prior="materials", beside_share=0, samples=4)
    alone = None
    for control in controls:
        if alone is None:
            *_, alone = get_method("d3ip").run(setup.problem(0, setup.slices), plain)
        xray = given[number + 1][1] if control == "other" else displaced(right, control)
        setup = set_up(case.lines, auxiliary=xray, holdout=0.0, device=torch.device("cpu"), seed=0)
        problem = setup.problem(0, setup.slices)
        gained = heldout_gain(problem, method.options.parse(FIXED))
        *_, guided = method.run(problem, method.options.parse({**FIXED, "guide_weight": 1.0}))
        better = psnr(guided.array, case.reference) - psnr(alone.array, case.reference)
        figures = {"psnr_gain": round(better, 3), "heldout_gain": round(gained, 4)}
        yield where | {"control": control} | figures


if __name__ == "__main__":
    main()
