"""Measurements of nothing: where no ray meets an object, the volume is empty, and no network is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec

import torch

from .classical.fbp import preview
from .interface import Estimate, Problem
from .inverse.masking import measured
from .slices import common

More = ParamSpec("More")


def nothing_there(problem: Problem) -> bool:
    """Whether no ray meets an object: then there is nothing to ask a network about."""
    return not bool((measured(common(problem))[0] > 0).any())


def empty_without_object(
    solve: Callable[Concatenate[Problem, More], Iterator[Estimate]],
) -> Callable[Concatenate[Problem, More], Iterator[Estimate]]:
    """A method's solving that has to look only at measurements of something."""

    @wraps(solve)
    def looked_at(problem: Problem, /, *args: More.args, **named: More.kwargs) -> Iterator[Estimate]:
        if nothing_there(problem):
            yield Estimate(torch.zeros_like(preview(problem)), 1, 1, "nothing there", {"data_residual": 0.0})
        else:
            yield from solve(problem, *args, **named)

    return looked_at
