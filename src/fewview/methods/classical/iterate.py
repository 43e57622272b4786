"""What a solver yields at each step, apart from options and estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..interface import Estimate, Problem


class Iterate(NamedTuple):
    """One step: images, the state to go on from, and objective and relative data residual for who asks.

    They take time, and a GPU waits for them: choosing a weight does without.
    """

    step: int
    x: Tensor
    figures: Callable[[], tuple[float, float]]
    state: dict[str, Any]


def begun(problem: Problem, y: Tensor) -> tuple[int, Tensor]:
    """Steps done, and the volume that they came to: of the state of a problem, or none and zeros."""
    if problem.state is None:
        return 0, problem.operator.zeros(len(y))
    return int(problem.state["step"]), torch.as_tensor(problem.state["volume"]).to(y).clone()


def estimates(solution: Iterator[Iterate], iterations: int, settings: Mapping[str, float]) -> Iterator[Estimate]:
    """What the solver yields, as estimates; the settings among the scalars.

    Parameters
    ----------
    solution : Iterator[Iterate]
        Of the solver.
    iterations : int
        As many as it will take.
    settings : mapping
        What is settled, by name.

    Yields
    ------
    Estimate
        One for each iterate, which can be resumed from it.
    """
    for it in solution:
        objective, residual = it.figures()
        scalars = {"objective": objective, "data_residual": residual, **settings}
        yield Estimate(it.x, it.step, iterations, "iterating", scalars, it.state)
