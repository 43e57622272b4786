"""Where a diffusion runs: in the images themselves, or in latents of them, which data steps decode."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...models.latent.condition import Seen
from ...models.latent.denoiser import signal
from ...models.latent.model import LatentModel
from ..diffusion.schedule import Level
from ..inverse.normalised import Scaled
from .seen import resized

FIRST = 0.98
"""Time of the first level: all noise but a thousandth."""
AGAIN = 0.3
"""Time to which a re-encoded volume is taken back in a further round."""
TOGETHER = 2
"""Latents that pass the network together: the stop flag is looked at in between."""


def rounds_of(steps: int, rounds: int) -> list[Level]:
    """Levels from noise down to none, and so many times from :data:`AGAIN` down once more, with a third of the steps.

    The last level of a round that another one follows goes up: its next level is that of the re-encoded volume.
    """
    times = [torch.linspace(FIRST, 0, steps + 1)]
    times += [torch.linspace(AGAIN, 0, max(2, steps // 3) + 1)] * rounds
    pairs = []
    for number, descent in enumerate(times):
        abar = signal(descent).tolist()
        after = 1.0 if number == len(times) - 1 else float(signal(torch.tensor(AGAIN)))
        pairs += list(zip(abar[:-1], [*abar[1:-1], after], strict=True))
    return [Level(k, len(pairs), here, following) for k, (here, following) in enumerate(pairs)]


def ends_round(level: Level) -> bool:
    """Whether no noise is left after this level, or new noise is about to be added to a clean latent."""
    return level.last or level.abar_next < level.abar


def renewing(level: Level) -> tuple[float, float]:
    """Deterministic steps down (DDIM), and new noise alone where a round begins: a rule of the loop."""
    spread = math.sqrt(1 - level.abar_next)
    return (spread, 0.0) if level.abar_next < level.abar else (0.0, spread)


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """Latents laid out as stacks of planes, so that the loop sees them as it sees images.

    Parameters
    ----------
    model : LatentModel
    shape : tuple of int
        Of the volume in images: (slices, y, x).
    consistent : bool
        Whether decoded volumes get a data step; the published method has none.
    pause : callable
        Looks at the stop flag.
    """

    model: LatentModel
    shape: tuple[int, int, int]
    consistent: bool
    pause: Callable[[], None]

    @property
    def planes(self) -> int:
        """Planes of the latent of one volume."""
        return self.model.config.channels * self.model.config.latent

    def due(self, level: Level) -> bool:
        """Whether images are made consistent with the data at this level: at the end of every round."""
        return self.consistent and ends_round(level)

    def volumes(self, planes: Tensor) -> Tensor:
        """Latents (copies, channels, z, y, x) of their planes."""
        shape = self.model.config
        return planes.reshape(-1, shape.channels, shape.latent, shape.latent, shape.latent)

    def decode(self, z: Tensor) -> Tensor:
        """Images (copies * slices, y, x) of planes."""
        made = []
        for one in self.volumes(z).split(1):
            made.append(resized(self.model.decode(one), self.shape)[0, 0])
            self.pause()
        return torch.cat(made)

    def encode(self, x: Tensor) -> Tensor:
        """Planes of images."""
        side = self.model.config.side
        made = []
        for one in x.reshape(-1, 1, 1, *self.shape):
            made.append(self.model.encode(resized(one, (side, side, side)))[0].flatten(0, 1))
            self.pause()
        return torch.cat(made)


@dataclass(frozen=True, eq=False)
class ConditionedDenoiser:
    """The diffusion network with what the views say.

    Parameters
    ----------
    space : LatentSpace
    seen : Seen
        Of one volume; all copies hear it.
    """

    space: LatentSpace
    seen: Seen

    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """See :class:`fewview.methods.diffusion.parts.Denoises`; the states are planes of latents."""
        model = self.space.model
        c = model.alignment(self.seen)
        made: list[Sequence[Tensor]] = []
        for part in self.space.volumes(x_t).split(TOGETHER):
            made.append(model.diffusion.clean(part, abar, c.expand(len(part), -1, -1, -1, -1)))
            self.space.pause()
        z, eps = (torch.cat([one[k] for one in made]).reshape(x_t.shape) for k in (0, 1))
        return z, eps
