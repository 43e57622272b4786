"""What each question of the settings search of `d3ip` is worth, on validation samples.

    python benchmarks/settings_search.py                        # measures what is missing, and writes the JSON
    python benchmarks/settings_search.py --volumes 4 --views 8,16 --size 128

Every question is answered as a run answers it; then the sample is reconstructed once more with that question left at
its default and those after it asked again. The gain of a question is the difference in PSNR, its price the CPU time
that asking it took.

The simulated volumes are grown from validation seeds, the measured scan (a dendritic alloy) is in no benchmark.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fewview.benchmark.quality.case import Case, area_means
from fewview.benchmark.quality.measured import few_views
from fewview.benchmark.quality.simulated import Slab, measured
from fewview.geometry import ParallelBeam
from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.operators import filtered_backprojection, parallel_beam
from fewview.prepare import line_integrals
from fewview.quality import psnr
from fewview.runs.problem import set_up
from fewview.scan import LineIntegrals
from fewview.simulate import make_phantom
from fewview.simulate.seeds import nth

RESULTS = Path(__file__).parent / "results" / "settings_search.json"
MEASURED = Path("../shared/data")
KINDS = ("microstructure", "ellipses", "dendrite")
DEFAULTS = {"prior": "generic", "beside_share": 0.0}
"""The questions in the order in which they are asked, and the answer without asking."""
COUNTS = 2000.0


def dendrite(size: int, views: int, seed: int, folder: Path) -> Case:
    """Some views of the measured scan; the reference is the FBP of all of them. What no ray meets reads 640."""
    import scipy.io

    stored = scipy.io.loadmat(folder / "xray_dendrite" / "RealDataDend.mat")
    sinogram = (stored["sinoRD"].T - 640.0) / 1000.0
    binned = area_means(sinogram[None].astype(np.float32), size)
    prepared = line_integrals(binned.swapaxes(0, 1), None, None, "attenuation")
    axis = (628 + 0.5) * size / sinogram.shape[1] - 0.5
    angles = stored["anglesRad"].ravel().astype(np.float64)
    lines = LineIntegrals(prepared.values, ParallelBeam(angles - angles[0], 1, size, axis), prepared.weights)
    A = parallel_beam(lines.geometry.angles, columns=size, axis=axis, memory_budget=0)
    reference = filtered_backprojection(A, torch.from_numpy(prepared.values.swapaxes(0, 1).copy())).numpy()
    return few_views(lines, reference, views, seed)


def case_of(kind: str, volume: int, views: int, size: int, folder: Path) -> Case:
    """The measurement number ``volume`` of a kind: another sample, or, of the measured scan, other views."""
    if kind == "dendrite":
        return dendrite(size, views, volume, folder)
    slab = Slab(make_phantom(kind, size, nth("validation", volume), size // 4), 2)
    return measured(slab, slab.truth("neutron"), views, COUNTS, (volume, 0))


class Sample:
    """One measurement; what was solved once is not solved again."""

    def __init__(self, case: Case) -> None:
        self.case = case
        setup = set_up(case.lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
        self.problem: Problem = setup.problem(0, setup.slices)
        self.method = get_method("d3ip")
        self.solved: dict[str, tuple[float, float]] = {}

    def tune(self, **given: Any) -> tuple[Any, dict[str, float]]:
        """Settled options, and the CPU seconds of every stage."""
        seconds: dict[str, float] = {}
        tuning = self.method.tuned(self.problem, self.method.options(**given))
        before = time.process_time()
        while True:
            try:
                stage = next(tuning).stage
            except StopIteration as end:
                return end.value, seconds
            now = time.process_time()
            seconds[stage] = seconds.get(stage, 0.0) + now - before
            before = now

    def solve(self, options: Any) -> tuple[float, float]:
        """PSNR and CPU seconds."""
        key = options.model_dump_json()
        if key not in self.solved:
            before = time.process_time()
            *_, last = self.method.solve(self.problem, options)
            seconds = time.process_time() - before
            self.solved[key] = psnr(last.volume.numpy(), self.case.reference), seconds
        return self.solved[key]


def ablated(sample: Sample) -> Iterator[dict[str, Any]]:
    """One row with everything asked, then one per question that is not."""
    full, seconds = sample.tune()
    value, solving = sample.solve(full.options)
    answers = {name: full.chosen.get(name, full.options.value(name)) for name in DEFAULTS}
    curve = dict(full.chosen.get("prior_curve", []))
    slices = len(sample.problem.data)
    timed = {"tuning": seconds, "solving": solving, "slices": slices}
    yield {"without": "", "psnr": value, "answers": answers, "prior_errors": curve, **timed}
    for name, default in DEFAULTS.items():
        other = full if answers[name] == default else sample.tune(**{name: default})[0]
        yield {"without": name, "psnr": sample.solve(other.options)[0]}
    fixed, _ = sample.tune(**DEFAULTS)
    yield {"without": "all", "psnr": sample.solve(fixed.options)[0]}
    other = sample.tune(prior="materials")[0]  # the other answer, fixed
    yield {"without": "materials", "psnr": sample.solve(other.options)[0]}


def main() -> None:
    """Measure what the file does not hold yet; every sample is written when it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=3)
    parser.add_argument("--views", default="8,16")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    parser.add_argument("--json", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows = json.loads(asked.json.read_text()) if asked.json.exists() else []
    for volume in range(asked.volumes):
        for views in map(int, asked.views.split(",")):
            for kind in KINDS:
                where = {"kind": kind, "volume": volume, "views": views, "size": asked.size}
                if any(where.items() <= row.items() for row in rows):
                    continue
                sample = Sample(case_of(kind, volume, views, asked.size, asked.measured))
                rows += [{**where, **row} for row in ablated(sample)]
                asked.json.write_text(json.dumps(rows, indent=1) + "\n")
                print(where, rows[-5]["psnr"], rows[-5]["answers"], flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
