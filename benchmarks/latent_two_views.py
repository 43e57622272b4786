"""A volume from two views: `python benchmarks/latent_two_views.py`.

With `--ldm WEIGHTS` also the baseline that `fewview train latent -o ldm --stage diffusion --start
ae/autoencoder.safetensors --set unaligned=true` trained. It writes rows of the quality benchmark (every row but those
that say so ends with a data step), and beside them, into latent.json, what only samples have. "biplanar" is the
regression that the alignment trains; "mean-volume" the mean of the validation torsos, brought to the mean attenuation
of the views, and "mean-volume, affine" the same turned, moved, stretched and sheared to explain them best. `--beam fan`
has a fan in place of parallel rays.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import affine_grid, grid_sample

from fewview.benchmark.quality.case import Case
from fewview.benchmark.quality.cell import judged, measure_cell
from fewview.benchmark.quality.data import Sample
from fewview.benchmark.quality.rows import Rows
from fewview.benchmark.quality.simulated import grown
from fewview.benchmark.quality.simulated import measured as measured_by
from fewview.methods import get_method
from fewview.methods.inverse.gaussian import GaussianStep
from fewview.methods.inverse.masking import measured, relative
from fewview.methods.inverse.normalised import Scaled
from fewview.methods.latent.aligned import Aligned
from fewview.methods.latent.data_step import ToTheNoise
from fewview.methods.latent.method import LAST
from fewview.quality import crps
from fewview.runs.slabs import SlabRun
from fewview.scan import LineIntegrals
from fewview.simulate.fan import FanPhantom
from fewview.training.latent import CHECKS, in_means
from fewview.training.latent_volumes import Volumes

RESULTS = Path(__file__).parent / "results"
FAN = (4.0, 6.0)
"""Source to axis and to detector, in widths of the volume."""


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


def fan_case(sample: Sample, volume: int, views: int, counts: float | None) -> Case:
    """The measurement of a sample by a fan beam."""
    phantom, truth = grown(sample.data, sample.size, sample.depth, volume)
    fan = FanPhantom(phantom, sample.size, *(times * sample.size * phantom.pixel for times in FAN))
    case = measured_by(fan, truth, views, counts, (volume, 0))

    def seen(lines: LineIntegrals) -> LineIntegrals:
        angles, rows = lines.geometry.angles, lines.values.shape[1]
        return replace(lines, geometry=replace(fan.beam, angles=angles, rows=rows))

    return Case(seen(case.lines), seen(case.others), truth)


def mean_volume(case: Case, label: str) -> np.ndarray:
    """The mean of the validation torsos in the scan's unit, by the words in its label."""
    method = get_method("cls-dm")
    setup = SlabRun(case.lines, method, {}, device="cpu", seed=0).setup
    problem = setup.problem(0, setup.slices)
    aligned = Aligned.of(problem, method.options())
    x = in_means(Volumes(aligned.model.config.side).checks(CHECKS)).mean(dim=0)[0]
    if "affine" in label:
        x = best_affine(x, aligned.data)
    if "no data step" not in label:
        (x,) = ToTheNoise(GaussianStep.of(aligned.data)).solve(x, aligned.data, LAST)
    return (x * aligned.data.top).clamp(min=0).numpy()


def best_affine(x: torch.Tensor, data: Scaled, steps: int = 150) -> torch.Tensor:
    """A volume under the affine map, and the factor, with which it explains the views best (Adam from none)."""
    map_, factor = torch.eye(3, 4)[None].requires_grad_(), torch.ones((), requires_grad=True)
    descent = torch.optim.Adam([map_, factor], lr=0.01)
    for _ in range(steps):
        descent.zero_grad()
        moved = factor * grid_sample(x[None, None], affine_grid(map_, [1, 1, *x.shape], False), align_corners=False)
        data.mean_square(moved[0, 0]).backward()
        descent.step()
    return moved[0, 0].detach()


def steepness(x: torch.Tensor) -> float:
    """Energy of the gradient."""
    return float(sum(x.diff(dim=k).square().sum() for k in range(3)))


def of_samples(case: Case, into: dict[str, float]) -> Callable[[Any], None]:
    """Looks at the last estimate of a run for what only samples have."""
    truth = torch.as_tensor(np.asarray(case.reference))

    def look(last: Any) -> None:
        std = last.extra.get("std")
        into["crps"] = crps(last.array, None if std is None else np.asarray(std), case.reference)
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
    parser.add_argument("--beam", choices=("parallel", "fan"), default="parallel")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--counts", type=float, nargs="+", default=[2000.0, 0.0])
    parser.add_argument("--json", type=Path, default=RESULTS / "quality.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows, beside = Rows(given.json), given.json.with_name("latent.json")
    for counts in (value or None for value in given.counts):
        for data, volume in ((data, volume) for data in given.data for volume in range(given.volumes)):
            sample = Sample(data, given.size, given.size)
            fan = given.beam == "fan"
            case = fan_case(sample, volume, given.views, counts) if fan else sample.case(volume, 0, given.views, counts)
            named = {"data": data, "counts": counts, "volume": volume, "views": given.views}
            for label, (method, options) in variants(given.ldm).items():
                if given.labels and label not in given.labels:
                    continue
                label += ", fan beam" if fan else ""
                condition = _condition(sample, method, label, options, given.views, counts)
                if rows.has(condition, (volume, 0)):
                    continue
                figures: dict[str, float] = {}
                began = time.process_time()
                cell = measure_cell(method, case, 0, options=options, look=of_samples(case, figures))
                figures["cpu_seconds"] = time.process_time() - began
                rows.add(condition, (volume, 0), cell)
                _keep(beside, {**named, "label": label, **figures})
                print(f"{data} {volume} {label}: {cell['psnr']:.2f} dB {cell['coverage90']} {figures}", flush=True)
            for label in ("mean-volume", "mean-volume, affine", "mean-volume, no data step"):
                condition = _condition(sample, "cls-dm", label, {"volume": "mean of validation"}, given.views, counts)
                wanted = not fan and (given.labels is None or label in given.labels)
                if wanted and data == "anatomy" and not rows.has(condition, (volume, 0)):
                    found = mean_volume(case, label)
                    cell = judged(found, None, case)
                    rows.add(condition, (volume, 0), {**cell, "seconds": 0.0, "peak_memory_mb": None})
                    _keep(beside, {**named, "label": label, "crps": crps(found, None, case.reference)})
                    print(f"{data} {volume} {label}: {cell['psnr']:.2f} dB", flush=True)
            label = "truth, fan beam" if fan else "truth"
            _keep(beside, {**named, "label": label, "data_residual": own_residual(case)})


def own_residual(case: Case) -> float:
    """What the truth itself leaves of the views unexplained: their noise."""
    setup = SlabRun(case.lines, get_method("tv"), {}, device="cpu", seed=0).setup
    views = setup.problem(0, setup.slices)
    y, weights = measured(views)
    return relative(views.operator(torch.as_tensor(np.asarray(case.reference))) - y, y, weights)


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
    same = ("data", "counts", "views", "label", "volume")
    rows = [row for row in rows if any(row[name] != figures[name] for name in same)]
    path.write_text(json.dumps([*rows, figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
