"""CLS-DM against what else two views give, on simulated torsos: `python benchmarks/latent_two_views.py --weights W`.

PSNR in dB of the range of the truth. Every row but the two that say so ends with the same data step. "biplanar" is the
regression that the alignment stage trains: the decoded aligned latent. "mean-volume" is the mean of validation torsos,
brought to the mean attenuation of the views.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.schedule import Level
from fewview.methods.interface import Problem
from fewview.methods.inverse.consistency import ProximalCG
from fewview.methods.inverse.normalised import scaled
from fewview.methods.latent.method import ERROR
from fewview.methods.latent.seen import Rays, seen_of
from fewview.models.latent.model import load_latent
from fewview.operators import parallel_beam
from fewview.simulate import Simulation, simulate
from fewview.training.latent import check_volumes

LAST = Level(0, 1, 0.99, 1.0)


def problem_of(phantom: str, seed: int, views: int, counts: float, side: int) -> tuple[Problem, torch.Tensor]:
    """A simulated scan of ``views`` views as a problem, and its truth."""
    done = simulate(Simulation(phantom=phantom, size=side, views=views, counts=counts, xray_views=0, seed=seed))
    scan = done.neutron
    seen = np.maximum(scan.projections / scan.flats.mean(), 1e-4).astype(np.float32)
    y = torch.from_numpy(-np.log(seen).transpose(1, 0, 2).copy())
    weights = torch.from_numpy(seen.transpose(1, 0, 2).copy()) if counts else None
    A = parallel_beam(scan.angles, side, side, pixel=done.pixel)
    return Problem(A, y, None if weights is None else weights / weights.mean(), seed=seed), torch.from_numpy(
        done.truth_neutron
    )


def psnr(x: torch.Tensor, truth: torch.Tensor) -> float:
    """Of the range of the truth, in dB."""
    return float(10 * torch.log10((truth.max() - truth.min()) ** 2 / (x - truth).square().mean()))


def compared(phantom: str, seed: int, views: int, counts: float, weights: str, samples: int) -> dict[str, float]:
    """Figures of one scan."""
    model = load_latent(weights)
    side = model.config.side
    problem, truth = problem_of(phantom, seed, views, counts, side)
    A = problem.operator
    seen, unit = seen_of(problem, Rays.of(A, side), side)
    data = scaled(problem, float(unit))

    def fitted(x: torch.Tensor) -> torch.Tensor:
        (image,) = ProximalCG(20, (ERROR / data.noise) ** 2).solve(x / data.top, data, LAST)
        return image * data.top

    with torch.no_grad():
        biplanar = model.decode(model.alignment.aligned(model.alignment(seen)))[0, 0] * data.top
    mean = check_volumes(side).mean(dim=0)[0] * data.top
    *_, tv = get_method("tv").run(problem, get_method("tv").options())
    started = time.process_time()
    *_, ours = get_method("cls-dm").run(problem, get_method("cls-dm").options(weights=weights, samples=samples))
    seconds = time.process_time() - started
    *_, paper = get_method("cls-dm-paper").run(problem, get_method("cls-dm-paper").options(weights=weights))
    volumes = {
        "cls-dm": ours.volume,
        "cls-dm, one sample": ours.extra["sample_1"],
        "cls-dm-paper, no data step": paper.volume,
        "biplanar": fitted(biplanar),
        "biplanar, no data step": biplanar,
        "mean-volume": fitted(mean),
        "mean-volume, no data step": mean,
        "tv": torch.as_tensor(tv.volume),
    }
    figures = {name: psnr(volume, truth) for name, volume in volumes.items()}
    third = parallel_beam(np.array([np.pi / 4]), side, side, pixel=A.volume.voxel)
    unseen = {name: float((third(volumes[name] - truth)).norm()) for name in ("cls-dm", "mean-volume, no data step")}
    std = ours.extra["std"] * (1 + 1 / samples) ** 0.5
    body = truth > 0.1 * truth.max()
    inside = (ours.volume - truth).abs() <= 1.645 * std + 1e-9

    def edges(x: torch.Tensor) -> float:
        return float(sum(x.diff(dim=k).square().sum() for k in range(3)))

    return figures | {
        "unseen view, error over the mean volume's": unseen["cls-dm"] / unseen["mean-volume, no data step"],
        "coverage of 90 % in the body": float(inside[body].float().mean()),
        "gradient energy of a sample over the truth's": edges(ours.extra["sample_1"]) / edges(truth),
        "data residual": float(ours.scalars["data_residual"]),
        "says unlike": float(any("unlike" in sentence for sentence in ours.chosen["outside_training"])),
        "CPU seconds": seconds,
    }


def main() -> None:
    """Print a table of means over the scans, and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="cls-dm")
    parser.add_argument("--data", nargs="+", default=["anatomy", "microstructure"])
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--counts", type=float, nargs="+", default=[0.0, 2000.0])
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    kept = {}
    for phantom in given.data:
        for counts in given.counts:
            rows = [
                compared(phantom, seed, given.views, counts, given.weights, given.samples)
                for seed in range(given.volumes)
            ]
            kept[f"{phantom}, {counts:g} counts"] = rows
            print(f"\n{phantom}, {given.views} views, {counts:g} counts, {len(rows)} volumes")
            for name in rows[0]:
                values = np.array([row[name] for row in rows])
                print(f"  {name:50s} {values.mean():8.3f} +- {values.std():.3f}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
