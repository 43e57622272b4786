"""A sampler's run: from noise down the one loop, and the mean of what it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ....models.foreign import load_any_prior
from ....models.unrolled import Unrolled
from ....models.weights import load_unrolled, network_kind
from ...classical.fbp import preview
from ...empty import empty_without_object
from ...interface import Estimate, Problem, Settled, Tuning
from ...inverse.gaussian import GaussianStep
from ...inverse.masking import measured, relative
from ...inverse.normalised import scaled
from ...inverse.proposals import nonnegative
from ...selection.picture import Picture
from ...slices import SliceNoise
from ...trained_range import told_of_training
from ..denoiser import Denoiser
from ..loop import diffuse, started
from ..parts import Denoises, Parts
from ..schedule import Level, ladder
from ..start import STAGE as STARTING
from ..start import settled_scale
from .conditioned import Conditioned
from .draws import expected_error
from .options import PosteriorOptions, SamplerOptions


@dataclass(frozen=True, eq=False)
class Setting:
    """What a sampler is composed from.

    Parameters
    ----------
    levels : list of Level
    denoiser : Denoiser or Conditioned
        The latter where the options name a network that knows the measurement: only of samplers that offer one.
    step : GaussianStep
    noise : SliceNoise
        Of the reverse process: whatever draws shares it, so that a resumed run goes on with the same noise.
    """

    levels: list[Level]
    denoiser: Denoises
    step: GaussianStep
    noise: SliceNoise

    @property
    def heard(self) -> bool:
        """Whether the denoiser's images have heard the data already."""
        return isinstance(self.denoiser, Conditioned)


Compose = Callable[[Any, Setting], Parts]
"""``compose(options, setting)``: the parts of a sampler."""


def solver(compose: Compose) -> Callable[[Problem, Any], Iterator[Estimate]]:
    """The function ``solve(problem, options)`` of the sampler that is composed so."""

    @empty_without_object
    @torch.no_grad()
    def solve(problem: Problem, options: SamplerOptions) -> Iterator[Estimate]:
        """Draw samples; one estimate per noise level."""
        y, weights = measured(problem)
        data = scaled(problem, float(options.scale))
        noise = SliceNoise.of(problem)
        denoiser, chosen = _denoiser(problem, options), told_of_training(data, options.prior)
        levels = ladder(options.steps, options.first_noise, options.last_noise)
        parts = compose(options, Setting(levels, denoiser, GaussianStep.of(data), noise))
        process = started(parts, torch.zeros_like(data.back), noise, samples=options.samples, start="noise")
        if problem.state is not None:
            parts.restore(problem.state)
            process.restore(problem.state)
        for event in diffuse(parts, data, process):
            samples = process.x.reshape(-1, *data.back.shape)
            mean = samples.mean(dim=0)
            if options.positivity and event.done and process.step == len(levels):
                mean = nonnegative(mean, data, (expected_error(levels[-1].sigma) / data.noise) ** 2)
            elif options.positivity:
                mean = mean.clamp(min=0)
            extra = {"std": samples.std(dim=0) * data.top} if len(samples) > 1 else {}
            state = {**process.state(), **parts.state()} if event.done else None
            scalars = {**event.scalars, "scale": data.top}
            if event.done:
                scalars["data_residual"] = relative(problem.operator(mean * data.top) - y, y, weights)
            yield Estimate(mean * data.top, process.step, len(levels), event.stage, scalars, state, chosen, extra)

    return solve


def _denoiser(problem: Problem, options: SamplerOptions) -> Denoises:
    """What is denoised with."""
    device, slices = problem.operator.device, len(problem.data)
    if not (isinstance(options, PosteriorOptions) and network_kind(options.prior) == Unrolled.kind):
        return Denoiser.of(load_any_prior(options.prior, device), slices)
    return Conditioned(load_unrolled(options.prior, device), slices)


def tune(problem: Problem, options: SamplerOptions) -> Tuning[SamplerOptions]:
    """Settle the scale."""
    yield Picture(preview(problem)).estimate(0, options.steps, STARTING)
    chosen = {"scale": settled_scale(problem, options.scale)}
    return Settled(options.taking(chosen), chosen)
