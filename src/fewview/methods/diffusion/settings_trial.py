"""One trial of the autopilot: a few slices, some of whose views are held out, reconstructed in few steps."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...models.prior import DiffusionPrior
from ..interface import Estimate, Problem, Views
from ..inverse.normalised import Scaled
from ..selection.comparison import PerView
from ..selection.held_out import prediction_errors
from ..selection.picture import Picture
from ..slices import SliceNoise
from .compose import beginning, parts_of
from .denoiser import Denoiser
from .guide import CrossModalGuide
from .loop import diffuse, started
from .options import DiffusionOptions

STEPS, SAMPLES = 8, 2
STAGE = "sampling"


class TrialResult(NamedTuple):
    """Held-out errors per view, and the samples they are of: (samples, slices, y, x), in the problem's unit."""

    errors: PerView
    samples: Tensor


@dataclass(frozen=True, eq=False)
class SettingsTrial:
    """What is tried on.

    Parameters
    ----------
    given : Problem
        Of a few slices, without the held-out views.
    held : Views
        These.
    data : Scaled
        ``given``, for the network.
    first : Tensor, shape (slices, y, x)
        First volume, in units of the object's maximum.
    prior : DiffusionPrior
    picture : Picture
        What is shown meanwhile.
    slices : list of int
        Which of the problem's slices those of ``given`` are.
    """

    given: Problem
    held: Views
    data: Scaled
    first: Tensor
    prior: DiffusionPrior
    picture: Picture
    slices: list[int]

    @torch.no_grad()
    def run(
        self, options: DiffusionOptions, trusts: Sequence[float], guide: CrossModalGuide | None = None
    ) -> Generator[Estimate, None, dict[float, TrialResult]]:
        """What comes of each trust under ``options``: copies of the same slices side by side, with the same noise."""
        generator = torch.Generator().manual_seed(self.given.seed)
        copies = SAMPLES * len(self.first)
        trust = torch.tensor(trusts, device=self.first.device).repeat_interleave(copies)[:, None, None]
        denoiser = Denoiser.of(self.prior, len(self.first))  # its own copy: a trial may adapt it
        parts = parts_of(options, denoiser, generator, trust if len(trusts) > 1 else trusts[0], guide)
        process = started(parts, self.first, SliceNoise.of(self.given), **beginning(options), alike=len(trusts))
        for event in diffuse(parts, self.data, process):
            if event.done:  # shown until there is a trial that came to its end
                now = process.x.reshape(len(trusts), SAMPLES, *self.first.shape)[0].mean(dim=0) * self.data.top
                self._show(math.inf, now, options, trusts[0])
            yield self.picture.estimate(process.step, len(parts.levels), STAGE)
        samples = process.x.reshape(len(trusts), SAMPLES, *self.first.shape) * self.data.top
        means = samples.mean(dim=1)
        if options.positivity:
            means = means.clamp(min=0)
        of = {
            value: TrialResult(np.array(prediction_errors(self.held, mean)), own)
            for value, mean, own in zip(trusts, means, samples, strict=True)
        }
        for value, mean in zip(trusts, means, strict=True):
            self._show(float(of[value].errors.mean()), mean, options, value)
        yield self.picture.estimate(len(parts.levels), len(parts.levels), STAGE)
        return of

    def _show(self, error: float, mean: Tensor, options: DiffusionOptions, trust: float) -> None:
        words = f"while its settings were being chosen: prior {options.prior}, trust {trust:g}, {options.steps} steps"
        self.picture.take(error, mean, self.slices, words)
