"""Supervised post-processing: a network cleans a first reconstruction once, and the data have the last word."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models.prior import SIGMA_POSTNET
from ...models.weights import load_prior, prior_reach
from ...models.window import asked
from ...options import Auto, option
from ..budget import BudgetOptions, Pacing
from ..classical.fbp import preview
from ..common_options import positivity_option, scale_option, start_iterations_option
from ..diffusion.denoiser import Denoiser, batch_bytes, batches
from ..diffusion.schedule import Level
from ..diffusion.start import STAGE as STARTING
from ..diffusion.start import first_volume, settled_scale, tuned_start
from ..empty import empty_without_object, nothing_there
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.consistency import ProximalCG, noise_aware
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..inverse.proposals import nonnegative
from ..inverse.window import window_around
from ..missing import missing_weights
from ..selection.coarse import settled_coarsely
from ..selection.comparison import best_setting
from ..selection.held_out import hold_out, prediction_errors
from ..selection.picture import Picture
from ..slices import central, central_slices
from ..stages import Stages, work
from ..trained_range import told_of_training

TRUSTS = (1.0, 0.35, 0.5, 0.7, 1.4, 2.0, 4.0)  # tried by "auto"; the first is the default
NETWORK = 1500.0
"""Work of the pass through the network, per pixel of the whole image: of large slices it sees less, of small ones all
(tooth, 640 pixels: as long as 11 iterations of CGLS, and 20 without a window)."""
PROBED = 0.25
"""Part of the iterations that the pace is measured on."""
LEVEL = Level(0, 1, 1 / (1 + SIGMA_POSTNET**2), 1.0)  # what the network was trained at, and errs by, about


class PostnetOptions(BudgetOptions):
    """Options of the supervised network."""

    weights: str = option(
        "postnet",
        "Network",
        "The network that cleans the first reconstruction: the name of shipped weights, or the path of "
        "weights that `fewview train prior --set task=postnet` wrote.",
        offers=("postnet",),
    )
    data_steps: int = option(
        8,
        "Data step: iterations",
        "The number of conjugate gradient iterations that bring the network's image into agreement with the "
        "data. More fit the data better; 0 leaves the image as it is.",
        ge=0,
    )
    trust: float | Auto = option(
        "auto",
        "Data step: trust",
        "How far the network is believed against the data: a larger value believes the network more, a "
        "smaller one the data. Auto chooses the value that predicts held-out views best.",
        gt=0,
    )
    start_iterations: int | Auto = start_iterations_option()
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()


@settled_coarsely
@torch.no_grad()
def tune(problem: Problem, options: PostnetOptions) -> Tuning[PostnetOptions]:
    """Settle start and scale; choose the trust by held-out views."""
    picture = Picture(preview(problem), of=problem)
    yield picture.estimate(0, 3, STARTING)
    chosen: dict[str, Any] = {"scale": settled_scale(problem, options.scale)}
    stages = Stages({STARTING: 1.0, "choosing the trust": 1.0})
    chosen |= yield from stages.within(STARTING, tuned_start(problem, "cgls", options))
    if options.trust == "auto":
        trust = _chosen_trust(problem, options.taking(chosen), picture)
        chosen |= yield from stages.within("choosing the trust", trust)
    return Settled(options.taking(chosen), chosen)


def _chosen_trust(
    problem: Problem, options: PostnetOptions, picture: Picture
) -> Generator[Estimate, None, dict[str, Any]]:
    if not options.data_steps or nothing_there(problem):
        return {"trust": TRUSTS[0]}
    prior, scale = load_prior(options.weights, problem.operator.device), float(options.scale)
    near = Denoiser(prior, 1).reach > 0
    given, held = hold_out(central(problem, 2, near))
    slices = central_slices(problem, 2, near)
    stages = Stages({STARTING: 1.0, "trusts": 1.0})
    first = yield from stages.within(STARTING, first_volume(given, "cgls", options, picture))
    clean, data = _cleaned(Denoiser(prior, len(first)), first / scale, given, scale)
    errors = {}
    for number, trust in enumerate(TRUSTS, start=1):
        volume = _fitted(clean, data, options.taking({"trust": trust})) * scale
        errors[trust] = np.array(prediction_errors(held, volume))
        picture.take(float(errors[trust].mean()), volume, slices, f"while its trust was being chosen: trust {trust:g}")
        shown = picture.estimate(number, len(TRUSTS), f"trust {trust:g}")
        yield stages.told("trusts", shown, named=False)
    curve = [[trust, float(error.mean())] for trust, error in sorted(errors.items())]
    return {"trust": best_setting(errors), "trust_curve": curve}


@empty_without_object
@torch.no_grad()
def solve(problem: Problem, options: PostnetOptions) -> Iterator[Estimate]:
    """CGLS, one pass through the network, and CG on the data from there; estimates of each."""
    prior, scale = load_prior(options.weights, problem.operator.device), float(options.scale)
    stages = Stages({STARTING: 1.0, "network": 1.0})
    first = yield from stages.within(STARTING, first_volume(problem, "cgls", options))
    clean, data = _cleaned(Denoiser(prior, len(first)), first / scale, problem, scale)
    told = told_of_training(data, options.weights)
    yield _estimate(clean, 2, problem, options, told)
    if options.data_steps:
        yield _estimate(_fitted(clean, data, options), 3, problem, options, told)


def _cleaned(denoiser: Denoiser, first: Tensor, problem: Problem, scale: float) -> tuple[Tensor, Scaled]:
    first, data = first.clamp(-0.1, 1.2), scaled(problem, scale)
    parts, window = [], window_around(data)
    for index, own in batches(first):
        near = denoiser.neighbourhood(first, index)
        parts.append(asked(denoiser.prior, near, lambda seen: denoiser.prior(seen, SIGMA_POSTNET)[:, 0], window)[:own])
        if problem.operator.on_chunk is not None:
            problem.operator.on_chunk()
    return torch.cat(parts), data


def _fitted(clean: Tensor, data: Scaled, options: PostnetOptions) -> Tensor:
    trust = float(options.trust)
    for image in ProximalCG(options.data_steps, None, trust).solve(clean, data, LEVEL):  # noqa: B007 - the last counts
        pass
    return nonnegative(image, data, noise_aware(trust, data, LEVEL)) if options.positivity else image


def _estimate(
    image: Tensor, step: int, problem: Problem, options: PostnetOptions, told: dict[str, list[str]]
) -> Estimate:
    scale = float(options.scale)
    volume = (image.clamp(min=0) if options.positivity else image) * scale
    y, weights = measured(problem)
    scalars = {
        "data_residual": relative(problem.operator(volume) - y, y, weights),
        "network_calls": 1.0,
        "scale": scale,
    }
    return Estimate(volume, step, 3, "network" if step == 2 else "data step", scalars, chosen=told, place=(2, 2))


def _lighter(options: PostnetOptions, part: float) -> PostnetOptions:
    """Fewer iterations before and after the network."""
    before, after = round(part * int(options.start_iterations)), round(part * options.data_steps)
    return options.taking({"start_iterations": max(1, before), "data_steps": after})


def _cost(problem: Problem, options: PostnetOptions) -> float:
    network = NETWORK * len(problem.data) * problem.operator.grid**2
    return network + work(problem, int(options.start_iterations) + options.data_steps)


METHOD = Method(
    name="postnet",
    title="Post-processing network",
    family="supervised",
    summary="A network cleans CGLS once: quick; it knows materials like those of its training.",
    source="After Jin et al., IEEE TIP 2017 (FBPConvNet), with a data step after the network",
    options=PostnetOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: Effort(stages=2),
    needs=frozenset({"weights"}),
    missing=missing_weights(PostnetOptions().weights, "`fewview train prior --kind materials --set task=postnet`"),
    buffers=(14.0, 6.0),
    beside=lambda options, size: batch_bytes(size),
    apart=lambda options: 12.0,
    halo=lambda options: prior_reach(options.weights),
    resumable=False,
    pacing=Pacing(_lighter, _cost, lambda options: _lighter(options, PROBED)),
)
