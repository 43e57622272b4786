"""What held-out views say of several runs of networks: which of the shipped ones, and whether an X-ray volume helps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping

import numpy as np
import torch

from ...models.weights import WeightsError, find_weights
from ..classical.fbp import preview
from ..interface import Estimate, Problem
from ..selection.comparison import PerView
from ..selection.held_out import hold_out, prediction_errors
from ..selection.picture import Picture
from ..slices import central

NETWORKS = ("unrolled-general", "unrolled-materials")
"""The first is kept unless another is clearly better: it has seen most kinds of samples."""
SLICES = 4
"""Slices that decide: neighbours in the middle."""


def available() -> tuple[str, ...]:
    """Those of :data:`NETWORKS` that are there; the first where none is, so that a run says what is missing."""
    return tuple(name for name in NETWORKS if _there(name)) or NETWORKS[:1]


def _there(name: str) -> bool:
    try:
        find_weights(name)
    except WeightsError:
        return False
    return True


def predicted(
    problem: Problem, runs: Mapping[str, Callable[[Problem], Iterator[Estimate]]], stage: str
) -> Generator[Estimate, None, dict[str, PerView]]:
    """Reconstruct central slices from a part of the views, in several ways.

    Parameters
    ----------
    problem : Problem
    runs : mapping
        By name, what reconstructs; its last estimate counts.
    stage : str
        What is told meanwhile.

    Yields
    ------
    Estimate
        The starting image, while a run goes on.

    Returns
    -------
    dict
        By name, the squared errors of the held-out views.
    """
    given, held = hold_out(central(problem, SLICES, adjacent=True))
    picture = Picture(preview(problem), of=problem)
    errors: dict[str, PerView] = {}
    for index, (name, run) in enumerate(runs.items()):
        volume = preview(given)
        for estimate in run(given):
            volume = torch.as_tensor(estimate.volume)
            yield picture.estimate(index, len(runs), stage)
        errors[name] = np.array(prediction_errors(held, volume))
    return errors
