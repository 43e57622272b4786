"""The part of an image that a network sees, and its answer put back in its place. Air is not asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .part_norm import counting
from .symmetries import turned, turned_back


@dataclass(frozen=True, eq=False)
class Window:
    """A square of an image.

    Parameters
    ----------
    top, left, side : int
        Pixels.
    counts : Tensor, shape (side, side)
        How often a pixel counts in the means that the network takes: the air of the window stands for all air.
    inside : Tensor of bool, shape (side, side)
        Where the network's answer is taken.
    """

    top: int
    left: int
    side: int
    counts: Tensor
    inside: Tensor

    def cut(self, images: Tensor) -> Tensor:
        """The window of images (..., y, x)."""
        return images[..., self.top : self.top + self.side, self.left : self.left + self.side]

    def pasted(self, images: Tensor, grid: int) -> Tensor:
        """Answers to :meth:`cut`, shape (..., side, side), on a grid whose other pixels are 0."""
        kept = torch.where(self.inside, images, torch.zeros_like(images))
        right, bottom = grid - self.left - self.side, grid - self.top - self.side
        return F.pad(kept, (self.left, right, self.top, bottom))

    def air(self, images: Tensor) -> Tensor:
        """Mean over the air of answers to :meth:`cut`, shape (..., 1, 1)."""
        return images[..., self.counts > 1].mean(dim=-1)[..., None, None]

    def only(self, images: Tensor) -> Tensor:
        """Images (..., y, x) that are 0 wherever no answer is taken."""
        return self.pasted(self.cut(images), images.shape[-1])


def asked(
    network: nn.Module,
    images: Tensor,
    answer: Callable[[Tensor], Tensor],
    window: Window | None = None,
    turns: Sequence[int] = (),
    air: bool = False,
) -> Tensor:
    """What a network says of images, seen through a window and in turned or mirrored positions.

    Parameters
    ----------
    network : Module
        Whose norms take the air of the window for all air.
    images : Tensor, shape (batch, channels, y, x)
    answer : callable
        Gives the network what it is shown, and returns images of the same size, (batch, y, x) or (batch, n, y, x).
    window : Window, optional
        All that it sees; the whole images when not given.
    turns : sequence of int
        Position of each image of the batch, see :mod:`.symmetries`; all as they are when not given.
    air : bool
        What it says of the air of the window, in the mean, stands for all air; 0 does when not given.

    Returns
    -------
    Tensor
        The answers on the grid of ``images``.
    """
    turns = turns or [0] * len(images)
    shown = images if window is None else window.cut(images)
    counts = None if window is None else torch.stack([turned(window.counts, k) for k in turns])
    with counting(network, counts):
        answers = answer(torch.stack([turned(image, k) for image, k in zip(shown, turns, strict=True)]))
    back = torch.stack([turned_back(image, k) for image, k in zip(answers, turns, strict=True)])
    if window is None:
        return back
    beyond = window.air(back) if air else torch.zeros_like(back[..., :1, :1])
    return window.pasted(back - beyond, images.shape[-1]) + beyond
