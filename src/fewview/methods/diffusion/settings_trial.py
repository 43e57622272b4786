"""One trial of the autopilot: a few slices, some of whose views are held out, reconstructed in few steps."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor

from ...models.prior import DiffusionPrior
from ..interface import Estimate, Problem, Views
from ..inverse.normalised import Scaled
from ..selection.held_out import prediction_errors
from .compose import parts_of, started
from .denoiser import Denoiser
from .guide import CrossModalGuide
from .loop import diffuse
from .options import DiffusionOptions

STEPS, SAMPLES = 8, 2
CONFIDENCE = 0.95  # that another setting is better, before it is taken
STAGE = "choosing settings"

Setting = TypeVar("Setting")
PerView = NDArray[np.float64]


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


def clearly_best(errors: Mapping[Setting, PerView], enough: float = 1.0) -> Setting:
    """The setting that predicts held-out views best; the first, unless another is significantly better.

    Parameters
    ----------
    errors : mapping
        Of setting to errors per view, the same views in the same order. Paired one-sided t-test: two or three
        views tell little, and then only a large and even gain counts; a single view tells nothing.
    enough : float
        A gain by this part (of the root mean square) counts without a test, too: three views cannot pass one.
    """
    default, best = next(iter(errors)), min(errors, key=lambda setting: float(errors[setting].mean()))
    gain = errors[default] - errors[best]
    if best == default:
        return default
    if float(errors[best].mean()) <= (1 - enough) ** 2 * float(errors[default].mean()):
        return best
    if len(gain) < 2:
        return default
    limit = float(stdtrit(len(gain) - 1, CONFIDENCE)) * float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return best if float(gain.mean()) > limit else default
