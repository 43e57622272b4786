"""The one loop: adapt, denoise, be consistent with the data, hear others, go down to the next noise level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ..inverse.consistency import Consistency
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal
from ..slices import SliceNoise
from .adapt import Adapter
from .renoise import Rule, renoised
from .reuse import Reuse
from .schedule import Level
from .start import Start, noised


class Proposer(Protocol):
    """A second opinion on the image: a guide, a field, a slice fixer. Asked after the data step, never at the end.

    What it said last stays a term of every data step: new noise would wash it away again.
    """

    def due(self, level: Level) -> bool:
        """Whether it is asked at this level."""
        ...

    def consider(self, x: Tensor, data: Scaled, level: Level) -> Tensor | None:
        """Look at the images after a data step.

        Parameters
        ----------
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.
        data : Scaled
            In the same unit.
        level : Level
            Of the noise.

        Returns
        -------
        Tensor or None
            None: the data step is done once more, with the new :attr:`proposal` in it. A method that is published so
            gives images to go on with instead.
        """
        ...

    @property
    def proposal(self) -> Proposal | None:
        """What it said last, None where it has said nothing yet."""
        ...

    def state(self) -> dict[str, Any]:
        """What it carries from step to step."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


class Denoises(Protocol):
    """The network as the loop sees it: :class:`.denoiser.Denoiser`, or one of latents."""

    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """Clean states and noise of all noisy states.

        Parameters
        ----------
        x_t : Tensor
            Noisy states.
        abar : float
            Part of the signal in them.
        data : Scaled
            Its operator's hook looks at the stop flag.
        """
        ...


class Space(Protocol):
    """Where the diffusion runs. Its states are what the network sees; data steps and proposers see images."""

    def due(self, level: Level) -> bool:
        """Whether there is a data step at this level."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Images of clean states."""
        ...

    def encode(self, x: Tensor) -> Tensor:
        """Clean states of images."""
        ...


class Pixels:
    """The states are the images."""

    def due(self, level: Level) -> bool:
        """At every level."""
        return True

    def decode(self, z: Tensor) -> Tensor:
        """The images themselves."""
        return z

    def encode(self, x: Tensor) -> Tensor:
        """The images themselves."""
        return x


class Hearing(Protocol):
    """How the next noisy state is made to agree with the data; to be told apart from the data step on clean images."""

    def heard(self, x_t: Tensor, data: Scaled, level: Level) -> Tensor:
        """The next states, given their means.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            At the level that follows ``level``.
        data : Scaled
        level : Level
        """
        ...

    def state(self) -> dict[str, Any]:
        """What it carries from step to step."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


@dataclass
class Parts:
    """What a method is made of.

    Parameters
    ----------
    levels : sequence of Level
    denoiser : Denoises, optional
        None where whoever runs the loop step by step answers in its place, as a training does.
    consistency : Consistency
    rule : Rule
        Of the new noise.
    adapter : Adapter, optional
    proposers : sequence of Proposer
        Who else has a say.
    reuse : Reuse, optional
        Steps without a network call.
    space : Space
        Of the states; images when not given.
    direction : {"network", "consistent"}
        Whose noise the loop goes on with: that of the network's image, or that of the image after the data step.
    hearing : Hearing, optional
    passes : int
        Through the network, for one answer of the denoiser.
    """

    levels: Sequence[Level]
    denoiser: Denoises | None
    consistency: Consistency
    rule: Rule
    adapter: Adapter | None = None
    proposers: Sequence[Proposer] = ()
    reuse: Reuse | None = None
    space: Space = field(default_factory=Pixels)
    direction: Literal["network", "consistent"] = "network"
    hearing: Hearing | None = None
    passes: int = 1

    def state(self) -> dict[str, Any]:
        """What the parts carry from step to step, in one flat mapping."""
        return {f"{name}.{key}": value for name, part in self._carrying() for key, value in part.state().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        for name, part in self._carrying():
            prefix = f"{name}."
            part.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})

    def _carrying(self) -> Iterator[tuple[str, Any]]:
        for name in ("consistency", "adapter", "reuse", "hearing"):
            part = getattr(self, name)
            if part is not None:
                yield name, part
        for number, proposer in enumerate(self.proposers):
            yield f"proposer{number}", proposer


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
    """
    for level in parts.levels[process.step :]:
        if parts.adapter is not None and parts.adapter.due(level):
            for progress in parts.adapter.adapt(process.x_t, data, level):
                yield LoopEvent("adapting", {"loss": progress.loss}, False)
        x0, eps = _proposed(parts, data, process, level)
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
    """
    if parts.space.due(level):
        yield from _images_consistent(parts, data, process, level, parts.space.decode(x0))
        x0 = parts.space.encode(process.x)
    else:
        process.x = parts.space.decode(x0)
    if parts.direction == "consistent":
        eps = (process.x_t - math.sqrt(level.abar) * x0) / math.sqrt(1 - level.abar)
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


def _proposed(parts: Parts, data: Scaled, process: ReverseProcess, level: Level) -> tuple[Tensor, Tensor]:
    """The clean image that the network proposes, and the noise to go on with."""
    if parts.reuse is not None and not parts.reuse.due(level):
        return parts.reuse.again(process.x_t, level)
    assert parts.denoiser is not None, "who runs the loop without a network goes step by step"
    x0, eps = parts.denoiser.all(process.x_t, level.abar, data)
    process.calls += parts.passes
    if parts.adapter is not None:
        eps = parts.adapter.direction(process.x_t, eps, data, level)
    if parts.reuse is not None:
        parts.reuse.remember(eps)
    return x0, eps


def _made_consistent(
    parts: Parts, data: Scaled, process: ReverseProcess, level: Level, x0: Tensor, start: Tensor | None = None
) -> Iterator[LoopEvent]:
    """Data step; all its images but the last are only shown."""
    said = [proposer.proposal for proposer in parts.proposers]
    others = [proposal for proposal in said if proposal is not None]
    images = iter(parts.consistency.solve(x0, data, level, others, start))
    process.x = next(images)
    for image in images:
        yield LoopEvent("data step", {}, False)
        process.x = image
