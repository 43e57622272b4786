"""Coarse to fine: all steps of the diffusion on a coarse grid, and the last of them again on each finer one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..classical.fbp import preview
from ..interface import Estimate, Problem
from ..inverse.normalised import scaled
from ..selection.coarse import FINER, coarseness, coarser, enlarged, finer
from ..slices import SliceNoise
from ..stages import work
from .adapt import Adapter
from .compose import beginning, levels_of, parts_of, steps_work
from .crossmodal import GuideSource
from .denoiser import Denoiser
from .guide import CrossModalGuide
from .loop import LoopEvent, diffuse, started
from .options import DiffusionOptions
from .schedule import Level
from .start import first_volume

REPEATED, AGAIN = 2, 3
"""Of the steps of the coarsest grid, one in so many is taken on the next finer one; of these, one in so many on each
that follows. Two validation microstructures of 320 pixels, 45 views: 2 gives 23.35 and 23.18 dB, 3 23.24 and 23.16,
4 23.18 and 23.15; all steps on the fine grid 23.28 and 23.11. Of one of 640 pixels, whose last grid is the second after
the coarsest: 2 and 3 give 22.40 dB, 3 in a sixth less time."""

FIRST = 60  # iterations that the first volume is expected to take, the search for their number included


class Rung(NamedTuple):
    """How many times coarser than the problem's a grid is, and the noise levels that are passed through on it."""

    factor: int
    levels: list[Level]


def ladder(options: DiffusionOptions, grid: int) -> list[Rung]:
    """The grids that a run goes through, from the coarsest to its own; of a small one that is all.

    The network removes noise in pixels as large as those it has learnt from, and a pass through it costs with their
    number; what a coarse grid cannot show differs from it by little, which the lowest noise levels suffice for.

    Parameters
    ----------
    options : DiffusionOptions
    grid : int
        Pixels on a side of the problem.
    """
    whole = levels_of(options)
    factor = coarseness(grid) if options.coarse_to_fine else 1
    rungs, count = [Rung(factor, whole)], len(whole) / REPEATED
    while factor > 1:
        factor = -(-factor // 2)
        last = whole[-max(1, round(count)) :]
        rungs.append(Rung(factor, [replace(level, index=k, total=len(last)) for k, level in enumerate(last)]))
        count /= AGAIN
    return rungs


def loop_work(options: DiffusionOptions, problem: Problem) -> float:
    """Work of all steps that the options ask for, in the unit of :func:`fewview.methods.stages.work`."""
    rungs = ladder(options, problem.operator.grid)
    return sum(steps_work(options, problem, len(rung.levels)) / rung.factor**2 for rung in rungs)


def start_work(options: DiffusionOptions, problem: Problem) -> float:
    """Work of the first volume, on the coarsest grid; in the same unit."""
    return work(problem, FIRST) / ladder(options, problem.operator.grid)[0].factor ** 2


class CoarseToFine:
    """The loop on one grid after the other.

    Parameters
    ----------
    problem : Problem
        Whose state, where it has one, is gone on from.
    options : DiffusionOptions
        Settled.
    denoiser : Denoiser
        Of this run alone where ``options`` adapt it.
    source : GuideSource, optional
        What a guide is made of; None goes without one.

    Attributes
    ----------
    options : DiffusionOptions
        As the guide, where it is listened to, wants them.
    factor : int
        How many times coarser than the problem's the grid is now.
    data, guide, parts, process
        On this grid.
    """

    def __init__(
        self, problem: Problem, options: DiffusionOptions, denoiser: Denoiser, source: GuideSource | None = None
    ) -> None:
        self.source = source if source is not None and source.listens(options) else None
        self.options = options if self.source is None else self.source.settled(options)
        self.problem, self.grid, self.denoiser = problem, problem.operator.grid, denoiser
        self.rungs = ladder(self.options, self.grid)
        self.guide: CrossModalGuide | None = None
        self._adapter: Adapter | None = None
        self.number = 0 if problem.state is None else int(problem.state.get("rung", 0))
        self.factor = self.rungs[self.number].factor
        self._generator = torch.Generator().manual_seed(problem.seed)
        self._noise = SliceNoise.of(problem)

    def start(self) -> Generator[Estimate, None, Tensor]:
        """The first volume, on the coarsest grid and in the problem's unit."""
        part = coarser(self.problem, self.factor)
        if self.problem.state is not None:
            return preview(part)
        options = self.options
        if options.start == "tv":
            options = options.taking({"start_weight": float(options.start_weight) / self.factor**FINER})
        return (yield from enlarged(first_volume(part, options.start, options), self.grid, self.factor))

    def climb(self, first: Tensor) -> Iterator[LoopEvent]:
        """All steps on all grids, or what is left of them.

        Parameters
        ----------
        first : Tensor, shape (slices, y, x)
            From :meth:`start`.
        """
        state = self.problem.state
        begin: Tensor | None = None
        for number in range(self.number, len(self.rungs)):
            self.number = number
            self._stand(first, begin)
            if state is not None:
                self.parts.restore(state)
                self.process.restore(state)
                state = None
            self._adapter = self.parts.adapter
            yield from diffuse(self.parts, self.data, self.process)
            begin = self.process.x

    def _stand(self, first: Tensor, begin: Tensor | None) -> None:
        """Make what the loop needs on the next grid, and begin there with images that the last one ended with."""
        before, rung = self.factor, self.rungs[self.number]
        self.factor = rung.factor
        part = coarser(self.problem, self.factor)
        side = part.operator.grid
        self.data = scaled(part, float(self.options.scale))
        if self.options.coarse_to_fine:
            self.denoiser = self.denoiser.within(self.data)
        if self._adapter is not None:
            self._adapter.denoiser = self.denoiser
        self.guide = None if self.source is None else self.source.heard(part, self.options)
        known: dict[str, Any] = {"levels": rung.levels, "adapter": self._adapter, "seed": self.problem.seed}
        if begin is not None:
            images = finer(begin, side, before / self.factor)
            if self.guide is not None:
                self.guide.first = 0  # what it said on the last grid is too coarse for this one
            mean = images.unflatten(0, (-1, len(self.data.y))).mean(dim=0)
            self.parts = parts_of(self.options, self.denoiser, self._generator, self.guide, mean, **known)
            self.process = started(self.parts, images, self._noise)
            return
        image = first / self.data.top
        if self.number and self.problem.state is not None:  # the state has all images
            image = preview(part) / self.data.top
        self.parts = parts_of(self.options, self.denoiser, self._generator, self.guide, image, **known)
        if self.source is not None and self.guide is not None and self.problem.state is None:
            image = self.source.begin(self.guide, image, self.data)
        self.process = started(self.parts, image, self._noise, **beginning(self.options))

    @property
    def step(self) -> int:
        """Diffusion steps done, on all grids."""
        return sum(len(rung.levels) for rung in self.rungs[: self.number]) + self.process.step

    @property
    def total(self) -> int:
        """Diffusion steps on all grids."""
        return sum(len(rung.levels) for rung in self.rungs)

    @property
    def done(self) -> float:
        """Part of the work that is done."""
        work = [len(rung.levels) / rung.factor**2 for rung in self.rungs]
        return (sum(work[: self.number]) + self.process.step / self.rungs[self.number].factor ** 2) / sum(work)

    @property
    def last(self) -> Level | None:
        """The last level of the last grid, once it is done."""
        return self.parts.levels[-1] if self.step == self.total else None

    def named(self, stage: str) -> str:
        """A stage, with the resolution where that is not the problem's."""
        return stage if self.factor == 1 else f"{stage} at 1/{self.factor} of the resolution"

    def state(self) -> dict[str, Any]:
        """What the problem's state must hold to go on from here."""
        return {"rung": self.number, **self.process.state(), **self.parts.state()}

    def enlarged(self, volume: Tensor) -> Tensor:
        """A volume of the grid as it is now, on that of the problem."""
        return finer(volume, self.grid, self.factor)
