"""The autopilot: a small run on part of the views, for several settings at once, judged by the views left out."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..holdout import central, hold_out, prediction_errors
from ..interface import Estimate, Problem, Views
from .compose import parts_of, started
from .denoiser import Denoiser
from .loop import diffuse
from .options import DiffusionOptions
from .scaled import Scaled, scaled
from .start import first_volume

# Tried by "auto"; the first of each is kept unless withheld views clearly speak for another.
TRUSTS = (1.0, 0.5, 0.7, 1.4, 2.0)
STARTS = (150, 60, 350)
SLICES = 2
HELD = 0.15  # part of the views
STEPS, SAMPLES = 4, 2
STAGE = "choosing the trust"

Errors = dict[tuple[int, float], NDArray[np.float64]]


def choose(
    problem: Problem, options: DiffusionOptions, denoiser: Denoiser, top: float, shown: Tensor
) -> Generator[Estimate, None, dict[str, Any]]:
    """Values for those of "trust" and "t_start" that are "auto".

    All values of the trust run as copies of the same slices side by side, with the same noise and without
    adaptation.

    Parameters
    ----------
    problem : Problem
    options : DiffusionOptions
    denoiser : Denoiser
        Not changed.
    top : float
        The object's maximum.
    shown : Tensor
        What to show meanwhile.

    Returns
    -------
    dict
        For :attr:`Estimate.chosen`: the values, and the curve of held-out errors over the trust.
    """
    noise_aware = options.consistency != "cg" and not options.gamma
    trusts = (options.trust,) if options.trust != "auto" else TRUSTS if noise_aware else TRUSTS[:1]
    starts = (options.t_start,) if options.t_start != "auto" else STARTS
    errors: Errors = {}
    if len(trusts) * len(starts) > 1:
        given, held = hold_out(central(problem, SLICES, denoiser.reach > 0), HELD)
        first, _ = yield from first_volume(given, options.start, shown)
        data, small = scaled(given, top), Denoiser(denoiser.prior, len(given.data))
        for t_start in starts:
            trial = options.model_copy(
                update={"adaptation": "none", "t_start": t_start, "steps": STEPS, "samples": SAMPLES, "calls": 0}
            )
            per_trust = yield from _try(trial, trusts, small, data, first / top, held, problem.seed, shown)
            errors |= {(t_start, trust): error for trust, error in per_trust.items()}
    t_start, trust = clearly_best(errors) if errors else (starts[0], trusts[0])
    chosen: dict[str, Any] = {}
    if options.trust == "auto":
        chosen["trust"] = trust
        chosen["trust_curve"] = [[v, float(e.mean())] for (t, v), e in sorted(errors.items()) if t == t_start]
    if options.t_start == "auto":
        chosen["t_start"] = t_start
    return chosen


def clearly_best(errors: Mapping[tuple[int, float], NDArray[np.float64]]) -> tuple[int, float]:
    """The setting that predicts withheld views best; the first, unless another is better by a standard error.

    Parameters
    ----------
    errors : mapping
        Of setting to errors per view, the same views in the same order.
    """
    default, best = next(iter(errors)), min(errors, key=lambda setting: float(errors[setting].mean()))
    gain = errors[default] - errors[best]
    spread = float(gain.std(ddof=1)) / math.sqrt(len(gain)) if len(gain) > 1 else 0.05 * float(errors[default].mean())
    return best if float(gain.mean()) > spread else default


@torch.no_grad()
def _try(
    options: DiffusionOptions,
    trusts: tuple[float, ...],
    denoiser: Denoiser,
    data: Scaled,
    first: Tensor,
    held: Views,
    seed: int,
    shown: Tensor,
) -> Generator[Estimate, None, dict[float, NDArray[np.float64]]]:
    """Held-out errors per view of each trust."""
    generator = torch.Generator().manual_seed(seed)
    copies = SAMPLES * len(first)
    trust = torch.tensor(trusts, device=first.device).repeat_interleave(copies)[:, None, None]
    parts = parts_of(options, denoiser, generator, trust)
    walk = started(options, parts, first, generator, alike=len(trusts))
    for _ in diffuse(parts, data, walk):
        yield Estimate(shown, walk.step, len(parts.levels), STAGE)
    means = walk.x.reshape(len(trusts), SAMPLES, *first.shape).mean(dim=1) * data.top
    if options.positivity:
        means = means.clamp(min=0)
    return {value: np.array(prediction_errors(held, mean)) for value, mean in zip(trusts, means, strict=True)}
