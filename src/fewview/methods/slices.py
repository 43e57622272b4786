"""Slices of a run: those that stand for all, and noise that belongs to a slice and not to the slab it is made in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from .interface import Problem, Views

COMMON = 16  # slices that what holds for the whole run is measured on
TOGETHER = 16  # slices, copies included, that the projector is applied to together: of few it takes longer for each
Part = TypeVar("Part", bound=Views)


def central(problem: Problem, slices: int, adjacent: bool = False) -> Problem:
    """The problem of at most ``slices`` slices of the run, whichever of its slices ``problem`` holds.

    Parameters
    ----------
    problem : Problem
    slices : int
    adjacent : bool
        Neighbours in the middle; otherwise they are spread over the middle half, of few slices over more.

    Returns
    -------
    Problem
        Of the slices alone, in the unit of the problem.
    """
    places = central_slices(problem, slices, adjacent)
    if problem.stack is not None:
        return replace(problem.stack.some(places), seed=problem.seed)
    if len(places) == len(problem.data):
        return replace(problem, state=None)
    chosen = torch.as_tensor(places, device=problem.data.device)
    return replace(
        problem,
        data=problem.data[chosen],
        weights=None if problem.weights is None else problem.weights.expand_as(problem.data)[chosen],
        auxiliary=None if problem.auxiliary is None else problem.auxiliary[chosen],
        state=None,
    )


def central_slices(problem: Problem, slices: int, adjacent: bool = False) -> list[int]:
    """Which slices of the run :func:`central` takes.

    Parameters
    ----------
    problem : Problem
    slices : int
        How many at most.
    adjacent : bool
        See :func:`central`.

    Returns
    -------
    list of int
        Numbers in the run, ascending.
    """
    total = len(problem.data) if problem.stack is None else problem.stack.slices
    if total <= slices:
        return list(range(total))
    if adjacent:
        return [(total - slices) // 2 + k for k in range(slices)]
    span = max(total / 2, slices)  # of few slices more than the half, so that none comes twice
    return [int((total - span) / 2 + span * (k + 0.5) / slices) for k in range(slices)]


def common(views: Part) -> Part | Problem:
    """Slices on which a number is measured that all slices of a run share: its noise, the object's maximum."""
    return central(views, COMMON) if isinstance(views, Problem) else views


@dataclass
class SliceNoise:
    """White noise of which each slice of a run has its own, however the run is cut into slabs.

    Parameters
    ----------
    seed : int
    slices : int
        Of the stack.
    first : int
        Number of the first of them in the run.
    stream : int
        Keeps the noise of one purpose apart from that of another.
    drawn : int
        How many times it was asked: all that a resumed run needs.
    """

    seed: int
    slices: int
    first: int = 0
    stream: int = 0
    drawn: int = 0

    @classmethod
    def of(cls, problem: Problem, stream: int = 0) -> SliceNoise:
        """The noise of a problem's slices."""
        return cls(problem.seed, len(problem.data), problem.first_slice, stream)

    def __call__(self, like: Tensor) -> Tensor:
        """New noise, shape and device of ``like`` (copies * slices, ...), made on the CPU for any device."""
        shape = (len(like) // self.slices, *like.shape[1:])
        noise = torch.empty((shape[0], self.slices, *shape[1:]), dtype=like.dtype)
        for k in range(self.slices):
            noise[:, k] = torch.randn(shape, generator=self._generator(self.first + k), dtype=like.dtype)
        self.drawn += 1
        return noise.reshape(like.shape).to(like.device)

    def _generator(self, number: int) -> torch.Generator:
        mixed = np.random.SeedSequence([self.seed, self.stream, self.drawn, number]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(mixed[0]) & (2**63 - 1))
