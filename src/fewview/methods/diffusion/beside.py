"""Total variation beside the network: how much of it the result takes, by what withheld views say.

A network that meets what it has not learnt errs in other ways than TV does. The mean of both, weighed by how they
predict measurements that neither was given (stacked generalisation; Wolpert, Neural Networks 5, 1992; Breiman, Machine
Learning 24, 1996), is about as good as the better one where they differ in quality, and better where they do not.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..autotune import Warm
from ..classical import dtv, tv
from ..interface import Estimate, Problem, Views
from ..measured import measured, weigh
from .options import DiffusionOptions

LEAST = 0.1
"""A smaller share is not worth the time, nor told from none by a few views."""
WEIGHTS = tv.LADDER[:6]  # from the strongest; each begins at the result of the one before
SETTINGS = {"tv": ("weight",), "dtv": ("weight", "gamma", "eta")}


def reconstructed(
    problem: Problem, name: str, options: DiffusionOptions, shown: Tensor
) -> Generator[Estimate, None, tuple[Tensor, dict[str, Any]]]:
    """Reconstruct by TV, or by directional TV along the edges of the X-ray volume.

    Parameters
    ----------
    problem : Problem
    name : {"tv", "dtv"}
    options : DiffusionOptions
        "tv_weight" and, of "dtv", "tv_gamma" and "tv_eta"; those on "auto" are chosen.
    shown : Tensor
        What to show meanwhile.

    Returns
    -------
    volume : Tensor, shape (slices, y, x)
        In the problem's unit.
    chosen : dict
        The settings under the names of the options.
    """
    known = {setting: getattr(options, f"tv_{setting}", "auto") for setting in SETTINGS[name]}
    part = replace(problem, state=None)
    steps = tv.run(part, tv.TVOptions.parse(known)) if name == "tv" else dtv.run(part, dtv.DTVOptions.parse(known))
    last: Estimate | None = None
    for last in steps:
        yield Estimate(shown, last.step, last.total, f"{'TV' if name == 'tv' else 'directional TV'}: {last.stage}")
    assert last is not None, "a method yields at least once"
    settled = {f"tv_{setting}": float(last.scalars[setting]) for setting in SETTINGS[name]}
    return torch.as_tensor(last.volume).clone(), settled


def tuned(
    given: Problem, held: Views, samples: Tensor, options: DiffusionOptions, shown: Tensor
) -> Generator[Estimate, None, dict[str, float]]:
    """The part of TV in the result, and the weight of TV.

    First a coarse look whether TV of any weight helps: where the network knows the sample, none does, and the search
    for TV's own best weight, which takes longer, is saved.

    Parameters
    ----------
    given : Problem
    held : Views
        Withheld from it.
    samples : Tensor, shape (samples, slices, y, x)
        Of the network, from ``given``.
    options : DiffusionOptions
        "tv_weight" and "samples".
    shown : Tensor
        What to show meanwhile.

    Returns
    -------
    dict
        "tv_share" and, where that is not 0, "tv_weight".
    """
    left: tuple[Tensor, Warm] | None = None
    helps = options.tv_weight != "auto"
    for number, weight in enumerate(() if helps else WEIGHTS):
        warm = None if left is None else left[1]
        for left in tv.attempt(tv.formulate(given, tv.TVOptions(), weight), warm):  # noqa: B007
            yield Estimate(shown, number, len(WEIGHTS), "TV: whether it helps")
        assert left is not None, "an attempt yields at least once"
        helps = share(held, samples, left[0], options.samples) > 0
        if helps:
            break
    if not helps:
        return {"tv_share": 0.0}
    other, settled = yield from reconstructed(given, "tv", options, shown)
    part = cautious(share(held, samples, other, options.samples))
    return {"tv_share": part, **(settled if part > 0 else {})}


def share(held: Views, samples: Tensor, other: Tensor, wanted: int) -> float:
    """The part of ``other`` in the mean of both at which withheld measurements are predicted best.

    Of ``(1 - w) x + w z`` the squared error is a parabola in ``w``, whose coefficients the residuals give; the noise of
    the withheld data is in all of them and cancels. A few samples err more than the mean of many would: that part of
    their error is known from how they differ, and taken off.

    Parameters
    ----------
    held : Views
    samples : Tensor, shape (samples, slices, y, x)
        Of the network, from the views that are not withheld.
    other : Tensor, shape (slices, y, x)
        From the same.
    wanted : int
        Samples that the run will take the mean of.

    Returns
    -------
    float
        0, or :data:`LEAST` to 1.
    """
    y, weights = measured(held)

    def inner(a: Tensor, b: Tensor) -> float:
        return float(weigh(a * b, weights).sum(dtype=torch.float64))

    residuals = [held.operator(sample) - y for sample in samples]
    network, classical = torch.stack(residuals).mean(dim=0), held.operator(other) - y
    chance = sum(inner(r - network, r - network) for r in residuals) / max(len(residuals) - 1, 1)
    own = inner(network, network) - max(0.0, 1 / len(residuals) - 1 / wanted) * chance
    both, theirs = inner(network, classical), inner(classical, classical)
    curvature = own + theirs - 2 * both
    best = min((own - both) / curvature, 1.0) if curvature > 0 else 0.0
    return best if best >= LEAST else 0.0


def cautious(part: float) -> float:
    """What of a share is taken: beyond one half, half.

    A few views overestimate large shares of plain TV, and equal shares are hard to beat (the "forecast combination
    puzzle"). Seen on plain shapes of validation seeds; on a scan of magnesium that no benchmark uses, nothing changes.
    It was first suspected on the wood, whose figures are not those of a blind test, no more than the shell's, on which
    ways to use directional TV had been compared. On the plain shapes that is worth all that the views give it.
    """
    return min(part, 0.5 + (part - 0.5) / 2)


def mixed(volume: Tensor, extra: dict[str, Tensor], other: Tensor, part: float) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of network and TV; where they disagree, "std" grows by the variance of such a mixture.

    Parameters
    ----------
    volume, other : Tensor, shape (slices, y, x)
    extra : dict of Tensor
        Of the network.
    part : float
        Of ``other``.
    """
    if "std" in extra:
        apart = part * (1 - part) * (volume - other).square()
        extra = {**extra, "std": (extra["std"].square() + apart).sqrt()}
    return (1 - part) * volume + part * other, extra
