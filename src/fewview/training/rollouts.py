"""Training in the loop: slices are measured, and go down the noise in the loop of a reconstruction.

White noise is not all that a prior meets: few views leave streaks, and the data step leaves its own. A rollout shows
the network those images, with a geometry, dose and settings of their own each time; what it answers decides what it
meets next. No geometry is learned: views, angles, noise and sizes are drawn anew for every rollout.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..methods.diffusion.loop import ReverseProcess, started, step_down
from ..methods.diffusion.parts import Parts, Proposer
from ..methods.diffusion.renoise import noise_in, slerp
from ..methods.diffusion.schedule import Level, levels
from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.consistency import ProximalCG
from ..methods.inverse.normalised import Scaled, robust_maximum, scaled
from ..methods.slices import SliceNoise
from ..operators import parallel_beam
from .acquisitions import measured

VIEWS = (4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96)
STEPS = (3, 5, 8, 12, 16, 20)  # a long rollout shows the network its own errors


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a network is asked in a rollout.

    Parameters
    ----------
    x : Tensor, shape (slices, y, x)
        Newest image after a data step (at first: the start), in units of the object's maximum as reconstructed.
    x_t : Tensor, shape (slices, y, x)
        With the noise of ``level``.
    clean : Tensor, shape (slices, y, x)
        The answer, in the same units.
    level : Level
    data : Scaled
        The measurement.
    """

    x: Tensor
    x_t: Tensor
    clean: Tensor
    level: Level
    data: Scaled


LARGEST = 160
"""Larger slices are cut to this side."""


def whole_slices(blocks: Sequence[NDArray[np.floating]], pixels: int, depth: int, rng: np.random.Generator) -> Tensor:
    """Draw stacks of neighbouring slices, turned and flipped; nothing lies outside of the circle that is always seen.

    Parameters
    ----------
    blocks : sequence of ndarray
        (z, y, x) each.
    pixels : int
        In all, about; at least one stack is drawn.
    depth : int
        Neighbouring slices per stack.
    rng : Generator

    Returns
    -------
    Tensor
        (stacks * depth, side, side), float32; the side is that of one of the blocks, :data:`LARGEST` at most.
    """
    deep = [b for b in blocks if len(b) >= depth]
    if not deep:
        raise ValueError(f"no block has {depth} slices")
    side = min(*deep[int(rng.integers(len(deep)))].shape[1:], LARGEST)
    alike = [b for b in deep if min(*b.shape[1:], LARGEST) == side]
    stacks = []
    for _ in range(max(1, round(pixels / (depth * side**2)))):
        block = alike[int(rng.integers(len(alike)))]
        z, y, x = (int(rng.integers(n - m + 1)) for n, m in zip(block.shape, (depth, side, side), strict=True))
        part = block[z : z + depth, y : y + side, x : x + side]
        stack = torch.rot90(
            torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)), int(rng.integers(4)), (1, 2)
        )
        if rng.random() < 0.5:
            stack = stack.flip(2)
        stacks.append(stack * float(rng.uniform(0.85, 1.05)))
    across = torch.arange(side) - (side - 1) / 2
    result: Tensor = torch.cat(stacks) * (across[:, None] ** 2 + across**2 < (side / 2) ** 2)
    return result


def measured_slices(clean: Tensor, rng: np.random.Generator, views: int | None = None) -> Problem:
    """Measure slices with a geometry and a dose drawn at random; their values become attenuation per pixel.

    Parameters
    ----------
    clean : Tensor, shape (slices, y, x)
        About 0 to 1.
    rng : Generator
    views : int, optional
        Drawn from :data:`VIEWS` when not given.

    Returns
    -------
    Problem
        Of line integrals as the object ``clean * peak`` would give them; ``peak`` is ``clean``'s attenuation for 1,
        kept in the state.
    """
    drawn = int(rng.choice(VIEWS))
    side, views = clean.shape[-1], drawn if views is None else views
    spacing = math.pi / views
    angles = np.arange(views) * spacing + rng.uniform(0, spacing)
    if rng.random() < 0.2:
        angles = angles + rng.normal(0, 0.25 * spacing, views)
    A = parallel_beam(angles, columns=side, memory_budget=0, device=clean.device)
    return measured(clean.repeat_interleave(2, 1).repeat_interleave(2, 2), A, rng)


@dataclass(frozen=True, eq=False)
class Rollout:
    """A measurement drawn at random, and the reverse process of :func:`~fewview.methods.diffusion.loop.diffuse` on it.

    Parameters
    ----------
    parts : Parts
        Without a network.
    data : Scaled
    process : ReverseProcess
        At its first level.
    clean : Tensor, shape (copies * slices, y, x)
        The answer, in units of the object's maximum as reconstructed.
    """

    parts: Parts
    data: Scaled
    process: ReverseProcess
    clean: Tensor


@torch.no_grad()
def drawn_rollout(
    clean: Tensor,
    rng: np.random.Generator,
    copies: int = 1,
    views: int | None = None,
    proposers: Sequence[Proposer] = (),
) -> Rollout:
    """Measure slices, and begin to reconstruct them, with geometry, dose, settings and noise drawn at random.

    Parameters
    ----------
    clean : Tensor, shape (slices, y, x)
        As :func:`whole_slices` draws them.
    rng : Generator
    copies : int
        Posterior samples: of one measurement, with noise of their own each.
    views : int, optional
        Drawn when not given.
    proposers : sequence of Proposer
        Who has a say beside the network; where there are any, the prior's trust is 1.

    Returns
    -------
    Rollout
        Parts of the loop without a network, the data, the process at its first level, and the clean slices in units of
        the object's maximum.
    """
    problem = measured_slices(clean, rng, views)
    assert problem.state is not None
    views = problem.operator.views
    first = least_squares(problem, int(np.clip(round(views * rng.uniform(0.25, 0.9)), 3, 20)))
    data = scaled(problem, robust_maximum(first))
    target = (clean * (problem.state["peak"] / data.top)).repeat(copies, 1, 1)
    noise = SliceNoise(int(rng.integers(2**31)), len(clean))
    begin, steps = int(rng.choice([60, 150, 150, 350])), int(rng.choice(STEPS))
    trust = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
    consistency = ProximalCG(8, None, 1.0 if proposers else trust)
    parts = Parts(levels(steps, begin, "ratio"), None, consistency, slerp(0.85), proposers=proposers)
    return Rollout(parts, data, started(parts, first / data.top, noise, samples=copies), target)


@torch.no_grad()
def rollout(
    clean: Tensor, rng: np.random.Generator, copies: int = 1, views: int | None = None
) -> Generator[Lesson, Tensor, None]:
    """Go down the noise once, as a reconstruction does; send back what the network made of ``x_t``.

    Parameters
    ----------
    clean, rng, copies, views
        See :func:`drawn_rollout`.

    Yields
    ------
    Lesson
        One per noise level. The clean image (slices, y, x) as the network sees it is to be sent back.
    """
    drawn = drawn_rollout(clean, rng, copies, views)
    process, data = drawn.process, drawn.data
    for level in drawn.parts.levels:
        x0 = yield Lesson(process.x, process.x_t, drawn.clean, level, data)
        eps = noise_in(process.x_t, x0, level.abar)
        for _ in step_down(drawn.parts, data, process, level, x0, eps):
            pass


def next_lesson(rollout: Generator[Lesson, Tensor, None], answer: Tensor) -> Lesson | None:
    """The lesson that follows the network's answer; None at the end of the rollout."""
    try:
        return rollout.send(answer)
    except StopIteration:
        return None
