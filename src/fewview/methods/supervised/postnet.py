"""Supervised post-processing: a network cleans a first reconstruction once, and the data have the last word."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models.prior import SIGMA_POSTNET
from ...models.weights import WeightsError, find_weights, load_prior
from ...options import Auto, Options, option
from ..classical.cgls import METHOD as CGLS
from ..classical.fbp import preview
from ..diffusion.denoiser import Denoiser, batch_bytes, batch_size
from ..diffusion.options import positivity_option
from ..diffusion.schedule import Level
from ..diffusion.start import least_squares
from ..interface import Estimate, Method, Problem
from ..inverse.consistency import ProximalCG, noise_aware, nonnegative
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, robust_maximum, scaled
from ..selection.comparison import best_setting
from ..selection.held_out import central, hold_out, prediction_errors
from ..selection.picture import Picture
from ..stages import Stages
from ..subrun import nested

TRUSTS = (1.0, 0.35, 0.5, 0.7, 1.4, 2.0, 4.0)
LEVEL = Level(0, 1, 1 / (1 + SIGMA_POSTNET**2), 1.0)  # what the network was trained at, and errs by, about


class PostnetOptions(Options):
    """Options of the supervised network."""

    weights: str = option("postnet", "Network", "Trained by `fewview train prior --set task=postnet`, or its path.")
    data_steps: int = option(
        8, "Data step iterations", "CG iterations after the network; 0 leaves its image as it is.", ge=0
    )
    trust: float | Auto = option(
        "auto", "Trust", "Larger believes the network, smaller the data; auto predicts held-out views.", gt=0
    )
    positivity: bool = positivity_option()


@torch.no_grad()
def run(problem: Problem, options: PostnetOptions) -> Iterator[Estimate]:
    """CGLS, one pass through the network, and CG on the data from there; estimates of each."""
    picture = Picture(preview(problem))
    yield replace(picture.estimate(0, 3, "starting"), place=(1, 3))
    prior = load_prior(options.weights, problem.operator.device)
    scale = robust_maximum(least_squares(problem))
    if not scale > 0:  # no object: nothing to scale the network by
        yield Estimate(torch.zeros_like(picture.volume), 1, 1, "nothing there", {"data_residual": 0.0})
        return
    chosen: dict[str, Any] = {"scale": scale}
    stages = Stages({"choosing the trust": 1.0, "starting image": 1.0, "network": 1.0})
    if options.trust == "auto" and options.data_steps:
        part = central(problem, 2, Denoiser(prior, 1).reach > 0)
        given, held = hold_out(part)
        first = yield from stages.within("choosing the trust", _first(given, picture))
        clean, data = _cleaned(Denoiser(prior, len(first)), first / scale, given, scale)
        errors = {}
        for trust in TRUSTS:
            volume = _fitted(clean, data, options.data_steps, trust, options.positivity) * scale
            errors[trust] = np.array(prediction_errors(held, volume))
        chosen["trust"] = best_setting(errors)
        chosen["trust_curve"] = [[trust, float(error.mean())] for trust, error in sorted(errors.items())]
    first = yield from stages.within("starting image", _first(problem))
    clean, data = _cleaned(Denoiser(prior, len(first)), first / scale, problem, scale)
    yield _estimate(clean, 2, problem, scale, options, chosen)
    if options.data_steps:
        trust = float(chosen.get("trust", options.trust))
        yield _estimate(
            _fitted(clean, data, options.data_steps, trust, options.positivity), 3, problem, scale, options, chosen
        )


def _first(problem: Problem, picture: Picture | None = None) -> Generator[Estimate, None, Tensor]:
    """CGLS; of a part of the problem, the picture is shown meanwhile."""
    last = yield from nested(CGLS, problem, CGLS.options(), "starting image", picture)
    return torch.as_tensor(last.volume).clone()


def _cleaned(denoiser: Denoiser, first: Tensor, problem: Problem, scale: float) -> tuple[Tensor, Scaled]:
    first = first.clamp(-0.1, 1.2)
    parts = []
    for index in torch.arange(len(first), device=first.device).split(batch_size(first)):
        parts.append(denoiser.prior(denoiser.neighbourhood(first, index), SIGMA_POSTNET)[:, 0])
        if problem.operator.on_chunk is not None:
            problem.operator.on_chunk()
    return torch.cat(parts), scaled(problem, scale)


def _fitted(clean: Tensor, data: Scaled, steps: int, trust: float, positive: bool) -> Tensor:
    (image,) = ProximalCG(steps, None, trust).solve(clean, data, LEVEL)
    return nonnegative(image, data, noise_aware(trust, data, LEVEL)) if positive else image


def _estimate(
    image: Tensor, step: int, problem: Problem, scale: float, options: PostnetOptions, chosen: dict[str, Any]
) -> Estimate:
    volume = (image.clamp(min=0) if options.positivity else image) * scale
    y, weights = measured(problem)
    scalars = {
        "data_residual": relative(problem.operator(volume) - y, y, weights),
        "network_calls": 1.0,
        "scale": scale,
    }
    return Estimate(volume, step, 3, "network" if step == 2 else "data step", scalars, None, chosen, place=(3, 3))


def _missing() -> str | None:
    try:
        find_weights(PostnetOptions().weights)
    except WeightsError as error:
        return f"{error.problem} Train them with `fewview train prior --kind materials --set task=postnet`."
    return None


METHOD = Method(
    name="postnet",
    title="Post-processing network",
    family="supervised",
    summary="A network cleans CGLS once: quick; it knows materials like those of its training.",
    source="After Jin et al., IEEE TIP 2017 (FBPConvNet), with a data step after the network",
    options=PostnetOptions,
    run=run,
    needs=frozenset({"weights"}),
    missing=_missing,
    buffers=(22.0, 6.0),
    beside=lambda options, grid, device: batch_bytes(grid, device),
    resumable=False,
)
