"""A problem at a lower resolution: what a choice is made on where the whole one would take minutes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample

from ...operators.tiled import MEMORY_BUDGET
from ..interface import Estimate, OptionsT, Problem, Settled, Stack, Tuning
from ..inverse.masking import weigh
from ..mapped import Told, mapped

SETTLING = 160
"""Pixels on a side, above which a method that learns or has learnt settles its options at a lower resolution."""
FINER = 0.5
"""Weights of TV go with the pixels' width to the power of minus this: the same noise in pixels half as wide asks for
sqrt(2) times the weight. What noise back-projects onto a pixel goes with the root of its width, |A|^2 with the width
itself."""
WEIGHTS = ("weight", "smoothness", "tv_weight", "start_weight")
"""Options that are such weights."""


@dataclass(frozen=True, eq=False)
class CoarserStack:
    """All slices of a run at a lower resolution: binned when they are asked for."""

    fine: Stack
    factor: int

    @property
    def slices(self) -> int:
        """See :class:`fewview.methods.interface.Stack`."""
        return self.fine.slices

    def some(self, places: Sequence[int]) -> Problem:
        """See :class:`fewview.methods.interface.Stack`."""
        return coarser(self.fine.some(places), self.factor)


def coarseness(grid: int) -> int:
    """How many times coarser than one of ``grid`` pixels a side the grid is that options are settled on."""
    return -(-grid // SETTLING)


def coarser(problem: Problem, factor: int) -> Problem:
    """The problem on a grid and a detector ``factor`` times coarser, without state.

    Line integrals are averaged over ``factor`` columns, by their weights; columns left over at the end are dropped.
    The object, its place and the unit stay as they are.

    Parameters
    ----------
    problem : Problem
    factor : int
        1 returns the problem as it is, but for the state.
    """
    if factor == 1:
        return replace(problem, state=None)
    A = problem.operator
    geometry, volume = A.geometry.bin_columns(factor), A.volume.bin(factor)
    columns = geometry.columns

    def binned(values: Tensor) -> Tensor:
        result: Tensor = values[..., : columns * factor].unflatten(-1, (columns, factor)).mean(dim=-1)
        return result

    weights = None if problem.weights is None else problem.weights.expand_as(problem.data)
    if weights is None:
        data, mean = binned(problem.data), None
    else:
        usable = torch.where(weights > 0, problem.data, torch.zeros_like(problem.data))
        mean = binned(weights)
        data = binned(weigh(usable, weights)) / torch.where(mean > 0, mean, torch.ones_like(mean))
    operator = A.with_geometry(geometry, volume, MEMORY_BUDGET)  # a choice applies it a hundred times
    operator.once = True  # then its matrix makes room for what the whole grid takes; to build it again is quick
    auxiliary = None if problem.auxiliary is None else adaptive_avg_pool2d(problem.auxiliary, volume.side)
    stack = None if problem.stack is None else CoarserStack(problem.stack, factor)
    return replace(problem, operator=operator, data=data, weights=mean, auxiliary=auxiliary, state=None, stack=stack)


def carried(chosen: Mapping[str, Any], factor: int) -> dict[str, Any]:
    """What was chosen on a grid ``factor`` times coarser, as it holds on the problem's own.

    Weights of TV follow the size of the pixels (:data:`FINER`); the sharpness of MBIR, the steps of CGLS, trusts,
    shares and networks are taken as they are. What all of it costs on a large slice, ``benchmarks/real_size.py``
    measures.
    """
    return {**chosen, **{name: chosen[name] * factor**FINER for name in WEIGHTS if name in chosen}}


def carried_options(asked: OptionsT, settled: OptionsT, factor: int) -> OptionsT:
    """The same of options: those that were "auto" when they were asked.

    Parameters
    ----------
    asked, settled : Options
        Before and after what was left open was settled.
    factor : int
        As in :func:`carried`.

    Returns
    -------
    Options
        Those settled, with weights for the finer grid.
    """
    left = [name for name in WEIGHTS if asked.value(name) == "auto"]
    found = {name: value for name in left if isinstance(value := settled.value(name), float)}
    return settled.taking(carried(found, factor))


def settled_coarsely(
    tune: Callable[[Problem, OptionsT], Tuning[OptionsT]],
) -> Callable[[Problem, OptionsT], Tuning[OptionsT]]:
    """A tuning on a grid of :data:`SETTLING` pixels at most, whose outcome is :func:`carried` to the problem's own."""

    @wraps(tune)
    def coarsely(problem: Problem, options: OptionsT) -> Tuning[OptionsT]:
        grid = problem.operator.grid
        factor = coarseness(grid)
        settled = yield from enlarged(tune(coarser(problem, factor), options), grid, factor)
        return Settled(carried_options(options, settled.options, factor), carried(settled.chosen, factor))

    return coarsely


def enlarged(estimates: Generator[Estimate, None, Told], grid: int, factor: int) -> Generator[Estimate, None, Told]:
    """The estimates of a problem that was made :func:`coarser`, as they are shown: on the grid of the whole one.

    Parameters
    ----------
    estimates : generator of Estimate
    grid : int
        Pixels on a side of what is shown.
    factor : int
        As in :func:`coarser`.

    Returns
    -------
    object
        What ``estimates`` return.
    """
    shown: Any = None
    large: Any = None

    def larger(estimate: Estimate) -> Estimate:
        nonlocal shown, large
        if estimate.volume is not shown:  # a search shows one volume for a long time
            shown, large = estimate.volume, finer(torch.as_tensor(estimate.volume), grid, factor)
        return replace(estimate, volume=large)

    return mapped(larger, estimates)


def first_look(
    solve: Callable[[Problem, OptionsT], Iterator[Estimate]], problem: Problem, options: OptionsT, stages: int = 1
) -> Iterator[Estimate]:
    """What a method makes of a large problem at a lower resolution, which is there before the whole one has begun.

    Parameters
    ----------
    solve : callable
        Of the method.
    problem : Problem
        Of a small grid nothing is shown: it is quick enough.
    options : Options
        Settled.
    stages : int
        Of the run, which is in its first one.

    Yields
    ------
    Estimate
        On the grid of the whole problem, all of step 0, and none that could be resumed.
    """
    grid, factor = problem.operator.grid, coarseness(problem.operator.grid)
    if factor == 1:
        return
    for estimate in enlarged(_generator(solve(coarser(problem, factor), options)), grid, factor):
        stage = f"{estimate.stage} at 1/{factor} of the resolution"
        yield replace(estimate, step=0, stage=stage, state=None, chosen={}, extra={}, done=0.0, place=(1, stages))


def _generator(estimates: Iterator[Estimate]) -> Generator[Estimate, None, None]:
    yield from estimates


def finer(volume: Tensor, grid: int, factor: float) -> Tensor:
    """A volume on a grid ``factor`` times coarser, brought onto the problem's own: linear, the middle in its place.

    Parameters
    ----------
    volume : Tensor, shape (slices, y, x)
    grid : int
        Pixels on a side of what is returned.
    factor : float
        As in :func:`coarser`, or a ratio of two such factors; 1 returns the volume as it is.

    Returns
    -------
    Tensor
        Shape (slices, y, x).
    """
    if factor == 1:
        return volume
    side = volume.shape[-1]
    line = (torch.arange(grid, dtype=volume.dtype, device=volume.device) - (grid - 1) / 2) / factor / ((side - 1) / 2)
    where = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)[None]
    return grid_sample(volume[None], where, "bilinear", "border", align_corners=True)[0]
