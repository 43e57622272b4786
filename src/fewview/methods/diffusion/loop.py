"""The one loop: denoise, adapt, be consistent with the data, let a guide speak, go down to the next noise level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ..inverse.consistency import Consistency
from ..inverse.normalised import Scaled
from .adapt import Adapter
from .denoiser import Denoiser
from .renoise import Rule, renoised
from .reuse import Reuse
from .schedule import Level


class Guide(Protocol):
    """A second opinion on the image, from another modality: asked between data step and noise, never at the end."""

    def due(self, level: Level) -> bool:
        """Whether it is asked at this level."""
        ...

    def __call__(self, x: Tensor, x0: Tensor, data: Scaled, level: Level) -> Tensor:
        """Images in the light of the guide, given those after the data step and the network's proposal before it."""
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
    denoiser : Denoiser
    consistency : Consistency
    rule : Rule
        Of the new noise.
    adapter : Adapter, optional
    guide : Guide, optional
    reuse : Reuse, optional
        Steps without a network call.
    """

    levels: Sequence[Level]
    denoiser: Denoiser
    consistency: Consistency
    rule: Rule
    adapter: Adapter | None = None
    guide: Guide | None = None
    reuse: Reuse | None = None

    def state(self) -> dict[str, Any]:
        """What the parts carry from step to step, in one flat mapping."""
        return {f"{name}.{key}": value for name, part in self._carrying() for key, value in part.state().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        for name, part in self._carrying():
            prefix = f"{name}."
            part.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})

    def _carrying(self) -> Iterator[tuple[str, Any]]:
        for name in ("consistency", "adapter", "guide", "reuse"):
            part = getattr(self, name)
            if part is not None:
                yield name, part


@dataclass
class ReverseProcess:
    """Where a run is, and all that changes along the way.

    Parameters
    ----------
    x_t : Tensor, shape (copies * slices, y, x)
        Noisy images at the level of ``step``.
    x : Tensor
        The newest clean images, in units of the object's maximum.
    generator : Generator
        On the CPU, so that every device sees the same noise.
    step : int
        Diffusion steps done.
    calls : int
        Passes through the network, adaptation not counted.
    alike : int
        So many groups of copies see the same noise: what they differ in is not chance.
    """

    x_t: Tensor
    x: Tensor
    generator: torch.Generator
    step: int = 0
    calls: int = 0
    alike: int = 1

    def white(self) -> Tensor:
        """New white noise like ``x_t``."""
        shape = (len(self.x_t) // self.alike, *self.x_t.shape[1:])
        noise = torch.randn(shape, generator=self.generator, dtype=self.x_t.dtype).to(self.x_t.device)
        return noise.repeat(self.alike, 1, 1)

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        rng = self.generator.get_state()
        return {"x_t": self.x_t, "x": self.x, "step": self.step, "calls": self.calls, "rng": rng}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.x_t, self.x = (torch.as_tensor(state[k]).to(self.x_t).clone() for k in ("x_t", "x"))
        self.step, self.calls = int(state["step"]), int(state["calls"])
        self.generator.set_state(torch.as_tensor(state["rng"]).cpu())


class LoopEvent(NamedTuple):
    """What there is to tell: at the end of a diffusion step (``done``), and on the way there."""

    stage: str
    scalars: dict[str, float]
    done: bool


@torch.no_grad()
def diffuse(parts: Parts, data: Scaled, walk: ReverseProcess) -> Iterator[LoopEvent]:
    """Go on from ``walk`` down to no noise, changing it; the last image is consistent with the data."""
    for level in parts.levels[walk.step :]:
        if parts.adapter is not None and parts.adapter.due(level):
            for progress in parts.adapter.adapt(walk.x_t, data, level):
                yield LoopEvent("adapting", {"loss": progress.loss}, False)
        x0, eps = _proposal(parts, data, walk, level)
        yield from _consistent(parts, data, walk, level, x0)
        if parts.guide is not None and not level.last and parts.guide.due(level):
            yield LoopEvent("asking the guide", {}, False)
            walk.x = parts.guide(walk.x, x0, data, level)
        walk.x_t = renoised(parts.rule, walk.x, eps, level, walk.white)
        walk.step += 1
        yield LoopEvent("diffusing", {"sigma": level.sigma, "network_calls": float(walk.calls)}, True)


def _proposal(parts: Parts, data: Scaled, walk: ReverseProcess, level: Level) -> tuple[Tensor, Tensor]:
    """The clean image that the network proposes, and the noise to go on with."""
    if parts.reuse is not None and not parts.reuse.due(level):
        return parts.reuse.again(walk.x_t, level)
    x0, eps = parts.denoiser.all(walk.x_t, level.abar, data)
    walk.calls += 1
    if parts.adapter is not None:
        eps = parts.adapter.direction(walk.x_t, eps, data, level)
    if parts.reuse is not None:
        parts.reuse.remember(eps)
    return x0, eps


def _consistent(
    parts: Parts, data: Scaled, walk: ReverseProcess, level: Level, proposal: Tensor
) -> Iterator[LoopEvent]:
    """Data step; all its images but the last are only shown."""
    images = iter(parts.consistency.solve(proposal, data, level))
    walk.x = next(images)
    for image in images:
        yield LoopEvent("data step", {}, False)
        walk.x = image
