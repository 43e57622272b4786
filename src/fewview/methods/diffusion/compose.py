"""From options to parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..interface import Problem
from ..inverse.consistency import Consistency, PlainCG, ProximalCG, TVz, noise_aware
from ..inverse.normalised import Scaled
from ..inverse.proposals import NONNEGATIVE, approaching_nonnegative
from ..slices import SliceNoise
from ..stages import work
from .adapt import Adapter
from .choices import DataStep, LowRank, LowRankBiases, PlainStep, ProximalStep
from .denoiser import Denoiser
from .dinr import DinrOptions, field_step, field_work
from .guide import CrossModalGuide
from .options import DiffusionOptions
from .parts import Parts
from .posterior_variance import iterations_of, open_variance
from .renoise import ddim, slerp
from .reuse import Reuse
from .schedule import Level, levels

RULES = {"slerp": slerp, "ddim": ddim}
NETWORK = 2400.0
"""Work of one pass through the network, per pixel: measured against TV's iterations, both on one core (0.25 s for 272
pixels a side)."""
GRADIENT = 3.0
"""Passes that a gradient step of the adaptation is worth."""


def parts_of(
    options: DiffusionOptions,
    denoiser: Denoiser,
    generator: torch.Generator,
    guide: CrossModalGuide | None = None,
    first: Tensor | None = None,
    *,
    seed: int = 0,
    levels: Sequence[Level] | None = None,
    adapter: Adapter | None = None,
) -> Parts:
    """The parts that settled options stand for.

    Parameters
    ----------
    options : DiffusionOptions
    denoiser : Denoiser
        Of this run alone where ``options`` adapt it.
    generator : Generator
        Draws what an adaptation looks at; on the CPU.
    guide : CrossModalGuide, optional
    first : Tensor, shape (slices, y, x), optional
        First volume in units of the object's maximum, for the field of DINR; without it (in trials of settings) the
        samples' own data step stands for that of the field.
    seed : int
        Of the field.
    levels : sequence of Level, optional
        Those of the options when not given.
    adapter : Adapter, optional
        That has begun to adapt the denoiser; a new one where it is wanted and not given.

    Returns
    -------
    Parts
        For :func:`fewview.methods.diffusion.loop.diffuse`.
    """
    chosen = options.adaptation
    if adapter is None and isinstance(chosen, LowRank | LowRankBiases):
        inside = _consistency(options.data_step, denoiser.slices, chosen.loss_steps)
        adapter = Adapter(chosen, denoiser, inside, generator)
    consistency = _consistency(options.data_step, denoiser.slices)
    if isinstance(options, DinrOptions) and first is not None:
        consistency = field_step(options, first, seed, float(options.trust), consistency)
    return Parts(
        levels=levels_of(options) if levels is None else levels,
        denoiser=denoiser,
        consistency=consistency,
        rule=ddim(0.0) if options.calls else RULES[options.noise.kind](options.noise.eta),
        adapter=adapter,
        proposers=() if guide is None else (guide,),
        reuse=Reuse(options.calls) if options.calls else None,
    )


def levels_of(options: DiffusionOptions) -> list[Level]:
    """The noise levels that the options ask for."""
    return levels(options.steps, int(options.t_start), options.spacing)


def steps_work(options: DiffusionOptions, problem: Problem, count: int) -> float:
    """Work of some of the steps that the options ask for, in the unit of :func:`fewview.methods.stages.work`.

    Parameters
    ----------
    options : DiffusionOptions
    problem : Problem
    count : int
        How many steps.

    Returns
    -------
    float
        Of network, data steps, adaptation and, of DINR, the field together.
    """
    slices = len(problem.data)
    pass_ = NETWORK * slices * problem.operator.grid**2
    steps = count * options.samples * (pass_ + work(problem, options.data_step.iterations))
    if isinstance(options, DinrOptions):
        steps += field_work(options, problem, count)
    chosen = options.adaptation
    if not isinstance(chosen, LowRank | LowRankBiases):
        return steps
    seen = slices if chosen.slices == 0 else min(chosen.slices, slices)
    adapting = -(-count // chosen.every) * chosen.inner
    return steps + adapting * seen / slices * (GRADIENT * pass_ + 2 * work(problem, chosen.loss_steps))


def ending_work(options: DiffusionOptions, problem: Problem) -> float:
    """Work of what :func:`summary` does at the end of a run, in the same unit."""
    iterations = NONNEGATIVE if options.positivity else 0
    if options.samples > 1 and _leaves_open(options):
        iterations += iterations_of(problem.operator.grid)
    return work(problem, iterations)


def _leaves_open(options: DiffusionOptions) -> bool:
    """Whether the last data step is the mean of a Gaussian, whose variance the samples do not show."""
    return isinstance(options.data_step, ProximalStep) and not options.data_step.gamma


def beginning(options: DiffusionOptions) -> dict[str, Any]:
    """How the reverse process is :func:`~fewview.methods.diffusion.loop.started`."""
    return {"samples": options.samples, "start": options.start, "omega": options.omega}


def summary(
    x: Tensor, data: Scaled, options: DiffusionOptions, ends: Level | None = None, noise: SliceNoise | None = None
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Mean and standard deviation over the samples, in the unit of the problem.

    Parameters
    ----------
    x : Tensor, shape (samples * slices, y, x)
    data : Scaled
    options : DiffusionOptions
        Settled.
    ends : Level, optional
        At the end of a run, its last level: then positivity costs the data nothing (before, values are clipped), and
        the deviation can hold what the samples do not show, too.
    noise : SliceNoise, optional
        For that; not asked where it is not given.

    Yields
    ------
    tuple
        The mean, and what there is beside it. At the end of a run the mean becomes non-negative step by step; the last
        is the summary.
    """
    samples = x.reshape(-1, len(data.y), *x.shape[1:])
    mean = samples.mean(dim=0)  # before positivity: each sample clipped alone would add the noise's positive part
    std = samples.std(dim=0) if len(samples) > 1 else None
    if options.positivity and ends is None:
        mean = mean.clamp(min=0)
    elif options.positivity and ends is not None:
        gamma, signed = noise_aware(float(options.trust), data, ends), mean
        for mean in approaching_nonnegative(signed, data, gamma):
            yield mean * data.top, _deviation(std, data)
    if std is not None and ends is not None and noise is not None and _leaves_open(options):
        # A trust other than 1 makes up for the number of steps; the error of the last proposal is that of its level.
        std = (std.square() + open_variance(data, ends, noise)).sqrt()
    yield mean * data.top, _deviation(std, data)


def _deviation(std: Tensor | None, data: Scaled) -> dict[str, Tensor]:
    return {} if std is None else {"std": std * data.top}


def _consistency(step: DataStep, slices: int, inside: int | None = None) -> Consistency:
    """The data step; with so many iterations ``inside``, the one within the loss of an adaptation."""
    iterations = step.iterations if inside is None else inside
    if isinstance(step, ProximalStep):
        return ProximalCG(iterations, step.gamma or None, float(step.trust))
    if isinstance(step, PlainStep) or inside is not None:
        return PlainCG(iterations)
    return TVz(slices, step.penalty, step.weight, iterations, step.sweeps, float(step.trust))
