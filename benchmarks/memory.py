"""Forecast against measured peak memory of a run: `python benchmarks/memory.py`. Linux only.

Each method runs in a process of its own, first on a tiny problem, so that libraries are loaded and kernels compiled;
what it then takes above that, at its peak, is compared with what `fewview.runs.memory` says before the start.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CASES: dict[str, dict[str, Any]] = {  # a few steps show the peak
    "fbp": {},
    "sirt": {"iterations": 5},
    "sart": {"iterations": 2},
    "cgls": {"iterations": 5},
    "asd-pocs": {"iterations": 2},
    "tv": {"iterations": 5},
    "dtv": {"iterations": 5},
    "mbir": {"iterations": 5, "sharpness": 0.0},
    "postnet": {},
    "dds": {"steps": 2},
    "d3ip": {"steps": 2},
    "d3ip-x": {"steps": 2},
}

CASE = ("method", "size", "slices", "views")


def measure(method: str, size: int, slices: int, views: int) -> dict[str, Any]:
    """One row, measured in this process."""
    import torch

    from fewview.benchmark.peak import forget_peak, peak_mb

    torch.set_num_threads(1)
    for _ in _run(method, *_sample(32, 3, 12)):
        pass
    sample = _sample(size, slices, views)
    if not forget_peak("cpu"):
        sys.exit("This system does not tell a process its peak memory.")
    before = peak_mb("cpu")
    run = _run(method, *sample)
    for _ in run:
        pass
    measured, forecast = peak_mb("cpu") - before, run.forecast.total / 1e6
    row = {"method": method, "options": CASES[method], "size": size, "slices": slices, "views": views}
    return row | {
        "forecast_mb": round(forecast, 1),
        "measured_mb": round(measured, 1),
        "ratio": round(forecast / measured, 2),
    }


def _run(method: str, lines: Any, truth: Any) -> Any:
    from fewview.methods import get_method
    from fewview.runs.slabs import SlabRun

    auxiliary = truth if "aux" in get_method(method).needs else None
    return SlabRun(lines, method, CASES[method], device="cpu", auxiliary=auxiliary)


def _sample(size: int, slices: int, views: int) -> tuple[Any, Any]:
    """Noisy line integrals of blocks, and the blocks."""
    import numpy as np
    import torch

    from fewview.geometry import ParallelBeam
    from fewview.operators import parallel_beam
    from fewview.scan import LineIntegrals

    rng = np.random.default_rng(0)
    angles = np.arange(views) * np.pi / views
    truth = np.zeros((slices, size, size), np.float32)
    truth[:, size // 4 : -size // 4, size // 4 : -size // 4] = rng.uniform(0.5, 1, (slices, 1, 1)) / size
    values = parallel_beam(angles, columns=size, memory_budget=0)(torch.from_numpy(truth)).numpy()
    values += 0.02 * rng.standard_normal(values.shape).astype(np.float32)
    return LineIntegrals(values.swapaxes(0, 1), ParallelBeam(angles, slices, size, (size - 1) / 2), None), truth


def main() -> None:
    """Measure methods, print and write their rows; those of others, and of other sizes, are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=list(CASES))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--slices", type=int, default=32)
    parser.add_argument("--views", type=int, default=32)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    parser.add_argument("--here", action="store_true", help="one method, in this process; print its row as JSON")
    args = parser.parse_args()
    if args.here:
        print(json.dumps(measure(args.methods[0], args.size, args.slices, args.views)))
        return
    rows = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else []
    for method in args.methods:
        size = ["--size", str(args.size), "--slices", str(args.slices), "--views", str(args.views)]
        done = subprocess.run(
            [sys.executable, __file__, method, "--here", *size], check=True, stdout=subprocess.PIPE, text=True
        )
        row = json.loads(done.stdout)
        print(row, flush=True)
        rows = [other for other in rows if any(other[key] != row[key] for key in CASE)] + [row]
    table = sorted(rows, key=lambda row: (list(CASES).index(row["method"]), row["size"]))
    args.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
