"""The autosearch: small runs on part of the views, for several settings, judged by the views left out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...models.foreign import Prior, load_any_prior
from ..ensemble.partner import candidates, shared, tuned_and_reconstructed
from ..ensemble.stacking import mixed, share
from ..interface import Estimate, Problem
from ..inverse.normalised import scaled
from ..selection.comparison import ENOUGH, best_setting
from ..selection.held_out import hold_out, prediction_errors
from ..selection.picture import Picture
from ..slices import central, central_slices
from ..stages import Stages, work
from .crossmodal import GuideSource
from .guide_rejection import second_verdict, unasked, verdict
from .multiresolution import loop_work
from .open_settings import OpenSettings
from .options import DiffusionOptions
from .settings_trial import SAMPLES, STEPS, SettingsTrial, TrialResult
from .start import first_volume

SHORT: dict[str, Any] = {"steps": STEPS, "samples": SAMPLES, "calls": 0, "adaptation": "none"}
"""A trial of few steps."""
SLICES = 2
CLASSICAL = 800
"""Iterations of the classical method on the trial: for the forecast."""

Trying = Generator[Estimate, None, None]


def choose(
    problem: Problem,
    options: DiffusionOptions,
    top: float,
    picture: Picture,
    source: GuideSource | None = None,
    steps: int = STEPS,
) -> Generator[Estimate, None, dict[str, Any]]:
    """Values for those options that are "auto": prior, trust, guide, and how much of a classical method is mixed in.

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
    steps : int
        Of a trial.

    Yields
    ------
    Estimate
        The picture so far, with the part of the search that is done.

    Returns
    -------
    dict
        For :attr:`Estimate.chosen`: the values, and their curves of held-out errors.

    Raises
    ------
    WeightsError
        Weights are missing or unreadable.
    """
    open_settings = OpenSettings.of(options, source)
    if not open_settings.any:
        return {"prior": open_settings.priors[0], **open_settings.told}
    priors = {name: load_any_prior(name, problem.operator.device) for name in open_settings.priors}
    # TV takes slices apart, MBIR looks at neighbours.
    wide = options.partner.kind == "mbir" or any(prior.reach > 0 for prior in priors.values())
    given, held = hold_out(central(problem, SLICES, wide))
    slices = central_slices(problem, SLICES, wide)
    stages = Stages(_expected(open_settings, options, given))
    first = yield from stages.within("starting image", first_volume(given, options.start, options, picture))
    trial = SettingsTrial(given, held, scaled(given, top), first / top, next(iter(priors.values())), picture, slices)
    search = SettingsSearch(trial, options, open_settings, problem.operator.views, dict(open_settings.told), steps)
    yield from stages.within("prior", search.network(priors))
    if len(open_settings.trusts) > 1:
        yield from stages.within("trust", search.believed())
    if source is not None and open_settings.guide:
        yield from stages.within("X-ray guide", search.guide(source))
    elif open_settings.listens:
        search.source = source
    if open_settings.share and "beside_share" not in search.chosen:
        yield from stages.within("classical share", search.classical())
    return search.chosen


def _expected(open_settings: OpenSettings, options: DiffusionOptions, given: Problem) -> dict[str, float]:
    """What is chosen, in order, with the work that each choice is expected to take."""
    once = loop_work(options.taking(SHORT), given)
    expected = {"starting image": work(given, 30), "prior": len(open_settings.priors) * once}
    if (others := len(open_settings.trusts) - 1) > 0:
        expected["trust"] = others * once
    if open_settings.guide:
        expected["X-ray guide"] = 2 * once
    if open_settings.share:
        expected["classical share"] = once * options.steps / STEPS + work(given, CLASSICAL)
    return expected


@dataclass
class SettingsSearch:
    """What has been chosen so far, and what comes of it on the trial."""

    trial: SettingsTrial
    options: DiffusionOptions
    open_settings: OpenSettings
    views: int  # of the scan
    chosen: dict[str, Any] = field(default_factory=dict)
    steps: int = STEPS  # of a trial
    plain: TrialResult | None = None  # unadapted, without a guide
    best: TrialResult | None = None
    source: GuideSource | None = None  # whose network is listened to

    def small(self, **more: Any) -> DiffusionOptions:
        """The options of a trial: of few steps, with what was chosen."""
        settled: dict[str, Any] = {name: self.chosen[name] for name in ("prior", "trust") if name in self.chosen}
        few = {**SHORT, "steps": self.steps, "trust": self.open_settings.trusts[0]}
        return self.options.taking({**few, **settled, **more})

    def network(self, priors: Mapping[str, Prior]) -> Trying:
        """What comes of each prior in few steps."""
        tried: dict[str, TrialResult] = {}
        stages = Stages(dict.fromkeys(priors, 1.0))
        for name, prior in priors.items():
            trial = replace(self.trial, prior=prior)
            tried[name] = yield from stages.within(name, trial.run(self.small(prior=name)))
        name = best_setting({name: found.errors for name, found in tried.items()}, ENOUGH)
        self.trial = replace(self.trial, prior=priors[name])
        self.chosen["prior"] = name
        if len(priors) > 1:
            self.chosen["prior_curve"] = [[name, float(found.errors.mean())] for name, found in tried.items()]
        self.plain = self.best = tried[name]

    def believed(self) -> Trying:
        """How far the network is believed against the data."""
        assert self.best is not None
        default, *others = self.open_settings.trusts
        tried = {default: self.best}
        for trust in others:
            tried[trust] = yield from self.trial.run(self.small(trust=trust))
        trust = best_setting({value: found.errors for value, found in tried.items()}, ENOUGH)
        self.plain = self.best = tried[trust]
        self.chosen["trust"] = trust
        self.chosen["trust_curve"] = [[value, float(found.errors.mean())] for value, found in tried.items()]

    def guide(self, source: GuideSource) -> Trying:
        """Whether the X-ray volume is listened to: as the network reads it, or else by its edges."""
        assert self.plain is not None and self.best is not None
        if source.by_edges_alone:
            said = unasked(self.best.errors)
        else:
            guided = yield from self._guided(source, self.small())
            said = verdict(self.plain.errors, guided.errors, self.views)
            if said["guide_weight"]:
                self.best, self.source = guided, source
        if not said["guide_weight"] and self._edged() and source.may_go_by_edges(self.options):
            said = yield from self._edges(said)
        self.chosen |= said

    def _guided(self, source: GuideSource, options: DiffusionOptions) -> Generator[Estimate, None, TrialResult]:
        """What comes of listening to the network."""
        trial, weight = self.trial, source.options.guide_weight
        guide = source.guide(trial.given, 1.0 if weight == "auto" else float(weight))
        begun = replace(trial, first=source.begin(guide, trial.first, trial.data))
        return (yield from begun.run(source.settled(options), guide))

    def _edged(self) -> bool:
        """Whether the X-ray volume has edges at all; along those of an even one, directional TV were plain TV."""
        xray = self.trial.given.auxiliary
        return xray is not None and bool(xray.max() > xray.min())

    def _edges(self, first: Mapping[str, Any]) -> Generator[Estimate, None, dict[str, Any]]:
        """Whether directional TV along the edges of the X-ray volume is what the result takes a share of."""
        assert self.best is not None
        trial, samples = self.trial, self.best.samples
        edges, settings = yield from tuned_and_reconstructed(
            trial.given, "dtv", self.options, trial.picture, trial.slices
        )
        part = share(trial.held, samples, edges, self.options.samples, filtered=False)
        mean, _ = mixed(samples.mean(dim=0), {}, edges, part)
        errors = np.array(prediction_errors(trial.held, mean.clamp(min=0) if self.options.positivity else mean))
        return second_verdict(first, self.best.errors, errors, {"beside_share": part, **settings})

    def classical(self) -> Trying:
        """How large a share of its classical partner the result takes."""
        assert self.best is not None
        trial, options = self.trial, self.options
        stages = Stages({"partner": work(trial.given, CLASSICAL), "all steps": loop_work(options, trial.given) / 4})
        found = yield from stages.within(
            "partner", candidates(trial.given, options, trial.picture, trial.slices), named=False
        )
        chosen = shared(trial.held, self.best.samples, found, options)
        as_long = options.steps == self.steps and options.adaptation.kind == "none"
        if (
            chosen["beside_share"] > 0 and not as_long
        ):  # after few steps the share would be too large: samples as good as the run's
            whole = yield from stages.within("all steps", self._whole(), named=False)
            chosen = shared(trial.held, whole.samples, found, options)
        self.chosen |= chosen

    def _whole(self) -> Generator[Estimate, None, TrialResult]:
        """What was chosen, in as many steps as the run takes."""
        options = self.small(steps=self.options.steps, adaptation=self.options.adaptation.kind)
        if self.source is not None:
            return (yield from self._guided(self.source, options))
        return (yield from self.trial.run(options))
