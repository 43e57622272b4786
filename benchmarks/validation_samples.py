"""Measurements of validation samples, which choose settings, and the loop over them that several benchmarks share.

The simulated volumes are grown from validation seeds, the measured scan (a dendritic alloy) is in no benchmark.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch

from fewview.benchmark.quality.case import Case, area_means
from fewview.benchmark.quality.measured import few_views
from fewview.benchmark.quality.simulated import Slab, measured
from fewview.benchmark.rows_file import Row
from fewview.geometry import ParallelBeam
from fewview.methods.interface import Problem
from fewview.operators import filtered_backprojection, parallel_beam
from fewview.prepare import line_integrals
from fewview.runs.problem import set_up
from fewview.scan import LineIntegrals
from fewview.simulate import make_phantom
from fewview.simulate.seeds import nth

MEASURED = Path("../shared/data")
KINDS = ("microstructure", "ellipses", "dendrite")
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


def problem_of(case: Case) -> Problem:
    """What a method is asked about all slices of a case."""
    setup = set_up(case.lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
    return setup.problem(0, setup.slices)


def measure(
    told: str | None,
    results: Path,
    rows_of: Callable[[Case], list[Row]],
    kinds: Sequence[str] = KINDS,
    volumes: Sequence[int] = (3, 4),
    views: Sequence[int] = (8, 16, 32),
) -> None:
    """Measure what the results do not hold yet, with the sizes that the command line asks for.

    Every sample is written when it is done.

    Parameters
    ----------
    told : str
        What ``--help`` says.
    results : Path
        JSON file of the rows.
    rows_of : callable
        The rows of a case, without its kind, volume, views and size.
    kinds, volumes, views : sequence
        What is measured where the command line does not say.
    """
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=kinds)
    parser.add_argument("--volumes", type=int, nargs="+", default=volumes)
    parser.add_argument("--views", type=int, nargs="+", default=views)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    parser.add_argument("--json", type=Path, default=results)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = json.loads(asked.json.read_text(encoding="utf-8")) if asked.json.exists() else []
    for volume, number, kind in product(asked.volumes, asked.views, asked.kinds):
        where = {"kind": kind, "volume": volume, "views": number, "size": asked.size}
        if any(where.items() <= row.items() for row in rows):
            continue
        made = [where | row for row in rows_of(case_of(kind, volume, number, asked.size, asked.measured))]
        rows += made
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        for row in made:
            print(row, flush=True)
