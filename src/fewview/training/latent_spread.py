"""What the scatter of a latent model's samples is worth, found on validation volumes: a factor for its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..methods.interface import Problem
from ..methods.latent.method import CLS_DM
from .latent import CHECKS, LatentTraining
from .latent_volumes import Measurements, Volumes, measured

CALIBRATED = 8
"""Validation volumes, none of which the figures of the training have seen."""
SAMPLES = 16
WANTED = 0.9
INTERVAL = 1.645
"""Standard deviations on either side that hold :data:`WANTED` of a normal distribution."""
BODY = 0.1
"""Of the maximum: less attenuation than that is air, where every interval holds."""


def latent_spread(path: Path, options: LatentTraining, side: int) -> float:
    """Factor of the standard deviation at which 90 % of the voxels of bodies lie within their 90 % intervals.

    Parameters
    ----------
    path : Path
        Weights of the last stage.
    options : LatentTraining
        A training on a user's own volumes is calibrated on those of them that it has not seen, in turn.
    side : int
        Voxels a side.

    Returns
    -------
    float
        1 where the spread of the samples is honest as it is.
    """
    rng = np.random.default_rng(0)
    checks = Volumes(side, options.volumes).checks(CALIBRATED, first=CHECKS)
    A, _ = Measurements(side, torch.device("cpu")).of((0.0, np.pi / 2))
    ratios = []
    for number in range(CALIBRATED):
        x = checks[number % len(checks), 0]
        views = measured(x[None, None], A, rng)
        problem = Problem(A, views.data, views.weights, seed=number)
        *_, last = CLS_DM.run(problem, CLS_DM.options(weights=str(path), samples=SAMPLES, answer="network"))
        inside = x > BODY * x.max()
        std = torch.as_tensor(last.extra["std"])[inside].clamp(min=1e-9)
        ratios.append((torch.as_tensor(last.volume)[inside] - x[inside]).abs() / std)
    return factor_of(torch.cat(ratios))


def factor_of(ratios: Tensor) -> float:
    """The factor, from errors over standard deviations."""
    return round(float(ratios.kthvalue(max(1, round(WANTED * len(ratios)))).values) / INTERVAL, 3)
