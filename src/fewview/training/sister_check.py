"""What a network that learnt a sister sample may be used for: held-out views of the scan itself decide."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..methods.diffusion.settings_trial import clearly_best
from ..methods.interface import Problem
from ..methods.inverse.masking import measured
from ..methods.registry import get_method
from ..methods.selection.held_out import central, hold_out, prediction_errors

OTHERS: tuple[tuple[str, Mapping[str, Any]], ...] = (("tv", {}), ("mbir", {}), ("d3ip-generic", {}))
SLICES = 4
SHARE = 0.2  # of the views


def held_out_check(scan: Problem, weights: Path) -> dict[str, Any]:
    """Predict held-out views of some slices with the network and with methods that learnt nothing of the sample.

    Parameters
    ----------
    scan : Problem
    weights : Path
        That ``unrolled`` is to be used with.

    Returns
    -------
    dict
        "relative_error" by method (root of the mean squared error of held-out views over that of the views), and
        "verdict": one sentence.
    """
    given, held = hold_out(central(scan, SLICES, adjacent=True), SHARE)
    candidates = (*OTHERS, ("unrolled", {"weights": str(weights)}))
    errors = {name: _predicted(given, held, name, options) for name, options in candidates}
    y, _ = measured(held)
    power = float(y.square().mean())
    best = min((name for name, _ in OTHERS), key=lambda name: float(errors[name].mean()))
    trusted = clearly_best({best: errors[best], "unrolled": errors["unrolled"]}) == "unrolled"
    ratio = float(errors["unrolled"].mean() / errors[best].mean()) ** 0.5 - 1
    how = f"{abs(ratio):.1%} {'better' if ratio < 0 else 'worse'} than by the best other method ({best})"
    advice = (
        "use these weights for this scan"
        if trusted
        else "the gain is not certain: compare both volumes before you rely on these weights"
        if ratio < 0
        else f"do not use these weights for this scan; use {best}"
    )
    return {
        "relative_error": {name: round((float(e.mean()) / power) ** 0.5, 5) for name, e in errors.items()},
        "verdict": f"Held-out views are predicted {how}: {advice}.",
    }


def _predicted(given: Problem, held: Any, name: str, options: Mapping[str, Any]) -> NDArray[np.float64]:
    method = get_method(name)
    *_, last = method.run(given, method.options.parse(dict(options)))
    return np.array(prediction_errors(held, last.volume))
