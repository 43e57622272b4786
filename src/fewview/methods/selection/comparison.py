"""Whether one setting is better than another, by what each predicts of measurements that neither was given.

The one rule for all of fewview: wherever a method chooses, it asks :func:`better`. A ground truth is never asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""That another setting is better, before it takes the place of the default."""
ONE_STANDARD_ERROR = 0.84
"""The confidence at which two settings of one parameter are told apart: one standard error of their difference."""
ON_AVERAGE = 0.5
"""The confidence at which the smaller mean error decides, however small the difference is."""

ENOUGH = 0.02
"""Gain by which another network is taken without a test: three views cannot pass one (docs/constants.md)."""

PerView = NDArray[np.float64]
"""Mean squared errors of held-out measurements, one value per view; the same views in the same order."""
Setting = TypeVar("Setting")


def gain(candidate: PerView, incumbent: PerView) -> float:
    """Part by which the root mean square error of the prediction falls with the candidate; negative where it rises."""
    before, after = float(incumbent.mean()), float(candidate.mean())
    return 1 - (max(after, 0.0) / before) ** 0.5 if before > 0 else 0.0


def better(
    candidate: PerView,
    incumbent: PerView,
    *,
    confidence: float = CONFIDENCE,
    least: float = 0.0,
    enough: float = 1.0,
) -> bool:
    """Whether the candidate predicts held-out measurements better than the incumbent.

    Parameters
    ----------
    candidate, incumbent : ndarray, shape (views,)
        Squared errors per view.
    confidence : float
        Of a paired one-sided t-test over the views. Two or three views tell little, and then only a large and even gain
        counts; a single view tells nothing.
    least : float
        The :func:`gain` must be larger than this, however certain it is.
    enough : float
        A gain of this part counts without a test, too: three views cannot pass one.

    Returns
    -------
    bool
        False where the gain is not certain enough.
    """
    gained = gain(candidate, incumbent)
    if gained <= 0 or gained < least:
        return False
    if gained >= enough or confidence <= ON_AVERAGE:
        return True
    difference = incumbent - candidate
    if len(difference) < 2:
        return False
    if float(np.ptp(difference)) <= 1e-9 * float(difference.mean()):  # the same in every view: nothing to test
        return True
    from scipy.stats import ttest_rel  # takes most of a second to import

    return bool(ttest_rel(candidate, incumbent, alternative="less").pvalue < 1 - confidence)


def best_setting(errors: Mapping[Setting, PerView], enough: float = 1.0) -> Setting:
    """The setting with the least error, if it is :func:`better` than the first; else the first.

    Parameters
    ----------
    errors : mapping
        Of setting to errors per view; the first is the default.
    enough : float
        See :func:`better`.
    """
    default, best = next(iter(errors)), min(errors, key=lambda setting: float(errors[setting].mean()))
    return best if better(errors[best], errors[default], enough=enough) else default
