"""The autopilot: a small run on part of the views, for several settings at once, judged by the views left out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autotune import Choice, choice
from ..holdout import central, hold_out, prediction_errors
from ..interface import Estimate, Problem, Views
from .compose import parts_of, started
from .denoiser import Denoiser
from .loop import diffuse
from .options import DiffusionOptions
from .scaled import Scaled, scaled
from .start import first_volume

TRUSTS = (2.0, 1.4, 1.0, 0.7, 0.5)  # tried by "auto", from the strongest to the weakest prior
STARTS = (350, 500, 700)
SLICES = 2
HELD = 0.15  # part of the views
STEPS, SAMPLES = 8, 2
STAGE = "choosing the trust"


def choose(
    problem: Problem, options: DiffusionOptions, denoiser: Denoiser, top: float, shown: Tensor
) -> Generator[Estimate, None, dict[str, Any]]:
    """Values for those of "trust" and "t_start" that are "auto".

    All values of the trust run as copies of the same slices side by side, with the same noise and without
    adaptation. Within what withheld views can tell, the trust follows :func:`fewview.methods.autotune.choice`.

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
        For :attr:`Estimate.chosen`: the values, and the curves of held-out errors.
    """
    noisy = options.consistency != "cg" and not options.gamma
    trusts = TRUSTS if options.trust == "auto" and noisy else (1.0 if options.trust == "auto" else options.trust,)
    starts = STARTS if options.t_start == "auto" else (options.t_start,)
    if len(trusts) == len(starts) == 1:
        return {}
    given, held = hold_out(central(problem, SLICES, denoiser.reach > 0), HELD)
    first, _ = yield from first_volume(given, options.start, shown)
    data = scaled(given, top)
    small = Denoiser(denoiser.prior, len(given.data))
    best: tuple[int, Choice] | None = None
    for t_start in starts:
        trial = options.model_copy(
            update={"adaptation": "none", "t_start": t_start, "steps": STEPS, "samples": SAMPLES, "calls": 0}
        )
        errors = yield from _try(trial, trusts, small, data, first / top, held, problem.seed, shown)
        picked = choice(errors)
        if best is None or _lowest(picked) < _lowest(best[1]):
            best = t_start, picked
    assert best is not None
    chosen: dict[str, Any] = best[1].record("trust") if len(trusts) > 1 else {}
    return chosen | ({"t_start": best[0]} if len(starts) > 1 else {})


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


def _lowest(choice: Choice) -> float:
    return min(error for _, error in choice.curve)
