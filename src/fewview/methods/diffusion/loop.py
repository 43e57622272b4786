"""The one loop: adapt, denoise, be consistent with the data, hear others, go down to the next noise level."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..inverse.normalised import Scaled
from ..paced import Looks
from ..slices import SliceNoise
from .parts import Gradual, Parts
from .renoise import noise_in, renoised
from .schedule import Level
from .start import Start, noised


@dataclass
class ReverseProcess:
    """Where a run is, and all that changes along the way.

    Parameters
    ----------
    x_t : Tensor, shape (copies * slices, y, x)
        Noisy images, or states of another space, at the level of ``step``.
    x : Tensor
        The newest clean images, in units of the object's maximum.
    noise : SliceNoise
    step : int
        Diffusion steps done.
    calls : int
        Passes through the network, adaptation not counted.
    """

    x_t: Tensor
    x: Tensor
    noise: SliceNoise
    step: int = 0
    calls: int = 0

    def white(self) -> Tensor:
        """New white noise like ``x_t``."""
        return self.noise(self.x_t)

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        drawn = self.noise.drawn
        return {"x_t": self.x_t, "x": self.x, "step": self.step, "calls": self.calls, "drawn": drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.x_t, self.x = (torch.as_tensor(state[k]).to(self.x_t).clone() for k in ("x_t", "x"))
        self.step, self.calls = int(state["step"]), int(state["calls"])
        self.noise.drawn = int(state["drawn"])


class LoopEvent(NamedTuple):
    """What there is to tell: at the end of a diffusion step (``done``), and on the way there."""

    stage: str
    scalars: dict[str, float]
    done: bool


def started(
    parts: Parts,
    first: Tensor,
    noise: SliceNoise,
    *,
    samples: int = 1,
    start: Start = "cgls",
    omega: float = 1.0,
) -> ReverseProcess:
    """The reverse process at its first level.

    Parameters
    ----------
    parts : Parts
    first : Tensor, shape (slices, y, x)
        First volume in units of the object's maximum.
    noise : SliceNoise
    samples : int
        Copies of the stack, each with noise of its own.
    start, omega
        See :func:`fewview.methods.diffusion.start.noised`.

    Returns
    -------
    ReverseProcess
        Noisy images (samples * slices, y, x) in units of the object's maximum, the slices of one sample together.
    """
    first = first.clamp(-0.1, 1.2).repeat(samples, 1, 1)
    process = ReverseProcess(first, first, noise)
    process.x_t = noised(first, parts.levels[0], process.white(), start, omega)
    return process


@torch.no_grad()
def diffuse(parts: Parts, data: Scaled, process: ReverseProcess) -> Iterator[LoopEvent]:
    """Go on down to no noise, changing ``process``; the last image is consistent with the data.

    Parameters
    ----------
    parts : Parts
    data : Scaled
        Measurement in units of the object's maximum.
    process : ReverseProcess
        Is changed.

    Yields
    ------
    LoopEvent
        What was done, its figures by name, and whether a diffusion step has ended.
    """
    for level in parts.levels[process.step :]:
        if parts.adapter is not None and parts.adapter.due(level):
            for progress in parts.adapter.adapt(process.x_t, data, level):
                yield LoopEvent("adapting", {"loss": progress.loss}, False)
        x0, eps = yield from _proposed(parts, data, process, level)
        yield from step_down(parts, data, process, level, x0, eps)


def step_down(
    parts: Parts, data: Scaled, process: ReverseProcess, level: Level, x0: Tensor, eps: Tensor
) -> Iterator[LoopEvent]:
    """What follows the network in a diffusion step: data step, second opinions, and the next noise level.

    Parameters
    ----------
    parts : Parts
    data : Scaled
    process : ReverseProcess
        Is changed.
    level : Level
    x0, eps : Tensor, shape (copies * slices, y, x)
        Clean image (or state) that the network proposes, and the noise to go on with.

    Yields
    ------
    LoopEvent
        Several times per step; the last one ends it and holds "sigma" and "network_calls".
    """
    if parts.space.due(level):
        yield from _images_consistent(parts, data, process, level, parts.space.decode(x0))
        x0 = parts.space.encode(process.x)
    else:
        process.x = parts.space.decode(x0)
    if parts.direction == "consistent":
        eps = noise_in(process.x_t, x0, level.abar)
    process.x_t = renoised(parts.rule, x0, eps, level, process.white)
    if parts.hearing is not None:
        process.x_t = parts.hearing.heard(process.x_t, data, level)
    process.step += 1
    yield LoopEvent("diffusing", {"sigma": level.sigma, "network_calls": float(process.calls)}, True)


def _images_consistent(
    parts: Parts, data: Scaled, process: ReverseProcess, level: Level, x0: Tensor
) -> Iterator[LoopEvent]:
    """Data step and second opinions, on images."""
    yield from _made_consistent(parts, data, process, level, x0)
    for proposer in () if level.last else parts.proposers:
        if not proposer.due(level):
            continue
        yield LoopEvent("asking the guide", {}, False)
        taken = proposer.consider(process.x, data, level)
        if taken is None:
            yield from _made_consistent(parts, data, process, level, x0, process.x)
        else:
            process.x = taken


def _proposed(
    parts: Parts, data: Scaled, process: ReverseProcess, level: Level
) -> Generator[LoopEvent, None, tuple[Tensor, Tensor]]:
    """The clean image that the network proposes, and the noise to go on with."""
    if parts.reuse is not None and not parts.reuse.due(level):
        return parts.reuse.again(process.x_t, level)
    assert parts.denoiser is not None, "who runs the loop without a network goes step by step"
    if isinstance(parts.denoiser, Gradual):
        x0 = yield from _denoised(parts.denoiser, parts, data, process, level)
        eps = noise_in(process.x_t, x0, level.abar)
    else:
        x0, eps = parts.denoiser.all(process.x_t, level.abar, data)
    process.calls += parts.passes
    if parts.adapter is not None:
        eps = parts.adapter.direction(process.x_t, eps, data, level)
    if parts.reuse is not None:
        parts.reuse.remember(eps)
    return x0, eps


def _denoised(
    denoiser: Gradual, parts: Parts, data: Scaled, process: ReverseProcess, level: Level
) -> Generator[LoopEvent, None, Tensor]:
    """The clean image; of many samples, or of large slices, that takes long, and what there is so far is shown."""
    x0, before, looks = process.x_t, process.x, Looks()
    for x0 in denoiser.one_by_one(process.x_t, level.abar, data):
        if looks.due and len(x0) < len(before):
            process.x = torch.cat([parts.space.decode(x0), before[len(x0) :]])
            yield LoopEvent("denoising", {}, False)
    return x0


def _made_consistent(
    parts: Parts, data: Scaled, process: ReverseProcess, level: Level, x0: Tensor, start: Tensor | None = None
) -> Iterator[LoopEvent]:
    """Data step; all its images but the last are only shown."""
    said = [proposer.proposal for proposer in parts.proposers]
    others = [proposal for proposal in said if proposal is not None]
    looks = Looks()
    for process.x in parts.consistency.solve(x0, data, level, others, start):
        if looks.due:
            yield LoopEvent("data step", {}, False)
