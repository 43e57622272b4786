"""Draws where the loop estimates: of the data step, and of the clean image behind a noisy one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from ....models.prior import SIGMA_DATA
from ...inverse.consistency import Stateless
from ...inverse.gaussian import GaussianStep
from ...inverse.normalised import Scaled
from ...inverse.proposals import Proposal
from ...slices import SliceNoise
from ..flow import Answer, flow
from ..parts import Denoises
from ..renoise import noise_in
from ..schedule import Level


def expected_error(sigma: float) -> float:
    """Standard deviation of a clean image given it with white noise ``sigma``, were its pixels Gaussian and apart."""
    return sigma * SIGMA_DATA / math.hypot(sigma, SIGMA_DATA)


def white_error(level: Level) -> float:
    """:func:`expected_error` at a level."""
    return expected_error(level.sigma)


def next_noise(level: Level) -> float:
    """Noise of the level that follows; of this one at the end."""
    return level.sigma if level.last else math.sqrt((1 - level.abar_next) / level.abar_next)


@dataclass
class DrawnStep(Stateless):
    """Data step of a proposal with a white error and data with their noise; the last one is a draw.

    Parameters
    ----------
    step : GaussianStep
    noise : SliceNoise
        That of the reverse process, which keeps count of it.
    error : callable
        Standard deviation of a proposal's error at a level.
    before : {"drawn", "mean", "proposal"}
        What the others are: draws, too, or the mean, or the proposal itself, which has heard the data in another way.
    heard : bool
        The proposal is the mean of the posterior already, from a network that knows the data: a draw lies about it.
    """

    step: GaussianStep
    noise: SliceNoise
    error: Callable[[Level], float]
    before: Literal["drawn", "mean", "proposal"] = "drawn"
    heard: bool = False

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`fewview.methods.inverse.consistency.Consistency`; nobody else proposes."""
        r = self.error(level)
        if level.last or self.before == "drawn":
            misfit, white = self.step.misfit(x0), self.noise(x0)
            off = torch.zeros_like(misfit) if self.heard else misfit
            yield self.step.drawn(x0, r, white, self.noise(misfit), off)
        else:
            yield x0 if self.before == "proposal" else self.step.mean(x0, (data.noise / r) ** 2)


@dataclass(frozen=True, eq=False)
class Chain:
    """Goes from a noise level down to none in several passes, and gives where that ends in place of the mean.

    Parameters
    ----------
    denoiser : Denoises
    passes : int
        Levels, each a fixed part of the one before.
    factor : float
        The last level over the first one.
    noise : SliceNoise, optional
        New noise at each level (ancestral sampling): a draw. None: the probability flow.
    """

    denoiser: Denoises
    passes: int
    factor: float
    noise: SliceNoise | None = None

    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """See :class:`fewview.methods.diffusion.parts.Denoises`."""
        first = math.sqrt((1 - abar) / abar)
        sigmas = [first * self.factor ** (k / max(self.passes - 1, 1)) for k in range(self.passes)]
        x = x_t / math.sqrt(abar)

        def answer(x: Tensor, sigma: float) -> Tensor:
            signal = 1 / (1 + sigma**2)
            return self.denoiser.all(x * math.sqrt(signal), signal, data)[0]

        ends = flow(answer, x, sigmas) if self.noise is None else self._ancestral(answer, x, sigmas)
        *_, x0 = ends
        return x0, noise_in(x_t, x0, abar)

    def _ancestral(self, answer: Answer, x: Tensor, sigmas: list[float]) -> Iterator[Tensor]:
        assert self.noise is not None
        for sigma, after in pairwise([*sigmas, 0.0]):
            x0, kept = answer(x, sigma), (after / sigma) ** 2
            yield x0
            if after > 0:
                x = x0 + kept * (x - x0) + after * math.sqrt(1 - kept) * self.noise(x)


@dataclass
class Unchanged(Stateless):
    """No data step: the proposal is a draw of the posterior already."""

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`fewview.methods.inverse.consistency.Consistency`; nobody else proposes."""
        yield x0
