"""The chain from frames to line integrals, in the one order that is right, told step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .logarithm import attenuation_weights, bin_masked, fill_masked, mean_one, minus_log
from .normalise import Transmission, correct_dose, glaring, lit, normalise, without_beam
from .options import PrepareOptions
from .outlying import Outlying, changing, middle_view, outlying
from .phase import phase_filter
from .stripes import FEW_VIEWS, remove_stripes
from .zingers import find_zingers, remove_outliers

_BLOCK = 2**24  # pixels
_JUDGED = 32  # views, spread over the scan, that tell which pixels of the detector cannot be right

Kind = Literal["counts", "transmission", "attenuation"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Line integrals, their weights, and an account of how they came to be.

    Parameters
    ----------
    values, weights : arrays, shape (angle, v, u), float32
        Weights are 0 where a pixel is unusable and 1 on average elsewhere.
    mask : array of bool, same shape
    counts : dict of str to int
        Full-size pixels masked, per reason.
    steps : list of str
        What was done, in order, in words.
    outlying : Outlying
        Full-size pixels of the detector that were left out of all views.
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    outlying: Outlying = field(default_factory=lambda: Outlying({}))


def line_integrals(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    kind: Kind,
    options: PrepareOptions | None = None,
    *,
    flat_times: NDArray[np.float64] | None = None,
    view_times: NDArray[np.float64] | None = None,
    monitor: NDArray[np.float64] | None = None,
    bin: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Prepared:
    """Prepare frames of any kind.

    Parameters
    ----------
    frames : array, shape (angle, v, u), float32
        Counts, transmission or attenuation, full pixels.
    flats, darks : array, shape (n, v, u), optional
        Used for counts only.
    kind : {"counts", "transmission", "attenuation"}
    options : PrepareOptions, optional
    flat_times : array, shape (n,), optional
        0 before the scan, 1 after it.
    view_times : array, shape (angle,), optional
        When each view was taken, 0 to 1; equally spaced unless given.
    monitor : array, shape (angle,), optional
        Beam during each view, relative to that of the flats.
    bin : int
        Pixels averaged along each side, after masking and before the logarithm (the mean of the counts is the
        count of the mean; the mean of logarithms is biased where counts are low).
    tick : callable
        Called several times per second; what it raises ends the work.

    Returns
    -------
    Prepared
        Line integrals and weights (angle, v, u) of binned pixels, the mask of those that were filled in, how many of
        each fault there were, and the steps in words.

    Raises
    ------
    ScanError, OptionError
        Counts without flats; an impossible dose region, or none where one is asked for; no monitor where one is.
    """
    options = options or PrepareOptions()
    if options.dose == "region" and options.open_region is None:
        raise OptionError(
            "The dose correction by region has no region.",
            "Give it with --prepare open_region=[FIRST_ROW,LAST_ROW,FIRST_COLUMN,LAST_COLUMN], or choose dose=edges.",
        )
    if options.dose == "monitor" and monitor is None:
        raise OptionError(
            "The scan has no counts of a beam monitor.",
            "Choose dose=edges, which takes the open beam beside the sample.",
        )
    views, rows, columns = frames.shape
    times = np.linspace(0, 1, views) if view_times is None else np.asarray(view_times, dtype=np.float64)
    shape = (views, max(1, rows // bin), columns // bin)
    values, weights = np.empty(shape, np.float32), np.empty(shape, np.float32)
    mask = np.empty(shape, dtype=bool)
    counts: Counter[str] = Counter()
    levels, factors = np.ones(views), np.ones(views)
    if options.zingers is not None and kind == "counts" and flats is not None:
        flats = remove_outliers(flats, options.zingers, tick)
    # A block of views at a time: the steps before the logarithm need several times the memory of what they work on.
    size = max(1, _BLOCK // (rows * columns))
    usual, read = _usual(frames, flats, darks, kind, options, flat_times, times, tick)
    wrong = outlying(usual, read, changing(frames, tick))
    for block in (slice(start, start + size) for start in range(0, views, size)):
        tick()
        result = _transmission(frames[block], flats, darks, kind, options, flat_times, times[block], tick)
        for reason, pixels in wrong.masks.items():
            result.drop(pixels, reason)
        if kind == "counts":
            levels[block] = lit(result)
        if options.dose in ("edges", "region") and kind != "attenuation":
            factors[block] = correct_dose(result, options.open_region if options.dose == "region" else None)
        elif options.dose in ("auto", "monitor") and monitor is not None and kind == "counts":
            factors[block] = monitor[block]
            result.values /= monitor[block, None, None].astype(np.float32)
        result = bin_masked(result, bin)
        if kind == "attenuation":
            values[block], weights[block] = result.values, result.weights
        else:
            if options.phase is not None:
                result.values = phase_filter(fill_masked(result.values, result.mask), options.phase)
            values[block], weights[block] = minus_log(result)
        mask[block] = result.mask
        counts.update(result.counts)
    if kind == "attenuation":
        weights = attenuation_weights(values, mask)
    for reason, useless in (("view without beam", without_beam(levels)), ("view far too bright", glaring(levels))):
        new = int(np.count_nonzero(~mask[useless])) * bin * min(bin, rows)
        if new:
            counts[reason] += new
            mask[useless] = True
    weights[mask] = 0
    values = fill_masked(values, mask)
    steps = _told(kind, options, flats, darks, factors, bin)
    if options.stripes != "none":
        if views < FEW_VIEWS and not options.stripes_anyway:
            steps.append(f"stripe removal left out: {views} views, under {FEW_VIEWS} it does more harm than good")
        else:
            values = remove_stripes(values, options.stripes, tick)
            steps.append(f"stripe removal: {options.stripes}")
    return Prepared(values, mean_one(weights), mask, dict(counts), steps, wrong)


def _transmission(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    kind: Kind,
    options: PrepareOptions,
    flat_times: NDArray[np.float64] | None,
    view_times: NDArray[np.float64],
    tick: Callable[[], None],
) -> Transmission:
    """I/I0 of the frames (or the attenuation itself, where that is what they hold), with what is unusable masked."""
    if kind == "counts":
        result = normalise(frames, flats, darks, options.flat, flat_times, options.saturation, view_times)
        if options.zingers is not None:
            result.drop(find_zingers(frames, options.zingers, tick), "zinger")
        return result
    values = np.array(frames, dtype=np.float32)
    usable = np.where(np.isfinite(values), values, 0)
    result = Transmission(values, np.zeros(values.shape, bool), np.maximum(usable, 0))
    result.drop(~np.isfinite(values), "not a number")
    values[result.mask] = 0.0
    return result


def _minus_log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Not a number where a value has no logarithm."""
    return np.asarray(-np.log(values, out=np.full_like(values, np.nan), where=values > 0))


def _usual(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    kind: Kind,
    options: PrepareOptions,
    flat_times: NDArray[np.float64] | None,
    times: NDArray[np.float64],
    tick: Callable[[], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Attenuation of each pixel (v, u) in the median view, and the same of what it reads; some rows at a time."""
    views, rows, columns = frames.shape
    some = np.unique(np.linspace(0, views - 1, min(views, _JUDGED)).round().astype(int))
    usual, read = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    plain = options.taking({"zingers": None, "saturation": None})
    size = max(1, _BLOCK // (len(some) * columns))
    for band in (slice(start, start + size) for start in range(0, rows, size)):
        tick()
        flat, dark = (None if one is None else one[:, band] for one in (flats, darks))
        result = _transmission(frames[some, band], flat, dark, kind, plain, flat_times, times[some], tick)
        for values, into in ((result.values, usual), (result.weights, read)):
            values = np.where(result.mask, np.float32(np.nan), values)
            into[band] = middle_view(values if kind == "attenuation" else _minus_log(values))
    return usual, read


def _told(
    kind: Kind,
    options: PrepareOptions,
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    factors: NDArray[np.float64],
    factor: int,
) -> list[str]:
    """The steps up to the logarithm, in order, with those that were asked for in vain."""
    steps = []
    if kind == "counts":
        steps.append(f"flats ({0 if flats is None else len(flats)}) and darks ({0 if darks is None else len(darks)})")
    if options.zingers is not None:
        steps.append(f"zingers above {options.zingers:g} masked" if kind == "counts" else _vain("zingers", kind))
    if options.dose in ("edges", "region") and kind == "attenuation":
        steps.append(_vain("dose correction", kind))
    elif np.any(factors != 1):
        by = "the beam monitor" if options.dose in ("auto", "monitor") else f"the open {options.dose}"
        steps.append(f"dose correction by {by}, factors {factors.min():.3f} to {factors.max():.3f}")
    if factor > 1:
        steps.append(f"binned {factor} x {factor}")
    if options.phase is not None:
        steps.append(_vain("phase filter", kind) if kind == "attenuation" else f"phase filter {options.phase:g}")
    if kind != "attenuation":
        steps.append("minus logarithm")
    return steps


def _vain(step: str, kind: Kind) -> str:
    return f"{step} left out: the frames hold {kind}"
