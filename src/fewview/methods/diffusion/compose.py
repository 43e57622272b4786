"""From options to parts, and the run: start, choices, the loop, and estimates in the unit of the problem."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...models.weights import load_prior
from ..classical.fbp import preview
from ..interface import Estimate, Problem
from .adapt import Adapter, Settings
from .consistency import Consistency, PlainCG, ProximalCG, TVz
from .denoiser import Denoiser
from .loop import Parts, Walk, diffuse
from .options import DiffusionOptions
from .renoise import ddim, slerp
from .reuse import Reuse
from .scaled import Scaled, robust_maximum, scaled
from .schedule import levels
from .start import first_volume, least_squares, noised


def run(problem: Problem, options: DiffusionOptions) -> Iterator[Estimate]:
    """Reconstruct with a diffusion prior; one estimate per diffusion step and per adaptation step."""
    shown = preview(problem)
    yield Estimate(shown, 0, options.steps, "starting")
    device = problem.operator.device
    denoiser = Denoiser.of(load_prior(options.prior, device), len(problem.data))
    generator = torch.Generator().manual_seed(problem.seed)
    if problem.state is None:
        first, chosen = yield from first_volume(problem, options.start, shown)
        chosen["scale"] = robust_maximum(least_squares(problem)) if options.scale == "auto" else options.scale
        chosen |= {"t_start": 350 if options.t_start == "auto" else options.t_start}
        chosen |= {"trust": 1.0 if options.trust == "auto" else options.trust}
    else:
        first, chosen = shown, dict(problem.state["chosen"])
    settled = options.model_copy(update={k: v for k, v in chosen.items() if k in type(options).model_fields})
    data = scaled(problem, chosen["scale"])
    parts = parts_of(settled, denoiser, generator)
    walk = started(settled, parts, first / data.top, generator)
    if problem.state is not None:
        parts.restore(problem.state)
        walk.restore(problem.state)
    for moment in diffuse(parts, data, walk):
        volume, _ = summary(walk.x, data, options.positivity)
        state = {**walk.state(), **parts.state(), "chosen": chosen} if moment.done else None
        yield Estimate(volume, walk.step, len(parts.levels), moment.stage, moment.scalars, state, chosen)


def parts_of(options: DiffusionOptions, denoiser: Denoiser, generator: torch.Generator) -> Parts:
    """The parts that options without any "auto" stand for."""
    adapter = None
    if options.adaptation != "none":
        settings = Settings(
            inner=options.inner,
            rank=options.rank,
            biases=options.adaptation == "lora+biases",
            slices=options.slices,
            rate=options.rate,
            decay=options.decay,
            every=options.every,
            last=options.adapt_last,
            persistent=options.persistent,
            direction=options.direction,
            tv=options.loss_tv,
            withhold=options.withhold,
        )
        inside = (
            PlainCG(options.loss_steps) if options.consistency != "proximal" else _proximal(options, options.loss_steps)
        )
        adapter = Adapter(settings, denoiser, inside, generator)
    return Parts(
        levels=levels(options.steps, int(options.t_start)),
        denoiser=denoiser,
        consistency=_consistency(options, denoiser.slices),
        rule=ddim(0.0) if options.calls else slerp(options.eta) if options.noise == "slerp" else ddim(options.eta),
        adapter=adapter,
        reuse=Reuse(options.calls) if options.calls else None,
    )


def started(options: DiffusionOptions, parts: Parts, first: Tensor, generator: torch.Generator) -> Walk:
    """The walk at its first level; ``first`` is the first volume in units of the object's maximum."""
    first = first.clamp(-0.1, 1.2).repeat(options.samples, 1, 1)
    walk = Walk(first, first, generator)
    walk.x_t = noised(first, parts.levels[0], walk.white(), options.start, options.omega)
    return walk


def summary(x: Tensor, data: Scaled, positivity: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean and standard deviation over the samples, in the unit of the problem."""
    samples = (x.clamp(min=0) if positivity else x).reshape(-1, len(data.y), *x.shape[1:]) * data.top
    if len(samples) == 1:
        return samples[0], {}
    return samples.mean(dim=0), {"std": samples.std(dim=0)}


def _consistency(options: DiffusionOptions, slices: int) -> Consistency:
    if options.consistency == "cg":
        return PlainCG(options.data_steps)
    if options.consistency == "proximal":
        return _proximal(options, options.data_steps)
    return TVz(slices, options.rho, options.along_z, options.data_steps, options.sweeps)


def _proximal(options: DiffusionOptions, iterations: int) -> ProximalCG:
    return ProximalCG(iterations, options.gamma or None, float(options.trust))
