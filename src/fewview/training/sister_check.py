"""What a network that learnt a sister sample may be used for: held-out measurements of the scan itself decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..methods.interface import Problem
from ..methods.inverse.masking import measured
from ..methods.registry import get_method
from ..methods.selection.comparison import ENOUGH, ONE_STANDARD_ERROR, better, gain
from ..methods.selection.held_out import hold_out, prediction_errors
from ..methods.slices import central
from .checkpoint import read_average
from .sister import HALF, export_sister

OTHERS: tuple[tuple[str, Mapping[str, Any]], ...] = (("tv", {}), ("mbir", {}), ("d3ip-generic", {}))
SLICES, PIXELS = (4, 12), 12 * 64**2
"""Neighbouring slices that are predicted, at least and at most, and their pixels in all, about: more are surer, and
take longer."""

OTHER_PARTS = (1.0, 0.75, 0.25)
"""Of the way from the network that was started from to what was learnt: what is tried beside half of it."""
PARTITIONS = 2
"""Of the views, into what is given and what is held out."""


def kept_part(scan: Problem, folder: Path, weights: Path) -> float:
    """How much of what was learnt is good for the scan: by views of it, which the check after it does not hold out.

    Half way between what it knew and what it learnt, a network often does better on data that are like neither
    (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022); more or less of it has to be better.

    Parameters
    ----------
    scan : Problem
    folder : Path
        Of the training.
    weights : Path
        Written for each part that is tried.

    Returns
    -------
    float
        A part of the way; 1 for a network that began at nothing.
    """
    facts, _ = read_average(folder)
    if not facts["options"]["start"]:
        return 1.0
    parted = [hold_out(replace(_some(scan), seed=scan.seed + 1 + k)) for k in range(PARTITIONS)]

    def errors_of(part: float) -> NDArray[np.float64]:
        export_sister(folder, weights, "", part=part)
        return np.concatenate([_predicted(*one, "unrolled", {"weights": str(weights)}) for one in parted])

    best, least = HALF, (usual := errors_of(HALF))
    for part in OTHER_PARTS:
        errors = errors_of(part)
        if better(errors, usual, confidence=ONE_STANDARD_ERROR) and errors.mean() < least.mean():
            best, least = part, errors
    return best


def held_out_check(scan: Problem, weights: Path) -> dict[str, Any]:
    """Predict held-out views of some slices, by the network and by methods that know nothing of the sample.

    Of 5 views and fewer it is detector pixels. Of more, pixels would favour whatever follows the noise of a view.

    Parameters
    ----------
    scan : Problem
    weights : Path
        That ``unrolled`` is to be used with.

    Returns
    -------
    dict
        "relative_error" by method (error of the held-out line integrals over their size, noise included), "better":
        whether it predicts them better than all others, and "verdict": one sentence.
    """
    given, held = hold_out(_some(scan))
    candidates = (*OTHERS, ("unrolled", {"weights": str(weights)}))
    errors = {name: _predicted(given, held, name, options) for name, options in candidates}
    y, counted = measured(held)
    counted = torch.ones_like(y) if counted is None else counted
    power = float((counted * y.square()).sum() / counted.sum())
    best = min((name for name, _ in OTHERS), key=lambda name: float(errors[name].mean()))
    gained = gain(errors["unrolled"], errors[best])
    title = get_method(best).title
    percent = f"{abs(gained):.1%}".replace("%", " %")
    how = f"{percent} {'better' if gained > 0 else 'worse'} than by the best other method, {title}"
    advice = (
        "use these weights for this scan"
        if better(errors["unrolled"], errors[best], enough=ENOUGH)
        else "the gain is not certain: compare both volumes before you rely on these weights"
        if gained > 0
        else f"do not use these weights for this scan; use {title}"
    )
    return {
        "relative_error": {name: round((float(e.mean()) / power) ** 0.5, 5) for name, e in errors.items()},
        "better": bool(gained > 0),
        "verdict": f"Held-out measurements are predicted {how}: {advice}.",
    }


def _some(scan: Problem) -> Problem:
    """Slices in the middle of the scan."""
    return central(scan, int(np.clip(PIXELS // scan.operator.grid**2, *SLICES)), adjacent=True)


def _predicted(given: Problem, held: Any, name: str, options: Mapping[str, Any]) -> NDArray[np.float64]:
    method = get_method(name)
    *_, last = method.run(given, method.options.parse(dict(options)))
    return np.array(prediction_errors(held, torch.as_tensor(last.volume)))
