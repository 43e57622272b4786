"""Step sizes of total variation's primal-dual iteration, on validation samples; writes results/tv_steps.json.

How far the objective is from its least value, after a quarter of the usual iterations, for each balance and each share
of the differences: the worst and the mean over samples, views and weights. `python benchmarks/tv_steps.py`.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

from fewview.benchmark.quality.simulated import Slab, measured
from fewview.methods.classical import chambolle_pock
from fewview.methods.classical.chambolle_pock import TVProblem, iterate
from fewview.methods.classical.fbp import preview
from fewview.runs.problem import set_up
from fewview.simulate import make_phantom
from fewview.simulate.seeds import nth

OUT = Path(__file__).parent / "results" / "tv_steps.json"
SIZE, COUNTS, ITERATIONS, LONG = 64, 2000, 60, 1500
SAMPLES = (("microstructure", 30_100), ("grains", 30_101), ("foam", 30_102))
VIEWS, WEIGHTS = (8, 24), (1e-4, 1e-3, 1e-2)
BALANCES, LEAST, GRADIENTS = (10.0, 20.0, 40.0, 80.0, 160.0), (0.004, 0.015, 0.06), (0.075, 0.15, 0.3)


def problems():
    """One slice each of validation samples of three kinds, with few and with more views."""
    for volume, (kind, index) in enumerate(SAMPLES):
        slab = Slab(make_phantom(kind, SIZE, nth("validation", index), SIZE // 4), 1)
        truth = slab.truth("neutron")
        for views in VIEWS:
            lines = measured(slab, truth, views, COUNTS, (volume, 0)).lines
            yield set_up(lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0).problem(0, 1)


def objective(problem, weight, iterations):
    """Of the last iterate."""
    *_, last = iterate(TVProblem(problem, weight), iterations, {"volume": preview(problem)})
    return last.figures()[0]


def with_steps(balance, least, gradient):
    """Set the constants that the iteration looks up."""
    chambolle_pock.BALANCE, chambolle_pock.LEAST_BALANCE, chambolle_pock.GRADIENT = balance, least, gradient


def main():
    """Measure every combination."""
    argparse.ArgumentParser(description=__doc__).parse_args()  # nothing can be chosen
    torch.set_num_threads(1)
    shipped = (chambolle_pock.BALANCE, chambolle_pock.LEAST_BALANCE, chambolle_pock.GRADIENT)
    cases = list(itertools.product(problems(), WEIGHTS))
    least = np.array([objective(problem, weight, LONG) for problem, weight in cases])
    # One constant at a time, the others as shipped: the curve that each was chosen by.
    settings = [(b, *shipped[1:]) for b in BALANCES] + [(shipped[0], b, shipped[2]) for b in LEAST]
    settings += [(*shipped[:2], g) for g in GRADIENTS]
    rows = []
    for setting in dict.fromkeys(settings):
        with_steps(*setting)
        found = np.array([objective(problem, weight, ITERATIONS) for problem, weight in cases])
        excess = found / least - 1
        row = dict(zip(("balance", "least_balance", "gradient"), setting, strict=True))
        rows.append(row | {"mean": round(float(excess.mean()), 5), "worst": round(float(excess.max()), 5)})
        print(rows[-1], flush=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
