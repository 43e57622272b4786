"""The autopilot: a small run on part of the views, for several settings at once, judged by the views left out."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student_t
from torch import Tensor

from ...models.prior import DiffusionPrior
from ...models.weights import load_prior
from ..holdout import central, hold_out, prediction_errors
from ..interface import Estimate, Problem, Views
from .compose import parts_of, started
from .crossmodal import Aid
from .denoiser import Denoiser
from .directional import directional
from .guard import second_verdict, verdict
from .guide import CrossModalGuide
from .loop import diffuse
from .options import DiffusionOptions
from .scaled import Scaled, scaled
from .start import first_volume

# Tried by "auto"; the first of each is kept unless withheld views clearly speak for another.
PRIORS = ("materials", "generic")
TRUSTS = (0.7, 0.35, 1.4)
STARTS = (150, 60, 350)
ADAPTED = "lora+biases"
SLICES = 2
HELD, AT_LEAST = 0.15, 3  # part of the views, and how many, that are withheld
CONFIDENCE = 0.95  # that another setting is better, before it is taken
STEPS, SAMPLES = 8, 2
STAGE = "choosing settings"

Setting = TypeVar("Setting")
PerView = NDArray[np.float64]


def candidates(options: DiffusionOptions, device: torch.device | str = "cpu") -> dict[str, DiffusionPrior]:
    """The priors among which :func:`choose` chooses, by name; one where the options name it.

    Raises
    ------
    WeightsError
        Weights are missing or unreadable.
    """
    names = PRIORS if options.prior == "auto" else (options.prior,)
    return {name: load_prior(name, device) for name in names}


def choose(
    problem: Problem,
    options: DiffusionOptions,
    priors: Mapping[str, DiffusionPrior],
    top: float,
    shown: Tensor,
    aid: Aid | None = None,
) -> Generator[Estimate, None, dict[str, Any]]:
    """Values for those of "prior", "trust", "t_start", "adaptation" and "guide_weight" that are "auto".

    Priors and starts first, with the first trust; then the other values of the trust, as copies of the same slices
    side by side, with the same noise.

    Parameters
    ----------
    problem : Problem
    options : DiffusionOptions
    priors : mapping
        Of name to prior, from :func:`candidates`. Not changed.
    top : float
        The object's maximum.
    shown : Tensor
        What to show meanwhile.
    aid : Aid, optional
        What a guide is made of.

    Returns
    -------
    dict
        For :attr:`Estimate.chosen`: the values, and their curves of held-out errors.
    """
    noise_aware = options.consistency != "cg" and not options.gamma
    trusts = (options.trust,) if options.trust != "auto" else TRUSTS if noise_aware else TRUSTS[:1]
    starts = (options.t_start,) if options.t_start != "auto" else STARTS
    weighed = aid is not None and aid.options.guide_weight == "auto"
    default = next(iter(priors))
    if len(priors) * len(trusts) * len(starts) == 1 and options.adaptation != "auto" and not weighed:
        return {"prior": default, "trust": trusts[0]}
    share = min(max(HELD, AT_LEAST / problem.operator.views), 0.25)
    wide = any(prior.config.slices > 1 for prior in priors.values())
    given, held = hold_out(central(problem, SLICES, wide), share)
    first, _ = yield from first_volume(given, options.start, shown)
    trial = _Trial(scaled(given, top), held, first / top, priors[default], problem.seed, shown)
    small = {"steps": STEPS, "samples": SAMPLES, "calls": 0, "adaptation": "none"}
    errors: dict[tuple[str, int, float], PerView] = {}

    def tried(name: str, t_start: int, some: Sequence[float]) -> Generator[Estimate, None, None]:
        settled = options.model_copy(update=small | {"t_start": t_start})
        per_trust = yield from replace(trial, prior=priors[name]).run(settled, some)
        errors.update({(name, t_start, trust): error for trust, error in per_trust.items()})

    for name, t_start in product(priors, starts):
        yield from tried(name, t_start, trusts[:1])
    name, t_start, _ = clearly_best(errors)
    if len(trusts) > 1:
        yield from tried(name, t_start, trusts[1:])
    of_trust = {trust: errors[name, t_start, trust] for trust in trusts}
    trust = clearly_best(of_trust)
    trial = replace(trial, prior=priors[name])
    chosen: dict[str, Any] = {"prior": name, "trust": trust, "t_start": t_start}
    if options.trust == "auto":
        chosen["trust_curve"] = [[value, float(error.mean())] for value, error in sorted(of_trust.items())]
    if len(priors) > 1:
        chosen["prior_curve"] = [[n, float(errors[n, t_start, trusts[0]].mean())] for n in priors]
    if options.adaptation == "auto":
        adapting = options.model_copy(update=small | {"t_start": t_start, "adaptation": ADAPTED})
        adapted = yield from trial.run(adapting, (trust,))
        both = {"none": errors[name, t_start, trust], ADAPTED: adapted[trust]}
        chosen["adaptation"] = clearly_best(both)
        chosen["adaptation_curve"] = [[setting, float(error.mean())] for setting, error in both.items()]
    if aid is not None and weighed:
        guide = aid.guide(given, 1.0, trust)
        listening = replace(trial, first=aid.begin(guide, trial.first, trial.data))
        guided = yield from listening.run(aid.settled(options.model_copy(update=small)), (trust,), guide)
        chosen |= verdict(errors[name, t_start, trust], guided[trust], guide.share)
        if not chosen["guide_weight"] and aid.may_do_without_network(options):
            word, by_edges = yield from directional(given, top, shown)
            guide = aid.guide(given, 1.0, trust, word)
            listening = replace(trial, first=aid.begin(guide, trial.first, trial.data))
            guided = yield from listening.run(aid.settled(options.model_copy(update=small)), (trust,), guide)
            both = {"none": errors[name, t_start, trust], "dtv": guided[trust]}
            chosen |= second_verdict(chosen, both, clearly_best(both) == "dtv", by_edges)
    return chosen


def clearly_best(errors: Mapping[Setting, PerView]) -> Setting:
    """The setting that predicts withheld views best; the first, unless another is significantly better.

    Parameters
    ----------
    errors : mapping
        Of setting to errors per view, the same views in the same order. Paired one-sided t-test: two or three
        views tell little, and then only a large and even gain counts; a single view tells nothing.
    """
    default, best = next(iter(errors)), min(errors, key=lambda setting: float(errors[setting].mean()))
    gain = errors[default] - errors[best]
    if len(gain) < 2 or best == default:
        return default
    limit = float(student_t.ppf(CONFIDENCE, len(gain) - 1)) * float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return best if float(gain.mean()) > limit else default


@dataclass(frozen=True, eq=False)
class _Trial:
    """A few slices, some of whose views are withheld."""

    data: Scaled
    held: Views
    first: Tensor
    prior: DiffusionPrior
    seed: int
    shown: Tensor

    @torch.no_grad()
    def run(
        self, options: DiffusionOptions, trusts: Sequence[float], guide: CrossModalGuide | None = None
    ) -> Generator[Estimate, None, dict[float, PerView]]:
        """Held-out errors per view of each trust, under ``options``."""
        generator = torch.Generator().manual_seed(self.seed)
        copies = SAMPLES * len(self.first)
        trust = torch.tensor(trusts, device=self.first.device).repeat_interleave(copies)[:, None, None]
        denoiser = Denoiser.of(self.prior, len(self.first))  # its own copy: a trial may adapt it
        parts = parts_of(options, denoiser, generator, trust if len(trusts) > 1 else trusts[0], guide)
        walk = started(options, parts, self.first, generator, alike=len(trusts))
        for _ in diffuse(parts, self.data, walk):
            yield Estimate(self.shown, walk.step, len(parts.levels), STAGE)
        means = walk.x.reshape(len(trusts), SAMPLES, *self.first.shape).mean(dim=1) * self.data.top
        if options.positivity:
            means = means.clamp(min=0)
        return {v: np.array(prediction_errors(self.held, mean)) for v, mean in zip(trusts, means, strict=True)}
