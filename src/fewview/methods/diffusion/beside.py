"""A classical method beside the network: how much of it the result takes, by what withheld views say.

A network that meets what it has not learnt errs in other ways than total variation or MBIR. The mean of both, weighed
by how they predict measurements that neither was given (stacked generalisation; Wolpert, Neural Networks 5, 1992;
Breiman, Machine Learning 24, 1996), is about as good as the better one where they differ in quality, and better where
they do not.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...operators.filters import apply_filter, ramp_filter
from ..autotune import Warm
from ..classical import dtv, mbir, tv
from ..classical.fbp import bridge
from ..interface import Estimate, Problem, Views
from ..measured import measured, weigh
from .options import DiffusionOptions

LEAST = 0.1
"""A smaller share is not worth the time, nor told from none by a few views."""
WEIGHTS = tv.LADDER[:6]  # from the strongest; each begins at the result of the one before
METHODS = {"tv": tv.METHOD, "mbir": mbir.METHOD, "dtv": dtv.METHOD}
SETTINGS = {
    "tv": {"tv_weight": "weight"},
    "mbir": {"mbir_sharpness": "sharpness"},
    "dtv": {"tv_weight": "weight", "tv_gamma": "gamma", "tv_eta": "eta"},
}
"""Our options, and what the method calls them."""
OTHERS = ("tv", "mbir")
MASKED = 0.5
"""Where more of the pixels are left out, because pixels and not views are withheld, there are no rows to filter."""


class Share(NamedTuple):
    """The part of another volume in a mean with the network's, and the squared error of that mean."""

    part: float
    error: float


def reconstructed(
    problem: Problem, name: str, options: DiffusionOptions, shown: Tensor
) -> Generator[Estimate, None, tuple[Tensor, dict[str, Any]]]:
    """Reconstruct by a classical method.

    Parameters
    ----------
    problem : Problem
    name : {"tv", "mbir", "dtv"}
        The last goes along the edges of the X-ray volume.
    options : DiffusionOptions
        With its settings; those on "auto" are chosen.
    shown : Tensor
        What to show meanwhile.

    Returns
    -------
    volume : Tensor, shape (slices, y, x)
        In the problem's unit.
    chosen : dict
        The settings under the names of the options.
    """
    method, settings = METHODS[name], SETTINGS[name]
    known = {theirs: getattr(options, ours, "auto") for ours, theirs in settings.items()}
    known["positivity"] = options.positivity
    last: Estimate | None = None
    for last in method.run(replace(problem, state=None), method.options.parse(known)):
        yield Estimate(shown, last.step, last.total, f"{method.title}: {last.stage}")
    assert last is not None, "a method yields at least once"
    return torch.as_tensor(last.volume).clone(), {ours: float(last.scalars[s]) for ours, s in settings.items()}


def tuned(
    given: Problem, held: Views, samples: Tensor, options: DiffusionOptions, shown: Tensor
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
    shown : Tensor
        What to show meanwhile.

    Returns
    -------
    dict
        "beside_share" and, where that is not 0, "beside" and the setting.
    """
    fixed = None if options.beside_share == "auto" else float(options.beside_share)
    best, chosen = float("inf"), dict[str, Any](beside_share=0.0)
    for name in OTHERS if options.beside == "auto" else (options.beside,):
        other, settled = yield from reconstructed(given, name, options, shown)
        found = share(held, samples, other, options.samples, fixed)
        if found.part > 0 and found.error < best:
            part = cautious(found.part) if fixed is None else fixed
            best, chosen = found.error, {"beside": name, "beside_share": part, **settled}
    return chosen


def may_help(
    given: Problem, held: Views, samples: Tensor, options: DiffusionOptions, shown: Tensor
) -> Generator[Estimate, None, bool]:
    """A coarse look whether TV of any weight helps these samples; not asked where share, setting or MBIR are given.

    Where the network knows the sample, none does, nor does MBIR, and :func:`tuned`, which takes longer, is saved.
    """
    set_by_user = any(v != "auto" for v in (options.beside_share, options.tv_weight, options.mbir_sharpness))
    if set_by_user or options.beside == "mbir":
        return True
    plain = tv.TVOptions(positivity=options.positivity)
    left: tuple[Tensor, Warm] | None = None
    for number, weight in enumerate(WEIGHTS):
        warm = None if left is None else left[1]
        for left in tv.attempt(tv.formulate(given, plain, weight), warm):  # noqa: B007
            yield Estimate(shown, number, len(WEIGHTS), "TV: whether it helps")
        assert left is not None, "an attempt yields at least once"
        if share(held, samples, left[0], options.samples).part > 0:
            return True
    return False


def share(
    held: Views, samples: Tensor, other: Tensor, wanted: int, fixed: float | None = None, filtered: bool = True
) -> Share:
    """The part of ``other`` in the mean of both, that at which withheld measurements are predicted best.

    Of ``(1 - w) x + w z`` the squared error is a parabola in ``w``, whose coefficients the residuals give; the noise of
    the withheld data is in all of them and cancels. Residuals of whole views are ramp filtered once: then they weigh
    the frequencies as an error of the image does (Fourier slice theorem). A few samples err more than the mean of many
    would: that part of their error is known from how they differ, and taken off.

    Parameters
    ----------
    held : Views
    samples : Tensor, shape (samples, slices, y, x)
        Of the network, from the views that are not withheld.
    other : Tensor, shape (slices, y, x)
        From the same.
    wanted : int
        Samples that the run will take the mean of.
    fixed : float, optional
        A part that is given.
    filtered : bool
        Of large shares, unfiltered residuals are the better judge: on plain shapes of validation seeds with their X-ray
        volumes, the share of directional TV came out 0.04 off the best one in the mean, filtered 0.07.

    Returns
    -------
    Share
        The part is 0, or :data:`LEAST` to 1, where it is not given.
    """
    y, weights = measured(held)
    root = None if weights is None else weights.sqrt()
    ramp = ramp_filter(y.shape[-1])
    whole = filtered and (root is None or float((root == 0).double().mean()) < MASKED)

    def inner(a: Tensor, b: Tensor) -> float:
        return float((a * (apply_filter(b, ramp) if whole else b)).sum(dtype=torch.float64))

    def off(volume: Tensor) -> Tensor:
        residual = weigh(held.operator(volume) - y, root)
        return bridge(residual, root > 0) if whole and root is not None else residual

    residuals = [off(sample) for sample in samples]
    network, classical = torch.stack(residuals).mean(dim=0), off(other)
    chance = sum(inner(r - network, r - network) for r in residuals) / max(len(residuals) - 1, 1)
    own = inner(network, network) - (1 / len(residuals) - 1 / wanted) * chance
    both, theirs = inner(network, classical), inner(classical, classical)
    curvature = own + theirs - 2 * both
    best = min((own - both) / curvature, 1.0) if curvature > 0 else 0.0
    part = fixed if fixed is not None else best if best >= LEAST else 0.0
    return Share(part, own - part * (2 * (own - both) - part * curvature))


def cautious(part: float) -> float:
    """What of a share is taken: beyond one half, half.

    A few views overestimate large shares of a classical method, and equal shares are hard to beat (the "forecast
    combination puzzle"). Seen, by unfiltered residuals of few steps, on plain shapes of validation seeds; on a scan of
    magnesium that no benchmark uses, nothing changes. It was first suspected on the wood, whose figures are not those
    of a blind test, no more than the shell's, on which ways to use directional TV had been compared. Directional TV is
    worth all that the views give it.
    """
    return min(part, 0.5 + (part - 0.5) / 2)


def mixed(volume: Tensor, extra: dict[str, Tensor], other: Tensor, part: float) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of network and the other; where they disagree, "std" grows by the variance of such a mixture.

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
