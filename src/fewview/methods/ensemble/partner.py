"""A classical method beside the network: how much of it the result takes, by what held-out views say.

A network that meets what it has not learnt errs in other ways than total variation or MBIR. The mean of both, weighed
by how they predict measurements that neither was given (stacked generalisation; Wolpert, Neural Networks 5, 1992;
Breiman, Machine Learning 24, 1996), is about as good as the better one where they differ in quality, and better where
they do not.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...options import Options
from ..classical import dtv, mbir, tv
from ..diffusion.options import DiffusionOptions
from ..interface import Estimate, Method, Problem, Views
from ..selection.held_out import prediction_errors
from ..selection.picture import Picture
from ..selection.weight_search import Warm
from ..subrun import solved_within, tuned_within
from .stacking import cautious, share


class Partner(NamedTuple):
    """A method that may stand beside the network; our options, and what the method calls them."""

    method: Method[Any]
    settings: Mapping[str, str]


PARTNERS = {
    "tv": Partner(tv.METHOD, {"tv_weight": "weight"}),
    "mbir": Partner(mbir.METHOD, {"mbir_sharpness": "sharpness"}),
    "dtv": Partner(dtv.METHOD, {"tv_weight": "weight", "tv_gamma": "gamma", "tv_eta": "eta"}),
}

WEIGHTS = tv.LADDER[:7]
"""Weights of TV that are tried beside the network, from the strongest."""


def tuned_partner(
    problem: Problem, name: str, options: DiffusionOptions, picture: Picture | None = None
) -> Generator[Estimate, None, dict[str, Any]]:
    """What becomes of those settings of a classical method that are "auto", under the names of our options.

    Parameters
    ----------
    problem : Problem
    name : str
        tv, mbir or dtv.
    options : DiffusionOptions
    picture : Picture, optional
        What is shown meanwhile.

    Yields
    ------
    Estimate
        What the search shows meanwhile.

    Returns
    -------
    dict of str to float
        Empty where nothing is open.
    """
    asked = _asked(name, options)
    settled = yield from tuned_within(PARTNERS[name].method, problem, asked, PARTNERS[name].method.title, picture)
    settings = PARTNERS[name].settings
    return {ours: float(getattr(settled.options, t)) for ours, t in settings.items() if getattr(asked, t) == "auto"}


def reconstructed(
    problem: Problem,
    name: str,
    options: DiffusionOptions,
    picture: Picture | None = None,
    slices: Sequence[int] = (),
) -> Generator[Estimate, None, Tensor]:
    """Reconstruct by a classical method.

    Parameters
    ----------
    problem : Problem
    name : {"tv", "mbir", "dtv"}
        The last goes along the edges of the X-ray volume.
    options : DiffusionOptions
        With its settings, settled.
    picture : Picture, optional
        What is shown meanwhile; the method's own volumes when not given.
    slices : sequence of int, optional
        Which slices of the picture those of the problem are: it then shows them on their way.

    Yields
    ------
    Estimate
        Those of the method, or the picture.

    Returns
    -------
    Tensor, shape (slices, y, x)
        In the problem's unit.
    """
    method, asked = PARTNERS[name].method, _asked(name, options)
    if isinstance(asked, tv.TVOptions):
        asked = asked.taking({"iterations": iterations(problem, options)})
    last = yield from solved_within(method, problem, asked, method.title, picture, "intermediate", slices)
    return torch.as_tensor(last.volume).clone()


def iterations(problem: Problem, options: DiffusionOptions) -> int:
    """Iterations of total variation beside the network, which is most of the work of a partner."""
    return tv.short_iterations(problem) if options.coarse_to_fine else int(tv.TVOptions().iterations)


def tuned_and_reconstructed(
    problem: Problem, name: str, options: DiffusionOptions, picture: Picture | None = None, slices: Sequence[int] = ()
) -> Generator[Estimate, None, tuple[Tensor, dict[str, Any]]]:
    """The volume of :func:`reconstructed`, and all settings that it was made with under the names of our options.

    Parameters
    ----------
    problem : Problem
    name : str
        tv, mbir or dtv.
    options : DiffusionOptions
    picture : Picture, optional
        What is shown meanwhile.
    slices : sequence of int, optional
        See :func:`reconstructed`.

    Yields
    ------
    Estimate
        Those of the search, then those of :func:`reconstructed`.

    Returns
    -------
    tuple[Tensor, dict[str, Any]]
        The volume has the shape (slices, y, x), in the problem's unit.
    """
    options = options.taking((yield from tuned_partner(problem, name, options, picture)))
    volume = yield from reconstructed(problem, name, options, picture, slices)
    return volume, {ours: float(options.value(ours)) for ours in PARTNERS[name].settings}


def _asked(name: str, options: DiffusionOptions) -> Options:
    method, settings = PARTNERS[name]
    known = {theirs: "auto" if (said := options.value(ours)) is None else said for ours, theirs in settings.items()}
    result: Options = method.options.parse({**known, "positivity": options.positivity})
    return result


class Candidate(NamedTuple):
    """A volume that may stand beside the network's, (slices, y, x), and the settings that it was made with."""

    volume: Tensor
    settings: dict[str, Any]


def candidates(
    given: Problem, options: DiffusionOptions, picture: Picture, slices: Sequence[int]
) -> Generator[Estimate, None, list[Candidate]]:
    """What the partner makes of a part of the measurement.

    Of TV, volumes of several weights at a coarse budget, each from where the one before it ended. Else one volume, of
    the method's own setting.

    Parameters
    ----------
    given : Problem
    options : DiffusionOptions
    picture : Picture
        What is shown meanwhile.
    slices : sequence of int
        Which slices of the run those of ``given`` are.

    Yields
    ------
    Estimate
        The picture so far, with the part that is done.

    Returns
    -------
    list of Candidate
        Volumes (slices, y, x) in the unit of the problem, each with the options that made it.
    """
    if options.value("beside") != "tv" or options.value("tv_weight") != "auto":
        name = options.partner.kind
        volume, settings = yield from tuned_and_reconstructed(given, name, options, picture, slices)
        return [Candidate(volume, {"beside": name, **settings})]
    found: list[Candidate] = []
    left: Warm | None = None
    for number, weight in enumerate(WEIGHTS):
        problem = tv.formulate(given, tv.TVOptions(positivity=options.positivity), weight)
        steps, words = tv.trial_iterations(given), f"while its share was being chosen: {tv.called(weight, 1)}"
        for step, (volume, left_now) in enumerate(tv.attempt(problem, left), start=1):  # noqa: B007
            if picture.due:
                picture.try_on(volume, slices, words)
            told = picture.estimate(number, len(WEIGHTS), "whether total variation helps")
            yield replace(told, done=(number + step / steps) / len(WEIGHTS))
        found.append(Candidate(volume.clone(), {"beside": "tv", "tv_weight": weight}))
        left = left_now
    picture.settle()
    return found


def shared(held: Views, samples: Tensor, found: Sequence[Candidate], options: DiffusionOptions) -> dict[str, Any]:
    """How large a share of a candidate predicts best what was held out.

    Of several, of the one that predicts best alone. The best mean of all is no safer choice: the mean with a volume
    that is hardly smoothed at all predicts about as well, and shows its noise (docs/constants.md).

    Parameters
    ----------
    held : Views
        Held out from all.
    samples : Tensor, shape (samples, slices, y, x)
        Of the network.
    found : sequence of Candidate
    options : DiffusionOptions
        "samples" are those that the run will take the mean of.

    Returns
    -------
    dict
        "beside_share" and, where that is not 0, the settings.
    """
    candidate = min(found, key=lambda one: sum(prediction_errors(held, one.volume)))
    part = share(held, samples, candidate.volume, options.samples)
    return {"beside_share": 0.0} if part == 0 else {"beside_share": cautious(part), **candidate.settings}
