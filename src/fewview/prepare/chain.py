"""The whole preparation: frames, flats and darks to line integrals with weights, a block of views at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from .dose import view_dose
from .logarithm import fill, minus_log
from .normalise import Floats, Mask, Unusable
from .options import PrepareOptions
from .phase import paganin
from .sources import Counts, Ratio, Run
from .stripes import remove_stripes, why_not

_PLAUSIBLE = 50.0  # attenuation above which values have some scale of their own, and say nothing about counts


@dataclass(frozen=True)
class Prepared:
    """Line integrals, and what was done to get them.

    Parameters
    ----------
    values : array, shape (angle, v, u), float32
        -log of the transmission, without gaps: masked pixels are filled from their neighbours.
    weights : array, shape (angle, v, u), float32
        Proportional to the inverse variance (about 1 in the open beam); 0 on masked pixels.
    mask : array of bool, shape (angle, v, u)
        True where there is no measurement.
    counts : dict of str to int
        How many detector pixels were masked, per reason (before binning; reasons that did not occur are absent).
    steps : list of str
        What was done, in words.
    """

    values: Floats
    weights: Floats
    mask: Mask
    counts: dict[str, int]
    steps: list[str]


def line_integrals(
    frames: ArrayLike,
    flats: ArrayLike | None,
    darks: ArrayLike | None,
    kind: Literal["counts", "transmission", "attenuation"],
    options: PrepareOptions | None = None,
    flat_times: ArrayLike | None = None,
    view_times: ArrayLike | None = None,
    bin: int = 1,
) -> Prepared:
    """Run the preparation.

    In order: zingers, flats and darks, dose, phase, binning, -log, filling, stripes.

    Parameters
    ----------
    frames : array, shape (angle, v, u)
        What ``kind`` says: detector counts, transmission (0 to 1) or attenuation (-log of it).
    flats, darks : array, shape (n, v, u), optional
        Needed, and optional, for counts; not used for the other kinds.
    kind : {"counts", "transmission", "attenuation"}
    options : PrepareOptions, optional
    flat_times : array, shape (n,), optional
        When each flat was taken, in parts of the scan from 0 to 1.
    view_times : array, shape (angle,), optional
        When each view was taken; equally spread over the scan unless given.
    bin : int
        Average that many pixels in both directions; masked ones do not count.

    Raises
    ------
    ScanError
        Counts without flats, shapes that do not fit, a dose region that is not there.
    """
    options = options or PrepareOptions()
    data = np.asarray(frames)
    if data.ndim != 3:
        raise ScanError(f"Frames of shape {data.shape}: three axes are needed.", "Give (angle, row, column).")
    views, rows, columns = data.shape
    run = Run(options, rows * columns)
    if kind == "attenuation" and options.dose == "off" and options.paganin == 0:
        values, weights, mask = _keep_attenuation(data, run, bin)
    else:
        source: Counts | Ratio
        if kind == "counts":
            times = np.linspace(0, 1, views) if view_times is None else np.asarray(view_times, dtype=float)
            source = Counts(data, flats, darks, times, flat_times, run)
        else:
            source = Ratio(data, attenuation=kind == "attenuation", run=run)
        values, weights, mask = _through_transmission(source, run, (views, rows // bin, columns // bin), bin)
    run.steps += [f"masked: {found} pixels, {reason}" for reason, found in run.counts.items()]
    fill(values, mask)
    if options.stripes != "off":
        reason = why_not(views, options.stripe_views)
        if reason is None:
            values = remove_stripes(values, options.stripes, options.stripe_size)
        run.steps.append(f"stripes: {reason or options.stripes}")
    return Prepared(values, weights, mask, run.counts, run.steps)


def _through_transmission(
    source: Counts | Ratio, run: Run, shape: tuple[int, int, int], factor: int
) -> tuple[Floats, Floats, Mask]:
    values, weights = np.empty(shape, np.float32), np.empty(shape, np.float32)
    mask = np.empty(shape, dtype=bool)
    boxes = source.dose_boxes()
    for block in run.blocks(shape[0]):
        part, light, unusable = source.read(block)
        if boxes:
            dose = view_dose(part, unusable.mask, boxes)
            unusable.add("no beam", (dose <= 0)[:, None, None])
            part /= np.where(dose > 0, dose, 1)[:, None, None].astype(np.float32)
        if run.options.paganin > 0:
            fill(part, unusable.mask)
            part = paganin(part, run.options.paganin)
        values[block], weights[block], mask[block] = _log_and_bin(part, light, unusable, factor)
        run.count(unusable)
    run.describe(boxes, factor)
    return values, weights, mask


def _keep_attenuation(data: NDArray, run: Run, factor: int) -> tuple[Floats, Floats, Mask]:
    """Values as they came; only what is not a number is masked."""
    values = np.array(data, dtype=np.float32)
    unusable = Unusable(np.zeros(values.shape, dtype=bool))
    unusable.add("not a number", ~np.isfinite(values))
    values[unusable.mask] = 0
    run.count(unusable)
    run.steps.append("attenuation as given")
    if np.quantile(np.abs(values[:: max(1, len(values) // 16)]), 0.99) > _PLAUSIBLE:
        weights = np.ones_like(values)
        run.steps.append("equal weights: the values are not on the scale of a logarithm")
    else:
        weights = np.exp(-values)
    weights[unusable.mask] = 0
    if factor == 1:
        return values, weights, unusable.mask
    run.steps.append(f"binned {factor} x {factor}")
    mean, share = _mean_of_good(values, unusable.mask, factor)
    return mean, _bin_mean(weights, factor), share == 0


def _log_and_bin(part: Floats, light: Floats, unusable: Unusable, factor: int) -> tuple[Floats, Floats, Mask]:
    """Bin the transmission (not its logarithm: the mean of logarithms is biased), then take the logarithm."""
    if factor == 1:
        values, weights = minus_log(part, light, unusable)
        return values, weights, unusable.mask
    mean, share = _mean_of_good(part, unusable.mask, factor)
    coarse = Unusable(share == 0)
    values, weights = minus_log(mean, _bin_mean(np.where(unusable.mask, 0, light), factor), coarse)
    for reason, found in coarse.counts.items():
        unusable.counts[reason] = unusable.counts.get(reason, 0) + found * factor**2
    return values, weights, coarse.mask


def _mean_of_good(values: Floats, mask: Mask, factor: int) -> tuple[Floats, Floats]:
    """Mean of the usable pixels of every bin (1 where there is none), and which part of them is usable."""
    share = _bin_mean(~mask, factor)
    total = _bin_mean(np.where(mask, 0, values), factor)
    return np.divide(total, share, out=np.ones_like(share), where=share > 0), share


def _bin_mean(values: NDArray, factor: int) -> Floats:
    views, rows, columns = values.shape
    blocks = values[:, : rows // factor * factor, : columns // factor * factor]
    blocks = blocks.reshape(views, rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(2, 4), dtype=np.float32)
