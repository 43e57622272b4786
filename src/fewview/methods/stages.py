"""The stages of a run and the part of its work that each takes: one bar for all of them, which only goes forward."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from .interface import Estimate, Views
from .mapped import Told, mapped

PIXELS = 40.0
"""Views whose projection takes as long as what an iteration does on the pixels alone (TV on 272 and 320 pixels a side
with 40 and 181 views: 59 ns a pixel, and 1.4 ns a pixel and view)."""
LANES = 8
"""Slices that the projector takes in one go."""


class Stages:
    """Stages in order, each with the work that is expected of it.

    A stage may have stages of its own: what they tell is mapped into theirs, whatever its unit.

    Parameters
    ----------
    work : mapping of str to float
        Name of the stage, as it is shown ("choosing the weight"), and its work in any unit; see :func:`work`.

    Examples
    --------
    >>> stages = Stages({"choosing the weight": 1.0, "iterating": 3.0})
    >>> tuned = yield from stages.within("choosing the weight", search)
    """

    def __init__(self, work: Mapping[str, float]) -> None:
        self._names = list(work)
        parts = [max(float(value), 1e-9) for value in work.values()]
        self._ends = [sum(parts[: number + 1]) / sum(parts) for number in range(len(parts))]

    def within(
        self, name: str, estimates: Generator[Estimate, None, Told], named: bool = True
    ) -> Generator[Estimate, None, Told]:
        """The estimates of a stage, told as part of the whole; returns what their generator returns.

        Parameters
        ----------
        name : str
        estimates : generator of Estimate
        named : bool
            Whether the stage's name goes before what the estimates call theirs.

        Returns
        -------
        generator of Estimate
            As long as the one given.
        """
        return mapped(lambda estimate: self.told(name, estimate, named), estimates)

    def told(self, name: str, estimate: Estimate, named: bool = True) -> Estimate:
        """One estimate of a stage; see :meth:`within`.

        Parameters
        ----------
        name : str
            Of the stage.
        estimate : Estimate
        named : bool, optional
            Whether the stage's name goes before that of the estimate.

        Returns
        -------
        Estimate
            With the part of the whole run that is done, and the number of the stage.
        """
        number = self._names.index(name)
        low, high = self._ends[number - 1] if number else 0.0, self._ends[number]
        stage = estimate.stage
        if named and name not in stage:
            stage = f"{name}: {stage}" if stage else name
        done = low + (high - low) * estimate.fraction
        return replace(estimate, done=done, place=(number + 1, len(self._names)), stage=stage)


def at_once(views: Views, slices: int) -> float:
    """What an iteration on so many slices at once takes, in parts of one on a single slice.

    The projector takes eight slices in one go, in thrice the time of one (slices of 272, 320 and 640 pixels a side with
    40 and 181 views: 2.2 to 3.05 times as long; four slices 2.1 to 2.6 times, two 1.8 to 2).

    Parameters
    ----------
    views : Views
    slices : int

    Returns
    -------
    float
        ``slices`` where all of the work is on the pixels.
    """
    A, whole, rest = views.operator, *divmod(slices, LANES)
    projecting = 3.0 * whole + min(rest, 2 + rest / LANES)
    share = A.views * A.columns / (A.views * A.columns + PIXELS * A.grid)
    return share * projecting + (1 - share) * slices


def work(views: Views, iterations: float) -> float:
    """Work of so many iterations of a classical method: rays times the pixels that each of them passes, and the pixels.

    One unit takes a core about 1.4 ns.
    """
    A = views.operator
    return iterations * len(views.data) * A.grid * (A.views * A.columns + PIXELS * A.grid)
