"""One trial of the search for settings: a few slices, some of whose views are held out, reconstructed in few steps."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...models.foreign import Prior
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

STEPS, SAMPLES = 8, 2  # of a trial
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
    prior : DiffusionPrior or ForeignPrior
    picture : Picture
        What is shown meanwhile.
    slices : list of int
        Which of the problem's slices those of ``given`` are.
    """

    given: Problem
    held: Views
    data: Scaled
    first: Tensor
    prior: Prior
    picture: Picture
    slices: list[int]

    @torch.no_grad()
    def run(
        self, options: DiffusionOptions, guide: CrossModalGuide | None = None
    ) -> Generator[Estimate, None, TrialResult]:
        """What comes of ``options`` with this prior.

        Parameters
        ----------
        options : DiffusionOptions
            Settled.
        guide : CrossModalGuide, optional
            That is listened to.
        """
        generator = torch.Generator().manual_seed(self.given.seed)
        denoiser = Denoiser.of(self.prior, len(self.first))  # its own copy: a trial may adapt it
        parts = parts_of(options, denoiser, generator, guide=guide)
        process = started(parts, self.first, SliceNoise.of(self.given), **beginning(options))
        total = len(parts.levels)
        words = f"while its settings were being chosen: prior {options.prior}, {options.steps} steps"
        for event in diffuse(parts, self.data, process):
            if event.done and self.picture.due:
                self.picture.try_on(self._samples(process.x).mean(dim=0), self.slices, words)
            yield self.picture.estimate(process.step, total, STAGE)
        samples = self._samples(process.x)
        mean = samples.mean(dim=0).clamp(min=0) if options.positivity else samples.mean(dim=0)
        errors = np.array(prediction_errors(self.held, mean))
        self.picture.take(float(errors.mean()), mean, self.slices, words)
        yield self.picture.estimate(total, total, STAGE)
        return TrialResult(errors, samples)

    def _samples(self, x: Tensor) -> Tensor:
        return x.reshape(-1, *self.first.shape) * self.data.top
