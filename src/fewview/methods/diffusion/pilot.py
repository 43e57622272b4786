"""The autopilot: small runs on part of the views, for several settings, judged by the views left out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models.prior import DiffusionPrior
from ...models.weights import load_prior
from ..holdout import central, hold_out, prediction_errors
from ..interface import Estimate, Problem
from . import beside
from .crossmodal import Aid
from .guard import second_verdict, unasked, verdict
from .options import DiffusionOptions
from .scaled import scaled
from .start import first_volume
from .trial import SAMPLES, STEPS, Trial, Tried, clearly_best

# Tried by "auto"; the first of each is kept unless withheld views clearly speak for another.
PRIORS = ("materials", "generic")
TRUSTS = (0.7, 0.35, 1.4)
STARTS = (150, 60, 350)
ADAPTED = "lora+biases"
ENOUGH = 0.04  # gain by which another prior is taken without a test
SLICES = 2
HELD, AT_LEAST = 0.15, 3  # part of the views, and how many, that are withheld

Trying = Generator[Estimate, None, None]


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
    """Values for those options that are "auto": prior, trust, start, adaptation, guide, and what to mix it with.

    One after the other, each with what was chosen before.

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
    trusts, starts = _trusts(options), _starts(options)
    # With a share of its own, directional TV is wanted as it is: there is nothing to ask.
    wanted = aid is not None and aid.by_edges_alone and options.beside_share != "auto"
    told = {"guide_weight": 1.0} if wanted and aid is not None and aid.options.guide_weight == "auto" else {}
    mixes = not wanted and options.beside_share != 0 and "auto" in (options.beside, options.beside_share)
    asked = aid is not None and not wanted and (aid.options.guide_weight == "auto" or aid.by_edges_alone)
    several = len(priors) * len(trusts) * len(starts) > 1
    if not (several or asked or mixes or options.adaptation == "auto"):
        return {"prior": next(iter(priors)), "trust": trusts[0], **told}
    part = min(max(HELD, AT_LEAST / problem.operator.views), 0.25)
    wide = mixes or any(prior.config.slices > 1 for prior in priors.values())  # MBIR looks at neighbours, too
    given, held = hold_out(central(problem, SLICES, wide), part)
    first, _ = yield from first_volume(given, options.start, shown)
    trial = Trial(given, held, scaled(given, top), first / top, next(iter(priors.values())), shown)
    pilot = _Pilot(trial, options, problem.operator.views, dict(told))
    yield from pilot.network(priors)
    if options.adaptation == "auto":
        yield from pilot.adaptation()
    if aid is not None and asked:
        yield from pilot.guide(aid)
    elif aid is not None and not wanted:
        pilot.aid = aid
    if mixes and "beside_share" not in pilot.chosen:
        yield from pilot.classical()
    return pilot.chosen


def _trusts(options: DiffusionOptions) -> tuple[float, ...]:
    if options.trust != "auto":
        return (options.trust,)
    noise_aware = options.consistency != "cg" and not options.gamma
    return TRUSTS if noise_aware else TRUSTS[:1]


def _starts(options: DiffusionOptions) -> tuple[int, ...]:
    return STARTS if options.t_start == "auto" else (options.t_start,)


@dataclass
class _Pilot:
    """What has been chosen so far, and what comes of it on the trial."""

    trial: Trial
    options: DiffusionOptions
    views: int  # of the scan
    chosen: dict[str, Any] = field(default_factory=dict)
    plain: Tried | None = None  # unadapted, without a guide
    best: Tried | None = None
    aid: Aid | None = None  # whose network is listened to

    def small(self, **more: Any) -> DiffusionOptions:
        """The options of a trial: of few steps, with what was chosen."""
        settled = {name: self.chosen[name] for name in ("t_start",) if name in self.chosen}
        few = {"steps": STEPS, "samples": SAMPLES, "calls": 0, "adaptation": "none"}
        return self.options.model_copy(update=few | settled | more)

    def network(self, priors: Mapping[str, DiffusionPrior]) -> Trying:
        """Priors and starts, with the first trust; then the other trusts."""
        trusts = _trusts(self.options)
        tried: dict[tuple[str, int, float], Tried] = {}
        for name, start in product(priors, _starts(self.options)):
            of = yield from replace(self.trial, prior=priors[name]).run(self.small(t_start=start), trusts[:1])
            tried[name, start, trusts[0]] = of[trusts[0]]
        name, start, _ = clearly_best({setting: found.errors for setting, found in tried.items()}, ENOUGH)
        self.trial = replace(self.trial, prior=priors[name])
        if len(trusts) > 1:
            others = yield from self.trial.run(self.small(t_start=start), trusts[1:])
            tried |= {(name, start, value): found for value, found in others.items()}
        of_trust = {value: tried[name, start, value].errors for value in trusts}
        trust = clearly_best(of_trust)
        self.chosen |= {"prior": name, "trust": trust, "t_start": start}
        if len(trusts) > 1:
            self.chosen["trust_curve"] = [[value, float(error.mean())] for value, error in sorted(of_trust.items())]
        if len(priors) > 1:
            self.chosen["prior_curve"] = [[n, float(tried[n, start, trusts[0]].errors.mean())] for n in priors]
        self.plain = self.best = tried[name, start, trust]

    def adaptation(self) -> Trying:
        """Whether the network adapts."""
        assert self.plain is not None
        trust = self.chosen["trust"]
        adapted = yield from self.trial.run(self.small(adaptation=ADAPTED), (trust,))
        both = {"none": self.plain, ADAPTED: adapted[trust]}
        setting = clearly_best({name: tried.errors for name, tried in both.items()})
        self.best = both[setting]
        self.chosen["adaptation"] = setting
        self.chosen["adaptation_curve"] = [[name, float(tried.errors.mean())] for name, tried in both.items()]

    def guide(self, aid: Aid) -> Trying:
        """Whether the X-ray volume is listened to: as the network reads it, or else by its edges."""
        assert self.plain is not None and self.best is not None
        if aid.by_edges_alone:
            said = unasked(self.best.errors)
        else:
            guided, share = yield from self._guided(aid, self.small())
            said = verdict(self.plain.errors, guided.errors, self.views, share)
            if said["guide_weight"]:
                self.best, self.aid = guided, aid
        if not said["guide_weight"] and self._edged() and aid.may_go_by_edges(self.options):
            said = yield from self._edges(said)
        self.chosen |= said

    def _guided(self, aid: Aid, options: DiffusionOptions) -> Generator[Estimate, None, tuple[Tried, float]]:
        """What comes of listening to the network, and the share of its certainty that counts."""
        trial, trust, weight = self.trial, self.chosen["trust"], aid.options.guide_weight
        guide = aid.guide(trial.given, 1.0 if weight == "auto" else float(weight), trust)
        begun = replace(trial, first=aid.begin(guide, trial.first, trial.data))
        of = yield from begun.run(aid.settled(options), (trust,), guide)
        return of[trust], guide.share

    def _edged(self) -> bool:
        """Whether the X-ray volume has edges at all; along those of an even one, directional TV were plain TV."""
        xray = self.trial.given.auxiliary
        return xray is not None and bool(xray.max() > xray.min())

    def _edges(self, first: Mapping[str, Any]) -> Generator[Estimate, None, dict[str, Any]]:
        """Whether directional TV along the edges of the X-ray volume is what the result takes a share of."""
        assert self.best is not None
        trial, samples = self.trial, self.best.samples
        edges, settings = yield from beside.reconstructed(trial.given, "dtv", self.options, trial.shown)
        part = beside.share(trial.held, samples, edges, self.options.samples, filtered=False).part
        mean, _ = beside.mixed(samples.mean(dim=0), {}, edges, part)
        errors = np.array(prediction_errors(trial.held, mean.clamp(min=0) if self.options.positivity else mean))
        return second_verdict(first, self.best.errors, errors, {"beside_share": part, **settings})

    def classical(self) -> Trying:
        """What the result takes a share of, and how large a one."""
        assert self.best is not None
        trial = self.trial
        asked = (self.options, trial.shown)
        samples = self.best.samples
        for whole in (False, True):  # the second look is at samples as good as the run's
            if whole:
                samples = (yield from self._whole()).samples
            if not (yield from beside.may_help(trial.given, trial.held, samples, *asked)):
                self.chosen["beside_share"] = 0.0
                return
        self.chosen |= yield from beside.tuned(trial.given, trial.held, samples, *asked)

    def _whole(self) -> Generator[Estimate, None, Tried]:
        """What was chosen, in as many steps as the run takes: after few, others would get too large a share."""
        adaptation = self.chosen.get("adaptation", self.options.adaptation)
        options = self.small(steps=self.options.steps, adaptation=adaptation)
        if self.aid is not None:
            guided, _ = yield from self._guided(self.aid, options)
            return guided
        trust = self.chosen["trust"]
        of = yield from self.trial.run(options, (trust,))
        return of[trust]
