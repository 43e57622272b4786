"""How a diffusion does less where there is little time: fewer samples and fewer steps, or fewer samples first."""

from __future__ import annotations

import math
from typing import Any

from ..budget import Pacing
from ..interface import Problem
from .options import DiffusionOptions, closed
from .start import settled_scale
from .tune import effort

PROBE = {"steps": 2, "samples": 2, "beside_share": 0.0}
"""The least run that all kinds of step are seen in."""


def lighter(options: DiffusionOptions, part: float) -> DiffusionOptions:
    """The options with so large a part of the diffusion: of 16 steps of 8 samples, a quarter is 8 steps of 4.

    Parameters
    ----------
    options : DiffusionOptions
    part : float
        0 to 1.
    """
    less: DiffusionOptions = _with(options, part, options.samples * math.sqrt(part))
    return less


def fewer_samples(options: Any, part: float) -> Any:
    """The options with so large a part of the steps of all samples: of 100 steps of 8, a quarter is 100 of 2.

    A sampler whose steps follow a gradient, and do not end at the measurement, needs them to get there.

    Parameters
    ----------
    options : Options
        With "samples" and "steps".
    part : float
        0 to 1.
    """
    return _with(options, part, options.samples * part)


def _with(options: Any, part: float, samples: float) -> Any:
    """About so many samples, but enough to see them differ, and the steps that the part of the work leaves for each."""
    drawn = max(min(PROBE["samples"], options.samples), round(samples))
    steps = min(max(1, round(options.steps * options.samples * part / drawn)), options.steps)
    return options.taking({"samples": drawn, "steps": steps})


def _probe(options: DiffusionOptions) -> DiffusionOptions:
    few = {name: min(PROBE[name], getattr(options, name)) for name in ("steps", "samples")}
    return options.taking({**PROBE, **few})


def _cost(problem: Problem, options: DiffusionOptions) -> float:
    return effort(problem, options).solving


def _untuned(problem: Problem, options: DiffusionOptions) -> DiffusionOptions:
    return closed(options.taking({"scale": settled_scale(problem, options.scale)}))


PACING = Pacing(lighter, _cost, _probe, _untuned)
