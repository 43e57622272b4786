"""What the samples do not show: the fluctuations that data and proposal leave open at the end of a run."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..inverse.consistency import noise_aware
from ..inverse.masking import reciprocal
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal, data_consistent
from ..selection.coarse import coarseness
from ..slices import TOGETHER, SliceNoise
from .schedule import Level

DRAWS = 8  # their variance is right to a third at a pixel, and to a tenth after smoothing
WINDOW = 5  # pixels of the smoothing: the variance of a fluctuation varies slowly
FEWEST = 2  # draws of a large slice: of pixels half as wide, half as many and twice the window are as right
ITERATIONS = 10  # of conjugate gradients, for each draw


def iterations_of(grid: int) -> int:
    """Iterations of conjugate gradients for all draws, by the pixels a side."""
    return ITERATIONS * _draws(grid)


def _draws(grid: int) -> int:
    return max(FEWEST, DRAWS // coarseness(grid))


def open_variance(data: Scaled, level: Level, noise: SliceNoise, draws: int = 0) -> Tensor:
    """Variance of a voxel, given the last proposal of the network.

    The last data step is the mean of a Gaussian: errors of the proposal are white, of the size that the step expects;
    those of the data are their noise. Draws from that Gaussian are data steps with such errors as data (perturb and
    optimise; Papandreou and Yuille, NeurIPS 2010). The samples of a run differ in their proposals alone: by the law of
    total variance, this adds to their variance.

    Parameters
    ----------
    data : Scaled
    level : Level
        The last one.
    noise : SliceNoise
    draws : int
        :data:`DRAWS` when not given, and fewer of large slices.

    Returns
    -------
    Tensor, shape (slices, y, x)
        In units of the object's maximum, squared.
    """
    expected = float(noise_aware(1.0, data, level)) ** 0.5 * data.noise  # error of the proposal
    image = data.back
    variance = torch.zeros_like(image)
    factor = coarseness(data.operator.grid)
    draws = draws or _draws(data.operator.grid)
    together = max(1, TOGETHER // len(image))
    for begin in range(0, draws, together):
        count = min(together, draws - begin)
        pairs = [(noise(image), noise(data.y)) for _ in range(count)]
        white, errors = (torch.cat(part) for part in zip(*pairs, strict=True))
        weights = None if data.weights is None else data.weights.repeat(count, 1, 1)
        errors = data.noise * (errors if weights is None else reciprocal(weights, 0).sqrt() * errors)
        proposal = Proposal(expected * white, 1 / expected**2)
        given = replace(data, y=errors, weights=weights)
        drawn = data_consistent([proposal], given, ITERATIONS, torch.zeros_like(white))
        variance += drawn.square().unflatten(0, (count, -1)).sum(dim=0) / draws
    pad = WINDOW * factor // 2
    padded = torch.nn.functional.pad(variance[:, None], (pad,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 2 * pad + 1, 1)[:, 0]
