"""SART: the simultaneous algebraic reconstruction technique, view by view or by ordered subsets."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...options import option
from ..budget import BudgetOptions
from ..common_options import positivity_option
from ..interface import Estimate, Method, Problem
from ..inverse.masking import relative
from .iterate import begun
from .ordered import Sweep


class SARTOptions(BudgetOptions):
    """Options of SART."""

    iterations: int = option(
        20,
        "Iterations",
        "The number of passes over all views. More give a sharper and noisier volume, and take longer.",
        ge=1,
    )
    relaxation: float = option(
        0.7,
        "Relaxation",
        "The size of each update. A smaller one converges more slowly and gives less noise.",
        gt=0,
        le=1.99,
    )
    decay: float = option(
        0.97,
        "Decay",
        "The update size is multiplied by this factor after each pass. Below 1 the updates shrink, and the "
        "volume settles.",
        gt=0,
        le=1,
        advanced=True,
    )
    subset: int = option(
        1,
        "Views per update",
        "The number of views that each update uses. 1 is the classical SART; more views per update take less time.",
        ge=1,
        unit="views",
    )
    positivity: bool = positivity_option()


@torch.no_grad()
def solve(problem: Problem, options: SARTOptions) -> Iterator[Estimate]:
    """Sweeps over the views in random order, each update as in SIRT but from one subset of views."""
    A = problem.operator
    sweep = Sweep(problem, options.subset, problem.seed)
    done, x = begun(problem, sweep.y)
    for step in range(done + 1, options.iterations + 1):
        relaxation = sweep.y.new_full((1, 1, 1), options.relaxation * options.decay ** (step - 1))
        x = sweep(x, step, relaxation, options.positivity)
        scalars = {"data_residual": relative(A(x) - sweep.y, sweep.y, sweep.usable)}
        yield Estimate(x, step, options.iterations, "iterating", scalars, {"volume": x, "step": step})


METHOD = Method(
    name="sart",
    title="SART",
    family="classical",
    summary="Like SIRT, but each view updates the volume at once: a good image in a few passes.",
    source="Andersen and Kak, Ultrasonic Imaging 6 (1984) 81",
    options=SARTOptions,
    solve=solve,
    buffers=(5.0, 5.0),
    matrices=2.2,
)
