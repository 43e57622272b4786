"""What is shown while settings are chosen, and kept on a stop: a starting image, then the best trial so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from ..interface import Estimate, Problem
from .coarse import finer

AT_FIRST = 0.25  # seconds from one look at a trial under way to the next, while there is no better one to show
PATIENCE = 2.0  # seconds without a new picture, after which the trial under way takes the place of the best one
clock = time.monotonic


class _Shown(NamedTuple):
    """A volume of the whole problem, and what it is."""

    volume: Tensor
    words: str


class Picture:
    """A volume of the whole problem that says what it holds.

    Parameters
    ----------
    start : Tensor, shape (slices, y, x)
        The starting image.
    made : str
        How it was made: "FBP", "CGLS, 56 steps".
    of : Problem, optional
        Where its slices lie in the run, and on the detector; by default it is the whole run.
    """

    def __init__(self, start: Tensor, made: str = "FBP", of: Problem | None = None) -> None:
        self._first = 0 if of is None else of.first_slice
        self._rows = None if of is None else of.rows
        self._start, self._made = start, made
        self._best: _Shown | None = None
        self._under_way: _Shown | None = None
        self._error = math.inf
        self._changed = -math.inf

    @property
    def volume(self) -> Tensor:
        """What is shown now."""
        shown = self._under_way or self._best
        return self._start if shown is None else shown.volume

    @property
    def due(self) -> bool:
        """Whether a trial under way is to be shown, for :meth:`try_on`: nothing new has been shown for a while."""
        return clock() - self._changed >= (AT_FIRST if self._best is None else PATIENCE)

    def try_on(self, trial: Tensor, slices: Sequence[int], words: str, factor: int = 1) -> None:
        """Show a trial that is under way, until :meth:`take` or :meth:`settle` ends it.

        Nobody knows yet whether it is better than the best one, which its words name too: it is shown so that a search
        among settings that turn out worse does not look like a program that hangs.

        Parameters
        ----------
        trial, slices, words, factor
            As in :meth:`take`.
        """
        self._under_way, self._changed = self._laid(trial, slices, words, factor), clock()
        if self._under_way is not None and self._best is not None:
            best = self._best.words.rpartition(": ")[2]
            self._under_way = _Shown(
                self._under_way.volume, f"{self._under_way.words}, being tried; best so far: {best}"
            )

    def take(self, error: float, trial: Tensor, slices: Sequence[int], words: str, factor: int = 1) -> None:
        """A trial has ended: show it from now on, if it predicts what was held out better than those before.

        Parameters
        ----------
        error : float
            Of its prediction.
        trial : Tensor, shape (len(slices), y, x)
        slices : sequence of int
            Which slices of the run it has; the others stay those of the starting image.
        words : str
            What it is: "while its weight was being chosen: weight 0.0014".
        factor : int
            How many times coarser its pixels are.
        """
        self.settle()
        if error < self._error:
            self._error, self._best = error, self._laid(trial, slices, words, factor)
            self._changed = clock()

    def settle(self) -> None:
        """Show the best trial again."""
        if self._under_way is not None:
            self._under_way, self._changed = None, clock()

    def _laid(self, trial: Tensor, slices: Sequence[int], words: str, factor: int) -> _Shown | None:
        """A trial in its place; None where it lies outside."""
        own = [k for k, number in enumerate(slices) if 0 <= number - self._first < len(self._start)]
        if not own:  # the choice is made on slices of the run that this slab does not hold
            return None
        volume = self._start.clone()
        here = [slices[k] - self._first for k in own]
        volume[here] = finer(trial[own], volume.shape[-1], factor).to(volume)
        if len(own) < len(volume):
            rows = [slices[k] if self._rows is None else self._rows[slices[k]] for k in own]
            words += f" (row{'s' * (len(own) > 1)} {', '.join(map(str, rows))}; {self._made} in the others)"
        return _Shown(volume, words)

    def estimate(self, step: int, total: int, stage: str, scalars: Mapping[str, float] | None = None) -> Estimate:
        """The estimate that shows it.

        Parameters
        ----------
        step : int
        total : int
        stage : str
            In words.
        scalars : mapping, optional
            By name.

        Returns
        -------
        Estimate
            The setting that is being tried, else the best so far, else the starting image, and what it is in words.
        """
        shown = self._under_way or self._best
        if shown is not None:
            return Estimate(shown.volume, step, total, stage, scalars or {}, shows=shown.words)
        return Estimate(self._start, step, total, stage, scalars or {}, kept="start", shows=self._made)
