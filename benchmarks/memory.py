"""Forecast against measured peak memory of a run: `python benchmarks/memory.py`. Linux only.

Each method runs first on a tiny problem, so that libraries are loaded and kernels compiled; what it then takes above
that, at its peak, is compared with what `fewview.runs.memory` says before the start.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

QUICK: dict[str, Any] = {  # a few steps show the peak; searches hold no more than the run that they lead to
    "iterations": 3,
    "steps": 2,
    "samples": 2,
    "weight": 1e-3,
    "sharpness": 0.0,
    "prior": "generic",
    "gamma": 0.5,
    "eta": 0.05,
    "guided_start": 150,
    "guide_weight": 1.0,
    "trust": 1.0,
    "beside_share": 0.0,
    "scale": 1.0,
    "start": "fbp",
    "start_iterations": 3,
    "symmetries": False,
    "shares": "sirt=0.5,cgls=0.5",
}
BORN = {"steps": 100, "inner": 1, "data_steps": 1}
"""Gaussians are born on the way: as many steps as by default, each as short as can be."""
SEEN = {"xray": True, "again": True}
"""The X-ray volume is used, whatever held-out views say of it: that takes most."""
OWN: dict[str, dict[str, Any]] = {"r2gaussian": BORN, "diffnr-gaussian": BORN, "unrolled-x": SEEN}
METHODS = (
    *("fbp", "sirt", "sart", "cgls", "asd-pocs", "tv", "dtv", "mbir", "inr", "naf", "r2gaussian"),
    *("diffnr-naf", "diffnr-gaussian", "postnet", "unrolled", "unrolled-x", "guide", "dds", "ddip", "d3ip", "d3ip-x"),
    *("dinr", "cls-dm", "ensemble", "daps", "dpnp", "diffpir", "pigdm", "dps", "fps-smc", "diffusion-mbir"),
)
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Has the C library give every larger block back as soon as it is free: by itself it does so from 32 MB on, the size of
volumes of real runs, and keeps up to twice as much of smaller ones, which would hide what a volume of a test holds."""

CASE = ("method", "size", "slices", "views")


def measure(methods: list[str], size: int, slices: int, views: int) -> Iterator[dict[str, Any]]:
    """Rows, measured in this process."""
    import torch

    from fewview.benchmark.peak import forget_peak, peak_mb

    torch.set_num_threads(1)
    for k, method in enumerate(methods):
        for _ in _run(method, *_sample(32, 3, 12)):
            pass
        sample = _sample(size, slices, views, aside=0.01 * k)  # or the matrix of the method before would do
        ctypes.CDLL(None).malloc_trim(0)  # what the tiny run left in the heap would be taken from it, unseen
        if not forget_peak("cpu"):
            sys.exit("This system does not tell a process its peak memory.")
        before = peak_mb("cpu")
        run = _run(method, *sample)
        deque(run, maxlen=1)  # holds the last estimate, as who asks for it does
        measured, forecast = peak_mb("cpu") - before, run.forecast.total / 1e6
        row = {"method": method, "options": _options(method), "size": size, "slices": slices, "views": views}
        yield row | {
            "forecast_mb": round(forecast, 1),
            "measured_mb": round(measured, 1),
            "ratio": round(forecast / measured, 2),
        }


def _options(method: str) -> dict[str, Any]:
    from fewview.methods import get_method

    known = get_method(method).options
    return {name: value for name, value in (QUICK | OWN.get(method, {})).items() if known.knows(name)}


def _run(method: str, lines: Any, truth: Any) -> Any:
    from fewview.methods import get_method
    from fewview.runs.slabs import SlabRun

    auxiliary = truth if "aux" in get_method(method).needs else None
    return SlabRun(lines, method, _options(method), device="cpu", auxiliary=auxiliary)


def _sample(size: int, slices: int, views: int, aside: float = 0.0) -> tuple[Any, Any]:
    """Noisy line integrals of disks that fill the field of view, as a forecast has to assume, and the disks."""
    import numpy as np
    import torch

    from fewview.geometry import ParallelBeam
    from fewview.operators import parallel_beam
    from fewview.scan import LineIntegrals

    rng = np.random.default_rng(0)
    angles = np.arange(views) * np.pi / views
    away = np.hypot(*np.ogrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j])
    truth = (rng.uniform(0.5, 1, (slices, 1, 1)) / size * (away < 0.95)).astype(np.float32)
    values = parallel_beam(angles, columns=size, memory_budget=0)(torch.from_numpy(truth)).numpy()
    values += 0.02 * rng.standard_normal(values.shape).astype(np.float32)
    return LineIntegrals(values.swapaxes(0, 1), ParallelBeam(angles, slices, size, (size - 1) / 2 + aside), None), truth


def main() -> None:
    """Measure methods, print and write their rows; those of others, and of other sizes, are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=list(METHODS))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--slices", type=int, default=16)
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    args = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in AT_ONCE.items()):  # the library asks at its start
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | AT_ONCE)
    rows = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else []
    for row in measure(args.methods, args.size, args.slices, args.views):
        print(row, flush=True)
        rows = [other for other in rows if any(other[key] != row[key] for key in CASE)] + [row]
        table = sorted(rows, key=lambda row: (METHODS.index(row["method"]), row["size"]))
        args.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
