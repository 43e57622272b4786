"""Whether the views of a scan can be used: saturated, without sample, not numbers, wrapped around, with spots."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Frames = NDArray[np.float32]

NARROW = 16  # columns: less tells nothing of a sample and what lies beside it
CEILINGS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)  # of detectors with 8 to 16 bits
_EDGE = 0.04  # share of the columns at each side that may show the open beam
_NO_SAMPLE = 0.1  # of the usual attenuation of a whole view
_EVEN = 0.05  # relative spread of what counts as open beam over the views, and of one side against the other
_DRIFT = 0.08  # of the beam over the views, of its level, that is worth a word
_NO_BEAM = 0.05  # of the level of the brightest views
_SPOT, _SIGMAS = 0.3, 8.0  # of a zinger over its neighbours


@dataclass(frozen=True)
class Beside:
    """The level beside the sample.

    Parameters
    ----------
    level : float
        Median over the views.
    open : bool
        Whether both sides agree in all views, as the open beam does and a sample that leaves the detector does not.
    views : array, shape (angle,)
        Of each view: the brighter side.
    even : bool
        Whether the two sides of a view agree, whatever the other views read.
    """

    level: float
    open: bool
    views: Array
    even: bool = False


def beside(values: Frames) -> Beside:
    """The level at both edges of the detector, of frames (angle, v, u)."""
    edge = max(1, round(_EDGE * values.shape[2]))
    with np.errstate(all="ignore"):
        sides = np.stack([_medians(values[:, :, :edge]), _medians(values[:, :, -edge:])])
        views = np.nanmax(np.where(np.isfinite(sides), sides, -np.inf), axis=0)
        level = float(np.median(views))
        near = np.abs(sides - level) <= _EVEN * abs(level)
        even = np.abs(sides[0] - sides[1]) <= _EVEN * np.abs(views)
    return Beside(level, bool(np.mean(near) > 0.9), views, bool(np.mean(even) > 0.9))


def drift(values: Frames, side: Beside) -> tuple[float, float] | None:
    """Lowest and highest level of a beam that changes from view to view; None where it does not.

    What makes both sides of a view darker is the beam if, once it is divided out, all views attenuate alike; a sample
    that leaves the detector does not.
    """
    low, high = (float(one) for one in np.quantile(side.views, (0.05, 0.95)))
    if not side.even or not low > 0 or high - low < _DRIFT * side.level:
        return None
    kept, divided = (
        float(np.ptp(np.quantile(attenuation(values, level), (0.1, 0.9))))
        for level in (np.full_like(side.views, side.level), side.views)
    )
    return (low, high) if divided < 0.5 * kept else None


def attenuation(values: Frames, level: Array) -> Array:
    """Mean of -log(value / level) over each view: in a parallel beam it is the same from all sides."""
    with np.errstate(all="ignore"):
        ratio = values / level[:, None, None]
        logs = -np.log(np.clip(ratio, 1e-3, 1e3))
    return np.array([float(np.mean(one[np.isfinite(one)])) if np.isfinite(one).any() else np.nan for one in logs])


def without_sample(mean_attenuation: Array) -> NDArray[np.intp]:
    """Views of the open beam among those of a sample."""
    usual = float(np.nanmedian(mean_attenuation))
    if not usual > 0.01:
        return np.zeros(0, dtype=np.intp)
    spread = float(np.nanmedian(np.abs(mean_attenuation - usual)))
    none = np.abs(mean_attenuation) < _NO_SAMPLE * usual
    return np.flatnonzero(none) if spread < 0.25 * usual else np.zeros(0, dtype=np.intp)


def without_beam(values: Frames) -> NDArray[np.bool_]:
    """Views whose brightest pixels are far below those of the brightest views."""
    usable = [one[np.isfinite(one)] for one in values]
    bright = np.array([float(np.quantile(one, 0.95)) if one.size else 0.0 for one in usable])
    return bright < _NO_BEAM * float(np.quantile(bright, 0.95))


def repeated(values: Frames) -> int:
    """How many views are the same to the last digit as the view before, and no empty ones."""
    return int(sum(np.array_equal(a, b) and np.ptp(a) > 0 for a, b in pairwise(values)))


def ceiling(values: Frames, dtype: np.dtype) -> float | None:
    """The largest value of an integer detector, where pixels pile up at it."""
    if dtype.kind not in "iu" or not values.size:
        return None
    top = float(values.max())
    known = (*CEILINGS, float(np.iinfo(dtype).max))
    piled = float(np.mean(values == top))
    return top if top in known and piled > 1e-4 and piled > 5 * float(np.mean(values == top - 1)) else None


def saturated_share(values: Frames, top: float) -> Array:
    """Share of each view at the ceiling."""
    result: Array = np.mean(values >= top, axis=(1, 2))
    return result


def saturated(shares: Array) -> NDArray[np.bool_]:
    """Views that are saturated as a whole, and not only beside the sample as the others are."""
    usual = float(np.median(shares))
    answer: NDArray[np.bool_] = (shares > 0.95) | ((shares > 0.5) & (shares > 2 * usual))
    return answer


def darker_than_dark(values: Frames, darks: Frames) -> float:
    """Share of the pixels of views that lie below the dark by more than noise explains."""
    middle = np.median(darks, axis=0)
    noise = 1.4826 * float(np.median(np.abs(darks - middle))) if len(darks) > 2 else float(np.std(darks))
    with np.errstate(invalid="ignore"):
        return float(np.mean(values < middle - np.maximum(8 * noise, 0.02 * np.abs(middle))))


def not_numbers(values: Frames) -> Array:
    """Share of each view that is no number."""
    result: Array = 1 - np.mean(np.isfinite(values), axis=(1, 2))
    return result


def signed_by_mistake(values: Frames, dtype: np.dtype) -> bool:
    """Whether negative pixels of 16 bits are the upper half of an unsigned range: they lie beside the largest ones."""
    if dtype != np.int16 or not np.any(values < -1000):
        return False
    unsigned = np.where(values < 0, values + 65536, values)
    signed_jumps, unsigned_jumps = (float(np.mean(np.abs(np.diff(one, axis=2)) > 32768)) for one in (values, unsigned))
    return float(values.max()) < 0 or (signed_jumps > 1e-4 and unsigned_jumps < 0.1 * signed_jumps)


def wrapped(values: Frames, dtype: np.dtype) -> bool:
    """Whether a smooth picture jumps from the top of an unsigned range to its bottom, and stays there."""
    if dtype.kind != "u" or dtype.itemsize > 2 or values.shape[2] < NARROW:
        return False
    size = float(np.iinfo(dtype).max) + 1
    steps = np.diff(values, axis=2)
    calm = np.abs(steps) < 0.1 * size
    run = calm[..., :-2] & calm[..., 1:-1] & calm[..., 2:]  # three in a row: spots are narrower
    jumps = (np.abs(steps[..., 3:-3]) > 0.7 * size) & run[..., :-4] & run[..., 4:]
    return bool(np.mean(jumps) > 5e-4)


def spots(values: Frames) -> Array:
    """Number of zingers in each view: single pixels far brighter than all around them, along the row and across it."""
    if values.shape[2] < NARROW:
        return np.zeros(len(values))
    around = np.stack([np.roll(values, shift, axis=2) for shift in (-3, -2, 2, 3)])
    beside_it = np.minimum(np.roll(values, 1, axis=2), np.roll(values, -1, axis=2))
    middle = np.median(around, axis=0)
    noise = 1.4826 * _medians(np.abs(np.diff(values, axis=2))) / math.sqrt(2)
    limit = np.maximum(_SPOT * np.abs(middle), _SIGMAS * noise[:, None, None])
    with np.errstate(invalid="ignore"):
        # A bright gap in the sample has shoulders, a spot has none on one side at least.
        bright = (values - around.max(axis=0) > limit) & (beside_it - middle < 0.4 * (values - middle))
        if values.shape[1] > 1:  # and the gap goes on in the rows above and below
            rows = np.median(values, axis=1) if values.shape[1] > 2 else values.min(axis=1)
            bright &= values - rows[:, None] > 0.5 * limit
    bright &= np.isfinite(values)
    result: Array = np.count_nonzero(bright[:, :, 3:-3], axis=(1, 2)).astype(np.float64)
    return result


def _medians(part: Frames) -> Array:
    flat = part.reshape(len(part), -1)
    return np.array([float(np.median(one[np.isfinite(one)])) if np.isfinite(one).any() else np.nan for one in flat])
