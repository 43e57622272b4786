"""How good an unrolled network is on validation seeds, at fixed numbers of views."""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.normalised import robust_maximum, scaled
from ..models.unrolled import Unrolled
from ..simulate.seeds import nth
from .acquisitions import measured
from .sources import MAKERS, Kind
from .specimens import halved, specimens

VIEWS = (8, 16, 32)
COUNTS = 2000.0


@lru_cache(maxsize=64)
def validation_case(kind: Kind, index: int, views: int, side: int, depth: int = 3) -> tuple[Problem, Tensor]:
    """A validation sample measured at 2000 counts over 180 degrees, and its truth in units of the problem."""
    blocks = MAKERS[kind](nth("validation", index), 2 * side)
    rng = np.random.default_rng([index, views, 77])
    fine, _ = specimens([blocks[index % len(blocks)]], side, 1, depth, rng)
    angles = np.arange(views) * np.pi / views
    once = {"counts": (COUNTS, COUNTS), "thickness": (2.0, 2.0), "noiseless": 0.0}
    problem = measured(fine, angles, rng, **once)  # type: ignore[arg-type]
    assert problem.state is not None
    return problem, halved(fine) * problem.state["peak"]


@torch.no_grad()
def unrolled_psnr(net: Unrolled, kind: Kind, side: int, samples: int = 4) -> dict[str, float]:
    """PSNR in dB (of the volume's range, mean over samples) at :data:`VIEWS`, on the CPU."""
    net = copy.deepcopy(net).cpu()
    out = {}
    for views in VIEWS:
        values = []
        for index in range(samples):
            problem, truth = validation_case(kind, index, views, side)
            data = scaled(problem, robust_maximum(least_squares(problem)))
            image = net(data, len(truth)) * data.top
            mse = float((image - truth).double().square().mean())
            values.append(20 * np.log10(float(truth.max() - truth.min())) - 10 * np.log10(mse))
        out[str(views)] = round(float(np.mean(values)), 3)
    return out
