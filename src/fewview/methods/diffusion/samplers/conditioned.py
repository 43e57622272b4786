"""A network that knows the measurement as the denoiser of a sampler: the score of the posterior itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ....models.symmetries import TURNS
from ....models.unrolled import Unrolled
from ...inverse.normalised import Scaled
from ..denoiser import batch_size
from ..renoise import noise_in


@dataclass(frozen=True, eq=False)
class Conditioned:
    """The mean of the posterior given the measurement and a noisy state, for every copy of the stack.

    As :class:`fewview.methods.diffusion.denoiser.Denoiser`, it sees each copy turned or mirrored in another way. Its
    answers have heard the data: a step that has them hear the data again would count these twice.

    Parameters
    ----------
    net : Unrolled
    slices : int
        Of the stack.
    """

    net: Unrolled
    slices: int

    @torch.no_grad()
    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """See :class:`fewview.methods.diffusion.parts.Denoises`."""
        sigma, pause = math.sqrt((1 - abar) / abar), data.operator.on_chunk or (lambda: None)
        made = []
        for copy, state in enumerate((x_t / math.sqrt(abar)).split(self.slices)):
            *_, image = self.net.run(
                data,
                self.slices,
                state=state,
                sigma=sigma,
                turns=(copy % TURNS,),
                batch=batch_size(state),
                pause=pause,
            )
            made.append(image)
        x0 = torch.cat(made)
        return x0, noise_in(x_t, x0, abar)
