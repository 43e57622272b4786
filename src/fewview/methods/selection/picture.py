"""What is shown while settings are chosen, and kept on a stop: a starting image, then the best trial so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from ..interface import Estimate
from .coarse import finer


class Picture:
    """A volume of the whole problem that says what it holds.

    Parameters
    ----------
    start : Tensor, shape (slices, y, x)
        The starting image.
    made : str
        How it was made: "FBP", "CGLS, 56 steps".
    first : int
        Number of its first slice in the run.
    """

    def __init__(self, start: Tensor, made: str = "FBP", first: int = 0) -> None:
        self.volume = start
        self._first = first
        self._start, self._made = start, made
        self._trial = ""
        self._error = math.inf

    def take(self, error: float, trial: Tensor, slices: Sequence[int], words: str, factor: int = 1) -> None:
        """Show a trial, if it predicts what was held out better than those before.

        Parameters
        ----------
        error : float
            Of its prediction; infinite for a first trial that has not come to its end, which any other one replaces.
        trial : Tensor, shape (len(slices), y, x)
        slices : sequence of int
            Which slices of the run it has; the others stay those of the starting image.
        words : str
            What it is: "while its weight was being chosen: weight 0.0014".
        factor : int
            How many times coarser its pixels are.
        """
        if error >= self._error and self._error < math.inf:
            return
        self._error = error
        own = [k for k, number in enumerate(slices) if 0 <= number - self._first < len(self._start)]
        if not own:  # the choice is made on slices of the run that this slab does not hold
            return
        volume = self._start.clone()
        here = [slices[k] - self._first for k in own]
        volume[here] = finer(trial[own], volume.shape[-1], factor).to(volume)
        self.volume = volume
        rest = ""
        if len(own) < len(volume):
            rest = f" (slices {', '.join(str(slices[k]) for k in own)}; {self._made} in the others)"
        self._trial = words + rest

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
        """
        if self._trial:
            return Estimate(self.volume, step, total, stage, scalars or {}, shows=self._trial)
        return Estimate(self.volume, step, total, stage, scalars or {}, kept="start", shows=self._made)
