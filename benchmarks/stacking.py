"""How the members of an ensemble are best weighed; writes results/stacking.json.

    python benchmarks/stacking.py --measured FOLDER

Validation samples of the settings search. Each member reconstructs from the views that are not held out, which gives
the weights, and from all views, of which the means are made. A row holds, for each rule, the PSNR of its mean less that
of the better of TV and MBIR: "best" is the mean that predicts the held-out views best, "equal" that of all members, and
a number so large a part of the way from best to equal. What the file holds is not measured again.
"""

from pathlib import Path

import numpy as np
import torch
from validation_samples import KINDS, measure, problem_of

from fewview.benchmark.quality.case import Case
from fewview.methods.ensemble.members import members, options_of
from fewview.methods.ensemble.simplex import simplex_minimum
from fewview.methods.ensemble.stacking import Residuals
from fewview.methods.selection.held_out import hold_out
from fewview.methods.slices import central
from fewview.quality import psnr

OUT = Path(__file__).parent / "results" / "stacking.json"
NAMES, SLICES = "unrolled,d3ip-generic,mbir,tv", 4
PARTS = (0.25, 0.5, 0.75)


def solved(method, problem, options):
    """The last volume."""
    for last in method.solve(problem, options):  # noqa: B007 - the last one counts
        pass
    return torch.as_tensor(last.volume).clone()


def reconstructed(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of the members' held-out residuals, and their volumes from all views."""
    problem = problem_of(case)
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


if __name__ == "__main__":
    measure(
        __doc__,
        OUT,
        lambda case: [compared(*reconstructed(case), case.reference)],
        kinds=(*KINDS, "grains"),
        volumes=(3,),
    )
