"""Whether a scan is like those that a network was trained on: what lies outside is said, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models.unrolled import arc
from ..models.weights import find_weights, read_card
from ..operators import Operator
from .inverse.normalised import Scaled

SLACK = 1.25  # beyond the ends of a range, as a factor
ONE_COUNT = 1.0  # noise of a line integral from one count; larger is that of values on an arbitrary scale
SLACK_DEGREES = 5.0  # the same for the arc, which has no factor


def told_of_training(data: Scaled, *networks: str | Path) -> dict[str, list[str]]:
    """For :attr:`Estimate.chosen`: "outside_training", what about a scan the networks at work have not met.

    Parameters
    ----------
    data : Scaled
        The measurement, in units of the object's maximum.
    *networks : str or Path
        Names or paths of their weights; the cards beside them say what they were trained for.

    Returns
    -------
    dict
        Empty where all is as in the training.
    """
    noise = data.noise * data.operator.norm * data.top
    said = [one for name in networks for one in outside_training(read_card(find_weights(name)), data.operator, noise)]
    return {"outside_training": list(dict.fromkeys(said))} if said else {}


def outside_training(card: Mapping[str, Any], operator: Operator, noise: float) -> list[str]:
    """What about a scan lies outside of what the network was trained for.

    Parameters
    ----------
    card : mapping
        Of the weights; its entry "trained_for" holds ranges [low, high] of "views", "arc_deg", "counts_behind" (counts
        per pixel behind the sample; high None: any number), "side_px" and, for a network that learnt one sample,
        "pixel_mm". What is missing is not looked at.
    operator : Operator
        Of the scan.
    noise : float
        Standard deviation of its line integrals where the weight is 1.

    Returns
    -------
    list of str
        Full sentences; empty when all is inside.
    """
    ranges: Mapping[str, Sequence[float | None]] = card.get("trained_for") or {}
    found = {
        "views": float(operator.views),
        "arc_deg": math.degrees(arc(operator.angles)),
        "counts_behind": 1 / noise**2 if 0 < noise < ONE_COUNT else math.inf,
        "side_px": float(operator.grid),
        "pixel_mm": float(operator.volume.voxel),
    }
    words = {
        "views": "The scan has {} views; the network was trained for {}.",
        "arc_deg": "The views cover {} degrees; the network was trained for {}.",
        "counts_behind": "About {} counts per pixel arrive behind the sample; the network was trained for {}.",
        "side_px": "The slices are {} pixels wide; the network was trained for {}.",
        "pixel_mm": "The pixels are {} mm wide; the network was trained for {}.",
    }
    said = []
    for name, value in found.items():
        low, high = ranges.get(name) or (None, None)
        if name == "arc_deg":
            below = low is not None and value < low - SLACK_DEGREES
            above = high is not None and value > high + SLACK_DEGREES
        else:
            below = low is not None and value < low / SLACK
            above = high is not None and value > high * SLACK
        if below or above:
            said.append(words[name].format(f"{value:.3g}", _range(low, high)))
    return said


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"{low:g} or more" if low is not None else f"{high:g} or fewer"
    return f"{low:g} to {high:g}" if low != high else f"{low:g}"
