"""The unrolled network as a slice fixer: its stages begin at the field, and each is held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...models.fixer import FixerCondition, SliceFixer, load_fixer
from ...models.symmetries import TURNS
from ...models.unrolled import Unrolled
from ...models.weights import load_unrolled, network_kind
from ..diffusion.denoiser import batch_size
from ..inverse.normalised import Scaled
from ..inverse.window import window_around

ALL = 2**31
"""Slices at once: each stage looks at the neighbours of a slice."""


class UnrolledFixer:
    """A :class:`SliceFixer` whose condition is the whole measurement: all views of the slice, and not two.

    The network was trained end to end with the operator, from a few steps of conjugate gradients; begun at a field it
    improves on that. The answer is the mean over the symmetries of a square.

    Parameters
    ----------
    net : Unrolled
    """

    together = ALL

    def __init__(self, net: Unrolled) -> None:
        self.net = net

    def __call__(self, x: Tensor, condition: FixerCondition) -> Tensor:
        """Repair slices (slices, 1, y, x), in units of the object's maximum, on the grid of the measurement."""
        *_, last = self.answers(x, condition)
        return last

    def answers(self, x: Tensor, condition: FixerCondition) -> Iterator[Tensor]:
        """The slices as they become better: after each stage first, then after each further symmetry."""
        data = condition.measurement
        assert isinstance(data, Scaled), "the repair tells its fixer what was measured"
        pause = data.operator.on_chunk or (lambda: None)
        mean, window, batch = torch.zeros_like(data.back), window_around(data), batch_size(data.back)
        for turn in range(TURNS):
            image = x[:, 0]
            run = self.net.run(data, len(x), turns=(turn,), first=image, window=window, batch=batch, pause=pause)
            for image in run:
                if turn == 0:
                    yield image[:, None]
            mean += (image - mean) / (turn + 1)
            yield mean[:, None]


def load_any_fixer(name: str | Path, device: str | torch.device = "cpu") -> SliceFixer:
    """Load whatever can repair slices, by name or path: an unrolled network, a compact fixer, adapters of SD-Turbo.

    Raises
    ------
    WeightsError, MethodUnavailable
        See :func:`fewview.models.fixer.load_fixer`.
    """
    if network_kind(name) == "unrolled":
        return UnrolledFixer(load_unrolled(name, device))
    return load_fixer(name, device)
