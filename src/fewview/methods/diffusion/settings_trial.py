"""One trial of the autopilot: a few slices, some of whose views are held out, reconstructed in few steps."""

from __future__ import annotations

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
from .compose import parts_of, started
from .denoiser import Denoiser
from .guide import CrossModalGuide
from .loop import diffuse
from .options import DiffusionOptions

STEPS, SAMPLES = 8, 2
STAGE = "choosing settings"


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
    shown : Tensor
        What to show meanwhile.
    """

    given: Problem
    held: Views
    data: Scaled
    first: Tensor
    prior: DiffusionPrior
    shown: Tensor

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
        walk = started(options, parts, self.first, generator, alike=len(trusts))
        for _ in diffuse(parts, self.data, walk):
            yield Estimate(self.shown, walk.step, len(parts.levels), STAGE)
        samples = walk.x.reshape(len(trusts), SAMPLES, *self.first.shape) * self.data.top
        means = samples.mean(dim=1)
        if options.positivity:
            means = means.clamp(min=0)
        return {
            value: TrialResult(np.array(prediction_errors(self.held, mean)), own)
            for value, mean, own in zip(trusts, means, samples, strict=True)
        }
