"""A volume from two views: `python benchmarks/latent_two_views.py`.

With `--ldm WEIGHTS` also the baseline that `fewview train latent --stage diffusion --set unaligned=true` trained. It
writes rows of the quality benchmark (every row but those that say so ends with a data step), and beside them, into
latent.json, what only samples have. "biplanar" is the regression that the alignment trains; "mean-volume" the mean of
the validation torsos, brought to the mean attenuation of the views.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fewview.benchmark.quality.case import Case
from fewview.benchmark.quality.cell import judged, measure_cell
from fewview.benchmark.quality.data import Sample
from fewview.benchmark.quality.rows import Rows
from fewview.methods import get_method
from fewview.methods.inverse.gaussian import GaussianStep
from fewview.methods.latent.aligned import Aligned
from fewview.methods.latent.data_step import ToTheNoise
from fewview.methods.latent.method import LAST
from fewview.runs.slabs import SlabRun
from fewview.training.latent import CHECKS, in_means
from fewview.training.latent_volumes import Volumes

RESULTS = Path(__file__).parent / "results"


def variants(ldm: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Method and options by label."""
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "cls-dm": ("cls-dm", {}),
        "cls-dm-paper": ("cls-dm-paper", {}),
        "biplanar": ("cls-dm", {"answer": "regression"}),
        "biplanar, no data step": ("cls-dm", {"answer": "regression", "consistent": False}),
        "tv": ("tv", {}),
    }
    if ldm:
        found["ldm"] = ("cls-dm", {"weights": ldm, "answer": "network"})
        found["ldm, no data step"] = ("cls-dm", {**found["ldm"][1], "consistent": False, "rounds": 0})
    return found


def mean_volume(case: Case, fitted: bool) -> np.ndarray:
    """The mean of the validation torsos in the scan's unit."""
    method = get_method("cls-dm")
    setup = SlabRun(case.lines, method, {}, device="cpu", seed=0).setup
    problem = setup.problem(0, setup.slices)
    aligned = Aligned.of(problem, method.options())
    x = in_means(Volumes(aligned.model.config.side).checks(CHECKS)).mean(dim=0)[0]
    if fitted:
        (x,) = ToTheNoise(GaussianStep.of(aligned.data)).solve(x, aligned.data, LAST)
    return (x * aligned.data.top).clamp(min=0).numpy()


def steepness(x: torch.Tensor) -> float:
    """Energy of the gradient."""
    return float(sum(x.diff(dim=k).square().sum() for k in range(3)))


def of_samples(case: Case, into: dict[str, float]) -> Callable[[Any], None]:
    """Looks at the last estimate of a run for what only samples have."""
    truth = torch.as_tensor(np.asarray(case.reference))

    def look(last: Any) -> None:
        into["data_residual"] = float(last.scalars.get("data_residual", np.nan))
        one = last.extra.get("sample_1")
        if one is None:
            return
        one = torch.as_tensor(np.asarray(one))
        span = float(truth.max() - truth.min())
        into["sample_psnr"] = float(10 * torch.log10(span**2 / (one - truth).square().mean()))
        into["steepness"] = steepness(one) / steepness(truth)

    return look


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ldm", default="")
    parser.add_argument("--data", nargs="+", default=["anatomy"])
    parser.add_argument("--labels", nargs="*")
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--counts", type=float, nargs="+", default=[2000.0, 0.0])
    parser.add_argument("--json", type=Path, default=RESULTS / "quality.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows, beside = Rows(given.json), given.json.with_name("latent.json")
    for counts in (value or None for value in given.counts):
        for data, volume in ((data, volume) for data in given.data for volume in range(given.volumes)):
            sample = Sample(data, given.size, given.size)
            case = sample.case(volume, 0, given.views, counts)
            for label, (method, options) in variants(given.ldm).items():
                if given.labels and label not in given.labels:
                    continue
                condition = _condition(sample, method, label, options, given.views, counts)
                if rows.has(condition, (volume, 0)):
                    continue
                figures: dict[str, float] = {}
                began = time.process_time()
                cell = measure_cell(method, case, 0, options=options, look=of_samples(case, figures))
                figures["cpu_seconds"] = time.process_time() - began
                rows.add(condition, (volume, 0), cell)
                _keep(beside, {"data": data, "counts": counts, "label": label, "volume": volume, **figures})
                print(f"{data} {volume} {label}: {cell['psnr']:.2f} dB {cell['coverage90']} {figures}", flush=True)
            for label, fitted in (("mean-volume", True), ("mean-volume, no data step", False)):
                condition = _condition(sample, "cls-dm", label, {"volume": "mean of validation"}, given.views, counts)
                if data == "anatomy" and not rows.has(condition, (volume, 0)):
                    cell = judged(mean_volume(case, fitted), None, case)
                    rows.add(condition, (volume, 0), {**cell, "seconds": 0.0, "peak_memory_mb": None})
                    print(f"{data} {volume} {label}: {cell['psnr']:.2f} dB", flush=True)


def _condition(sample: Sample, method: str, label: str, options: Any, views: int, counts: Any) -> dict[str, Any]:
    named = {**options, "weights": "ldm"} if "weights" in options else dict(options)
    return {
        "data": sample.data,
        "size": sample.size,
        "method": method,
        "label": label,
        "settings": named,
        "control": "none",
        "views": views,
        "counts": counts,
        "device": "cpu",
        "slices": sample.depth,
    }


def _keep(path: Path, figures: dict[str, Any]) -> None:
    rows = json.loads(path.read_text()) if path.exists() else []
    same = ("data", "counts", "label", "volume")
    rows = [row for row in rows if any(row[name] != figures[name] for name in same)]
    path.write_text(json.dumps([*rows, figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
