"""The autosearch: small runs on part of the views, for several settings, judged by the views left out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from ...models.prior import DiffusionPrior
from ...models.weights import load_prior
from ..ensemble.coarse_look import Look
from ..ensemble.partner import partners, tuned, tuned_and_reconstructed
from ..ensemble.stacking import mixed, share
from ..interface import Estimate, Problem
from ..inverse.normalised import scaled
from ..selection.comparison import best_setting
from ..selection.held_out import hold_out, prediction_errors
from ..selection.picture import Picture
from ..slices import central, central_slices
from ..stages import Stages, work
from .compose import loop_work
from .crossmodal import GuideSource
from .guide_rejection import second_verdict, unasked, verdict
from .open_settings import OpenSettings
from .options import DiffusionOptions
from .settings_trial import SAMPLES, STEPS, SettingsTrial, TrialResult
from .start import first_volume

SHORT: dict[str, Any] = {"steps": STEPS, "samples": SAMPLES, "calls": 0}  # a trial
ENOUGH = 0.04  # gain by which another prior is taken without a test
SLICES = 2
CLASSICAL = 2000  # iterations of TV or MBIR on the trial, choosing their own setting included: for the forecast

Trying = Generator[Estimate, None, None]


def choose(
    problem: Problem, options: DiffusionOptions, top: float, picture: Picture, source: GuideSource | None = None
) -> Generator[Estimate, None, dict[str, Any]]:
    """Values for those options that are "auto": prior, trust, start, guide, and what to mix it with.

    One after the other, each with what was chosen before.

    Parameters
    ----------
    problem : Problem
    options : DiffusionOptions
    top : float
        The object's maximum.
    picture : Picture
        What is shown meanwhile.
    source : GuideSource, optional
        What a guide is made of.

    Returns
    -------
    dict
        For :attr:`Estimate.chosen`: the values, and their curves of held-out errors.

    Raises
    ------
    WeightsError
        Weights are missing or unreadable.
    """
    questions = OpenSettings.of(options, source)
    if not questions.any:
        return {"prior": questions.priors[0], "trust": questions.trusts[0], **questions.told}
    priors = {name: load_prior(name, problem.operator.device) for name in questions.priors}
    # MBIR looks at neighbours, too.
    wide = questions.share or any(prior.config.slices > 1 for prior in priors.values())
    given, held = hold_out(central(problem, SLICES, wide))
    slices = central_slices(problem, SLICES, wide)
    stages = Stages(_expected(questions, options, given))
    first = yield from stages.within("starting image", first_volume(given, options.start, options, picture))
    trial = SettingsTrial(given, held, scaled(given, top), first / top, next(iter(priors.values())), picture, slices)
    search = SettingsSearch(trial, options, questions, problem.operator.views, dict(questions.told))
    yield from stages.within("prior and trust", search.network(priors))
    if source is not None and questions.guide:
        yield from stages.within("X-ray guide", search.guide(source))
    elif questions.listens:
        search.source = source
    if questions.share and "beside_share" not in search.chosen:
        yield from stages.within("classical share", search.classical())
    return search.chosen


def _expected(questions: OpenSettings, options: DiffusionOptions, given: Problem) -> dict[str, float]:
    """The questions in order, with the work that each is expected to take."""
    few = options.taking(SHORT | {"adaptation": "none"})
    once = loop_work(few, given)
    trials = len(questions.priors) * len(questions.starts) + len(questions.trusts) - 1
    whole = once * options.steps / STEPS
    others = partners(options)
    expected = {"starting image": work(given, 30), "prior and trust": trials * once}
    if questions.guide:
        expected["X-ray guide"] = 2 * once
    if questions.share:
        expected["classical share"] = whole + len(others) * work(given, CLASSICAL)
    return expected


@dataclass
class SettingsSearch:
    """What has been chosen so far, and what comes of it on the trial."""

    trial: SettingsTrial
    options: DiffusionOptions
    questions: OpenSettings
    views: int  # of the scan
    chosen: dict[str, Any] = field(default_factory=dict)
    plain: TrialResult | None = None  # unadapted, without a guide
    best: TrialResult | None = None
    source: GuideSource | None = None  # whose network is listened to

    def small(self, **more: Any) -> DiffusionOptions:
        """The options of a trial: of few steps, with what was chosen."""
        settled = {name: self.chosen[name] for name in ("prior", "t_start") if name in self.chosen}
        few = {**SHORT, "adaptation": "none"}
        return self.options.taking(few | settled | more)

    def network(self, priors: Mapping[str, DiffusionPrior]) -> Trying:
        """Priors and starts, with the first trust; then the other trusts."""
        trusts = self.questions.trusts
        tried: dict[tuple[str, int, float], TrialResult] = {}
        both = list(product(priors, self.questions.starts))
        stages = Stages(dict.fromkeys((f"{name} {start}" for name, start in both), 1.0) | {"trust": len(trusts) - 1.0})
        for name, start in both:
            options = self.small(prior=name, t_start=start)
            trial = replace(self.trial, prior=priors[name]).run(options, trusts[:1])
            of = yield from stages.within(f"{name} {start}", trial, named=False)
            tried[name, start, trusts[0]] = of[trusts[0]]
        name, start, _ = best_setting({setting: found.errors for setting, found in tried.items()}, ENOUGH)
        self.trial = replace(self.trial, prior=priors[name])
        if len(trusts) > 1:
            others = yield from stages.within(
                "trust", self.trial.run(self.small(prior=name, t_start=start), trusts[1:]), named=False
            )
            tried |= {(name, start, value): found for value, found in others.items()}
        of_trust = {value: tried[name, start, value].errors for value in trusts}
        trust = best_setting(of_trust)
        self.chosen |= {"prior": name, "trust": trust, "t_start": start}
        if len(trusts) > 1:
            self.chosen["trust_curve"] = [[value, float(error.mean())] for value, error in sorted(of_trust.items())]
        if len(priors) > 1:
            self.chosen["prior_curve"] = [[n, float(tried[n, start, trusts[0]].errors.mean())] for n in priors]
        self.plain = self.best = tried[name, start, trust]

    def guide(self, source: GuideSource) -> Trying:
        """Whether the X-ray volume is listened to: as the network reads it, or else by its edges."""
        assert self.plain is not None and self.best is not None
        if source.by_edges_alone:
            said = unasked(self.best.errors)
        else:
            guided, counts = yield from self._guided(source, self.small())
            said = verdict(self.plain.errors, guided.errors, self.views, counts)
            if said["guide_weight"]:
                self.best, self.source = guided, source
        if not said["guide_weight"] and self._edged() and source.may_go_by_edges(self.options):
            said = yield from self._edges(said)
        self.chosen |= said

    def _guided(
        self, source: GuideSource, options: DiffusionOptions
    ) -> Generator[Estimate, None, tuple[TrialResult, float]]:
        """What comes of listening to the network, and the share of its certainty that counts."""
        trial, trust, weight = self.trial, self.chosen["trust"], source.options.guide_weight
        guide = source.guide(trial.given, 1.0 if weight == "auto" else float(weight))
        begun = replace(trial, first=source.begin(guide, trial.first, trial.data))
        of = yield from begun.run(source.settled(options), (trust,), guide)
        return of[trust], guide.share

    def _edged(self) -> bool:
        """Whether the X-ray volume has edges at all; along those of an even one, directional TV were plain TV."""
        xray = self.trial.given.auxiliary
        return xray is not None and bool(xray.max() > xray.min())

    def _edges(self, first: Mapping[str, Any]) -> Generator[Estimate, None, dict[str, Any]]:
        """Whether directional TV along the edges of the X-ray volume is what the result takes a share of."""
        assert self.best is not None
        trial, samples = self.trial, self.best.samples
        edges, settings = yield from tuned_and_reconstructed(trial.given, "dtv", self.options, trial.picture)
        part = share(trial.held, samples, edges, self.options.samples, filtered=False).part
        mean, _ = mixed(samples.mean(dim=0), {}, edges, part)
        errors = np.array(prediction_errors(trial.held, mean.clamp(min=0) if self.options.positivity else mean))
        return second_verdict(first, self.best.errors, errors, {"beside_share": part, **settings})

    def classical(self) -> Trying:
        """What the result takes a share of, and how large a one."""
        assert self.best is not None
        trial = self.trial
        asked = (trial.given, trial.held)
        look = Look(*asked, self.options, trial.picture)
        samples = self.best.samples
        steps = self.options.steps / STEPS
        stages = Stages({"first look": 0.5, "all steps": steps, "second look": 0.5, "tuning": 2 * steps})
        for name in ("first look", "second look"):
            if name == "second look":  # at samples as good as the run's
                samples = (yield from stages.within("all steps", self._whole(), named=False)).samples
            if not (yield from stages.within(name, look.may_help(samples), named=False)):
                self.chosen["beside_share"] = 0.0
                return
        self.chosen |= yield from stages.within(
            "tuning", tuned(*asked, samples, self.options, trial.picture), named=False
        )

    def _whole(self) -> Generator[Estimate, None, TrialResult]:
        """What was chosen, in as many steps as the run takes: after few, others would get too large a share."""
        options = self.small(steps=self.options.steps, adaptation=self.options.adaptation.kind)
        if self.source is not None:
            guided, _ = yield from self._guided(self.source, options)
            return guided
        trust = self.chosen["trust"]
        of = yield from self.trial.run(options, (trust,))
        return of[trust]
