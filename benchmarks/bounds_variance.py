"""The variance identity: what a mean errs by, how far samples lie apart, and what one sample errs by.

Of a sampler that draws from the posterior, the mean errs by the variance of the samples, and one sample by twice as
much: its PSNR plus 3.01 dB is that of the best answer there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.models.weights import load_unrolled
from fewview.quality import coverage, honest_factor
from fewview.training.unrolled_spread import DRAWN, mean_and_samples, spread_about
from fewview.training.unrolled_validate import VIEWS, validation_case

KIND, SIDE = "materials", 64
COUNTED = {"unrolled": ((4, *VIEWS), 8), "d3ip": (VIEWS, 2)}
"""Numbers of views, and how many samples; `d3ip` takes longer."""
BESIDE = ("tv", "mbir", "inr")
"""Methods that have learnt nothing: how far they are below the bound is the most that anything can gain over them."""
D3IP = {"prior": "materials", "start_iterations": 10, "beside": "none"}


def rows(minutes: float, pool: Path | None) -> Iterator[dict[str, Any]]:
    """Of validation samples; beside `unrolled` what methods that have learnt nothing err by."""
    net = load_unrolled("unrolled-materials")
    for method, (numbers, count) in COUNTED.items():
        for index in range(count):
            for views in numbers:
                problem, truth = validation_case(KIND, index, views, SIDE)
                mean, samples = mean_and_samples(net, problem) if method == "unrolled" else _d3ip(problem)
                beside = _beside(problem, truth) if method == "unrolled" else {}
                yield {"method": method, "index": index, "views": views, **_figures(truth, mean, samples), **beside}


def _beside(problem: Problem, truth: Tensor) -> dict[str, Any]:
    """Squared errors in parts of the squared range, with the settings that each method chooses."""
    errors, power = {}, float(truth.max() - truth.min()) ** 2
    for name in BESIDE:
        method = get_method(name)
        *_, last = method.run(replace(problem, state=None), method.options.parse({}))
        errors[name] = float((torch.as_tensor(last.volume) - truth).square().mean()) / power
    return {"beside": errors}


def _d3ip(problem: Problem) -> tuple[Tensor, Tensor]:
    """The mean of eight samples, and two single ones of other seeds."""
    method = get_method("d3ip")
    volumes = []
    for seed, samples in ((0, DRAWN), (1, 1), (2, 1)):
        options = method.options.parse({**D3IP, "samples": samples})
        *_, last = method.run(replace(problem, seed=seed, state=None), options)
        volumes.append(torch.as_tensor(last.volume).clone())
    return volumes[0], torch.stack(volumes[1:])


def _figures(truth: Tensor, mean: Tensor, samples: Tensor) -> dict[str, Any]:
    """Squared errors and variance in parts of the squared range, and what intervals of 90 % cover."""
    power = float(truth.max() - truth.min()) ** 2
    found: dict[str, Any] = {
        "error_of_mean": float((mean - truth).square().mean()) / power,
        "error_of_one": float((samples - truth).square().mean()) / power,
        "variance": float(samples.var(dim=0).mean()) / power,
    }
    if len(samples) == DRAWN:
        arrays = mean.numpy(), spread_about(mean, samples).numpy(), truth.numpy()
        found["coverage90"] = round(coverage(*arrays), 4)
        found["structure90"] = round(coverage(*arrays, structure=True), 4)
        found["honest_factor"] = round(honest_factor(*arrays), 4)
    return found
