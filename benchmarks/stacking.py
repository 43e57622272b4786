"""How the members of an ensemble are best weighed; writes results/stacking.json.

    python benchmarks/stacking.py --measured FOLDER

Validation samples of the settings search. Each member reconstructs from the views that are not held out, which gives
the weights, and from all views, of which the means are made. A row holds, for each rule, the PSNR of its mean less that
of the better of TV and MBIR: "best" is the mean that predicts the held-out views best, "equal" that of all members, and
a number so large a part of the way from best to equal. What the file holds is not measured again.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from settings_search import KINDS, MEASURED, case_of

from fewview.methods.ensemble.members import members, options_of
from fewview.methods.ensemble.simplex import simplex_minimum
from fewview.methods.ensemble.stacking import Residuals
from fewview.methods.selection.held_out import hold_out
from fewview.methods.slices import central
from fewview.quality import psnr
from fewview.runs.problem import set_up

OUT = Path(__file__).parent / "results" / "stacking.json"
NAMES, SLICES, SIZE, VOLUMES, VIEWS = "unrolled,d3ip-generic,mbir,tv", 4, 128, (3,), (8, 16, 32)
PARTS = (0.25, 0.5, 0.75)


def solved(method, problem, options):
    """The last volume."""
    for last in method.solve(problem, options):  # noqa: B007 - the last one counts
        pass
    return torch.as_tensor(last.volume).clone()


def reconstructed(case):
    """Inner products of the members' held-out residuals, and their volumes from all views."""
    setup = set_up(case.lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
    problem = setup.problem(0, setup.slices)
    given, held = hold_out(central(problem, SLICES, adjacent=True))
    misfit, residuals, volumes = Residuals(held), [], []
    for method in members(NAMES):
        settled = method.settle(problem, options_of(method, "auto")).options
        residuals.append(misfit.of(solved(method, given, settled)))
        volumes.append(solved(method, problem, settled).numpy())
    gram = np.array([[misfit.inner(a, b) for b in residuals] for a in residuals])
    return (gram + gram.T) / 2, np.stack(volumes)


def compared(gram, volumes, reference):
    """PSNR over the better of TV and MBIR: of each member, and of the mean by each rule."""
    alone = [psnr(volume, reference) for volume in volumes]
    least = max(alone[2:])
    best, equal = simplex_minimum(gram), np.full(len(gram), 1 / len(gram))
    rules = {"best": best, **{f"{part:g}": (1 - part) * best + part * equal for part in PARTS}, "equal": equal}
    row = dict(zip(NAMES.split(","), (round(value - least, 3) for value in alone), strict=True))
    for name, weights in rules.items():
        row[name] = round(psnr(np.tensordot(weights, volumes, 1), reference) - least, 3)
    return row


def main():
    """Measure one volume of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    given = parser.parse_args()
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    torch.set_num_threads(1)
    for volume, kind, views in itertools.product(VOLUMES, (*KINDS, "grains"), VIEWS):
        place = {"kind": kind, "volume": volume, "views": views, "size": SIZE}
        if any(place.items() <= row.items() for row in rows):
            continue
        case = case_of(kind, volume, views, SIZE, given.measured)
        rows.append(place | compared(*reconstructed(case), case.reference))
        print(rows[-1], flush=True)
        OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
