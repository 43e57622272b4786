"""What the samples do not show: the fluctuations that data and proposal leave open at the end of a run."""

from __future__ import annotations

import torch
from torch import Tensor

from ...operators.krylov import cg
from ..inverse.consistency import noise_aware
from ..inverse.normalised import Scaled
from .schedule import Level

DRAWS = 8  # their variance is right to a third at a pixel, and to a tenth after smoothing
WINDOW = 5  # pixels of the smoothing: the variance of a fluctuation varies slowly
ITERATIONS = 10


def open_variance(data: Scaled, trust: float, level: Level, generator: torch.Generator, draws: int = DRAWS) -> Tensor:
    """Variance of a voxel, given the last proposal of the network.

    The last data step is the mean of a Gaussian: errors of the proposal are white, of the size that the step expects;
    those of the data are their noise. Draws from that Gaussian are data steps with such errors as data (perturb and
    optimise; Papandreou and Yuille, NeurIPS 2010). The samples of a run differ in their proposals alone: by the law of
    total variance, this adds to their variance.

    Parameters
    ----------
    data : Scaled
    trust : float
    level : Level
        The last one.
    generator : Generator
        On the CPU.
    draws : int

    Returns
    -------
    Tensor, shape (slices, y, x)
        In units of the object's maximum, squared.
    """
    gamma = noise_aware(trust, data, level)
    expected = float(gamma) ** 0.5 * data.noise  # of the proposal
    image = data.back
    variance = torch.zeros_like(image)
    for _ in range(draws):
        white = torch.randn(image.shape, generator=generator, dtype=image.dtype).to(image.device)
        noise = torch.randn(data.y.shape, generator=generator, dtype=image.dtype).to(image.device)
        noise = noise if data.weights is None else noise * data.weights.sqrt()
        b = expected * white + gamma * data.noise * data.adjoint(noise)
        drawn = cg(lambda x: x + gamma * data.normal(x), b, torch.zeros_like(b), ITERATIONS)
        variance += drawn.square() / draws
    pad = WINDOW // 2
    padded = torch.nn.functional.pad(variance[:, None], (pad,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, WINDOW, 1)[:, 0]
