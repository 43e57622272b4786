"""The chain from frames to line integrals, in the one order that is right, told step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .logarithm import attenuation_weights, bin_masked, fill_masked, minus_log
from .normalise import Transmission, correct_dose, normalise
from .options import PrepareOptions
from .phase import phase_filter
from .stripes import FEW_VIEWS, remove_stripes
from .zingers import find_zingers, remove_outliers

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
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    mask: NDArray[np.bool_]
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


def line_integrals(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    kind: Kind,
    options: PrepareOptions,
    *,
    flat_times: NDArray[np.float64] | None = None,
    bin: int = 1,
) -> Prepared:
    """Prepare frames of any kind.

    Parameters
    ----------
    frames : array, shape (angle, v, u), float32
        Counts, transmission or attenuation, full pixels.
    flats, darks : array, shape (n, v, u), optional
        Used for counts only.
    kind : {"counts", "transmission", "attenuation"}
    options : PrepareOptions
    flat_times : array, shape (n,), optional
        0 before the scan, 1 after it.
    bin : int
        Pixels averaged along each side, after masking and before the logarithm (the mean of the counts is the
        count of the mean; the mean of logarithms is biased where counts are low).

    Raises
    ------
    ScanError
        Counts without flats; an impossible dose region.
    """
    steps: list[str] = []
    result = _transmission(frames, flats, darks, kind, options, flat_times, steps)
    if options.dose != "none" and kind != "attenuation":
        factors = correct_dose(result, options.open_region if options.dose == "region" else None)
        steps.append(f"dose correction, factors {factors.min():.3f} to {factors.max():.3f}")
    if bin > 1:
        result = bin_masked(result, bin)
        steps.append(f"binned {bin} x {bin}")
    if options.phase is not None and kind != "attenuation":
        result.values = phase_filter(fill_masked(result.values, result.mask), options.phase)
        steps.append(f"phase filter {options.phase:g}")
    if kind == "attenuation":
        values, weights = fill_masked(result.values, result.mask), attenuation_weights(result.values, result.mask)
    else:
        values, weights = minus_log(result)
        steps.append("minus logarithm")
    if options.stripes != "none":
        if len(values) < FEW_VIEWS and not options.stripes_anyway:
            steps.append(f"stripe removal left out: {len(values)} views, under {FEW_VIEWS} it does more harm than good")
        else:
            values = remove_stripes(values, options.stripes)
            steps.append(f"stripe removal: {options.stripes}")
    return Prepared(values, weights, result.mask, result.counts, steps)


def _transmission(
    frames: NDArray[np.float32],
    flats: NDArray[np.float32] | None,
    darks: NDArray[np.float32] | None,
    kind: Kind,
    options: PrepareOptions,
    flat_times: NDArray[np.float64] | None,
    steps: list[str],
) -> Transmission:
    """I/I0 of the frames (or the attenuation itself, where that is what they hold), with what is unusable masked."""
    if kind != "counts":
        values = np.array(frames, dtype=np.float32)
        usable = np.where(np.isfinite(values), values, 0)
        result = Transmission(values, np.zeros(values.shape, bool), np.maximum(usable, 0))
        result.drop(~np.isfinite(values), "not a number")
        values[result.mask] = 0.0
        return result
    if options.zingers is not None and flats is not None:
        flats = remove_outliers(flats, options.zingers)
    result = normalise(frames, flats, darks, options.flat, flat_times, options.saturation)
    steps.append(f"flats ({0 if flats is None else len(flats)}) and darks ({0 if darks is None else len(darks)})")
    if options.zingers is not None:
        result.drop(find_zingers(frames, options.zingers), "zinger")
        steps.append(f"zingers above {options.zingers:g} masked")
    return result
