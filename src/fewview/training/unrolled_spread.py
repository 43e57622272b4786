"""How far the samples of an unrolled network lie apart, against what its answers really err by: on validation seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.normalised import robust_maximum, scaled
from ..methods.slices import SliceNoise
from ..methods.supervised.posterior import SIDE, posterior_sample
from ..models.symmetries import TURNS
from ..models.unrolled import Unrolled
from ..quality import honest_factor
from .sources import Kind
from .unrolled_validate import validation_case

DRAWN, STEPS = 8, 12  # samples, and calls for each: as `unrolled` is advised to
VIEWS = (4, 8, 16, 32, 64)


@torch.no_grad()
def mean_and_samples(net: Unrolled, problem: Problem, count: int = DRAWN, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """What a network answers, and objects that it draws, as `unrolled` does.

    Parameters
    ----------
    net : Unrolled
    problem : Problem
        Of one stack of neighbouring slices.
    count, steps : int
        Samples, and calls of the network for each.

    Returns
    -------
    mean : Tensor, shape (slices, y, x)
        Over the eight positions of the regression, in the unit of the problem.
    samples : Tensor, shape (count, slices, y, x)
    """
    data = scaled(problem, robust_maximum(least_squares(problem)))
    depth = len(data.y)
    mean = net(data, depth, turns=range(TURNS)).unflatten(0, (TURNS, -1)).mean(dim=0)
    noise, samples = SliceNoise(problem.seed, depth), []
    for number in range(count):

        def answer(state: Tensor, sigma: float, turn: int = number % TURNS) -> Tensor:
            image: Tensor = net(data, depth, state=state, sigma=sigma, turns=(turn,))
            return image

        *_, sample = posterior_sample(answer, mean, steps, noise)
        samples.append(sample)
    return mean * data.top, torch.stack(samples) * data.top


def spread_about(mean: Tensor, samples: Tensor) -> Tensor:
    """Standard deviation of samples about a mean that is nearer to the posterior's than their own."""
    return (samples - mean).square().mean(dim=0).sqrt()


def honest_spread(
    net: Unrolled, kinds: Iterable[Kind], tell: Callable[[str], None] = lambda _: None, samples: int = 3
) -> dict[str, float]:
    """What to multiply the standard deviation of the samples by, so that intervals of 90 % hold 90 %.

    Parameters
    ----------
    net : Unrolled
    kinds : iterable of Kind
        Of the validation samples: all that the network was trained on, for one that has seen several errs by most on
        the kinds that it knows least.
    tell : callable, optional
        Takes a line of progress for each number of views.
    samples : int
        Of each kind and number of views.

    Returns
    -------
    dict
        By number of views of slices of :data:`SIDE` pixels; the geometric mean over kinds and samples.
    """
    found, cases = {}, list(product(kinds, range(samples)))
    for views in VIEWS:
        tell(f"spread of the samples with {views} views")
        factors = []
        for kind, index in cases:
            problem, truth = validation_case(kind, index, views, SIDE)
            mean, drawn = mean_and_samples(net, problem)
            factors.append(honest_factor(mean.numpy(), spread_about(mean, drawn).numpy(), truth.numpy()))
        found[str(views)] = round(float(np.exp(np.mean(np.log(factors)))), 3)
    return found
