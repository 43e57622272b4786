"""A classical method beside the network: how much of it the result takes, by what held-out views say.

A network that meets what it has not learnt errs in other ways than total variation or MBIR. The mean of both, weighed
by how they predict measurements that neither was given (stacked generalisation; Wolpert, Neural Networks 5, 1992;
Breiman, Machine Learning 24, 1996), is about as good as the better one where they differ in quality, and better where
they do not.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...options import Options
from ..classical import dtv, mbir, tv
from ..diffusion.options import DiffusionOptions
from ..interface import Estimate, Method, Problem, Views
from ..selection.picture import Picture
from ..stages import Stages
from ..subrun import solved_within, tuned_within
from .stacking import cautious, share

OTHERS = ("tv", "mbir")


class Partner(NamedTuple):
    """A method that may stand beside the network; our options, and what the method calls them."""

    method: Method[Any]
    settings: Mapping[str, str]


PARTNERS = {
    "tv": Partner(tv.METHOD, {"tv_weight": "weight"}),
    "mbir": Partner(mbir.METHOD, {"mbir_sharpness": "sharpness"}),
    "dtv": Partner(dtv.METHOD, {"tv_weight": "weight", "tv_gamma": "gamma", "tv_eta": "eta"}),
}


def partners(options: DiffusionOptions) -> tuple[str, ...]:
    """Those that the options leave to choose from."""
    kind = options.partner.kind
    return OTHERS if kind == "auto" else () if kind == "none" else (kind,)


def tuned_partner(
    problem: Problem, name: str, options: DiffusionOptions, picture: Picture | None = None
) -> Generator[Estimate, None, dict[str, Any]]:
    """What becomes of those settings of a classical method that are "auto", under the names of our options."""
    asked = _asked(name, options)
    settled = yield from tuned_within(PARTNERS[name].method, problem, asked, PARTNERS[name].method.title, picture)
    settings = PARTNERS[name].settings
    return {ours: float(getattr(settled.options, t)) for ours, t in settings.items() if getattr(asked, t) == "auto"}


def reconstructed(
    problem: Problem, name: str, options: DiffusionOptions, picture: Picture | None = None
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

    Returns
    -------
    Tensor, shape (slices, y, x)
        In the problem's unit.
    """
    method = PARTNERS[name].method
    last = yield from solved_within(method, problem, _asked(name, options), method.title, picture, "intermediate")
    return torch.as_tensor(last.volume).clone()


def tuned_and_reconstructed(
    problem: Problem, name: str, options: DiffusionOptions, picture: Picture | None = None
) -> Generator[Estimate, None, tuple[Tensor, dict[str, Any]]]:
    """The volume of :func:`reconstructed`, and all settings that it was made with under the names of our options."""
    options = options.taking((yield from tuned_partner(problem, name, options, picture)))
    volume = yield from reconstructed(problem, name, options, picture)
    return volume, {ours: float(options.value(ours)) for ours in PARTNERS[name].settings}


def _asked(name: str, options: DiffusionOptions) -> Options:
    method, settings = PARTNERS[name]
    known = {theirs: "auto" if (said := options.value(ours)) is None else said for ours, theirs in settings.items()}
    result: Options = method.options.parse({**known, "positivity": options.positivity})
    return result


def tuned(
    given: Problem, held: Views, samples: Tensor, options: DiffusionOptions, picture: Picture
) -> Generator[Estimate, None, dict[str, Any]]:
    """Which classical method the result takes a share of, how large a one, and the method's own setting.

    Parameters
    ----------
    given : Problem
    held : Views
        Withheld from it.
    samples : Tensor, shape (samples, slices, y, x)
        Of the network, from ``given``, in as many steps as the run takes.
    options : DiffusionOptions
        "beside", "beside_share", the settings, and "samples".
    picture : Picture
        What is shown meanwhile.

    Returns
    -------
    dict
        "beside_share" and, where that is not 0, "beside" and the setting.
    """
    fixed = None if options.share == "auto" else float(options.share)
    best, chosen = float("inf"), dict[str, Any](beside_share=0.0)
    names = partners(options)
    stages = Stages(dict.fromkeys(names, 1.0))
    for name in names:
        whole = tuned_and_reconstructed(given, name, options, picture)
        other, settled = yield from stages.within(name, whole, named=False)
        found = share(held, samples, other, options.samples, fixed)
        if found.part > 0 and found.error < best:
            part = cautious(found.part) if fixed is None else fixed
            best, chosen = found.error, {"beside": name, "beside_share": part, **settled}
    return chosen
