"""The prior network as the loop sees it: a stack of noisy slices in, clean image and noise out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...models.foreign import Prior, held_bytes
from ...models.prior import DiffusionPrior, clean_vp
from ...models.symmetries import TURNS
from ...models.weights import FOREIGN, find_weights, network_kind
from ...models.window import Window, asked
from ..inverse.normalised import Scaled
from ..inverse.window import window_around
from ..size import Size
from .renoise import noise_in

PIXELS = {"cpu": 2**15, "cuda": 2**21}  # of a batch: two slices of 128 px on a CPU take some 0.2 s
MOST = {"cpu": 2, "cuda": 4096}  # slices of a batch; more gain a CPU nothing but with images of 32 or 64 pixels
# Values per pixel that the compact network holds at its peak, measured: 128 and 256 px, one to four slices; without
# gradients 87 to 94, in a window or not.
ACTIVATIONS, ADAPTING = 95, 760
WEIGHTS = 12 << 20  # bytes: a compact network of 2.9 million numbers; where it is copied, the first is let go


@dataclass(frozen=True, eq=False)
class Denoiser:
    """A prior of one's own: adaptation changes this copy and never the network that others share.

    Every sample shows it the slices turned or mirrored in another way: it has learnt all of them alike, errs a little
    differently in each, and the mean of the samples less.

    Parameters
    ----------
    prior : DiffusionPrior or ForeignPrior
    slices : int
        Of the stack; the copies (samples) of a stack do not neighbour each other in a 2.5D prior.
    window : Window, optional
        All that the network sees of an image; beyond it is air.
    """

    prior: Prior
    slices: int
    window: Window | None = None

    def within(self, data: Scaled) -> Denoiser:
        """The same network, looking where the object of a measurement is."""
        return replace(self, window=window_around(data) if isinstance(self.prior, DiffusionPrior) else None)

    @classmethod
    def of(cls, prior: Prior, slices: int) -> Denoiser:
        """A denoiser on a copy of ``prior``, without dropout and without gradients."""
        return cls(copy.deepcopy(prior).eval().requires_grad_(False), slices)

    def __call__(self, x_t: Tensor, abar: float, chosen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Clean image and noise of some slices of ``x_t`` (copies * slices, y, x); gradients flow to the network."""
        index = torch.arange(len(x_t), device=x_t.device) if chosen is None else chosen
        turns = (index // self.slices % TURNS).tolist()
        near = self.neighbourhood(x_t, index)
        x0 = asked(self.prior, near, lambda seen: clean_vp(self.prior, seen, abar)[:, 0], self.window, turns)
        return x0, noise_in(x_t[index], x0, abar)

    @torch.no_grad()
    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """Clean images and noise of every slice, both of the shape of ``x_t``.

        Parameters
        ----------
        x_t, abar, data
            As in :meth:`one_by_one`.

        Returns
        -------
        x0, eps : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum; the noise has unit variance.
        """
        *_, x0 = self.one_by_one(x_t, abar, data)
        return x0, noise_in(x_t, x0, abar)

    @torch.no_grad()
    def one_by_one(self, x_t: Tensor, abar: float, data: Scaled) -> Iterator[Tensor]:
        """Clean images of the first slices, ever more of them until it is all; the stop flag is looked at in between.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            Noisy images.
        abar : float
            Part of the signal in their variance.
        data : Scaled
            Whose operator knows the stop flag.

        Yields
        ------
        Tensor, shape (up to copies * slices, y, x)
            A view of one tensor that is being filled, in units of the object's maximum.
        """
        x0 = torch.empty_like(x_t)
        for index, own in batches(x_t):
            with stoppable(self.prior, data.operator.on_chunk):
                x0[index[:own]] = self(x_t, abar, index)[0][:own]
            yield x0[: int(index[own - 1]) + 1]

    def pulled(self, x_t: Tensor, abar: float, data: Scaled, cotangent: Tensor) -> Tensor:
        """Gradient of ``sum(cotangent * x0)`` with respect to ``x_t``, through the neighbours of slices, too.

        Parameters
        ----------
        x_t, cotangent : Tensor, shape (copies * slices, y, x)
        abar : float
        data : Scaled
            Whose operator knows the stop flag.

        Returns
        -------
        Tensor, shape (copies * slices, y, x)
            Zero where no clean image depends on the noisy one.
        """
        total = torch.zeros_like(x_t)
        with torch.enable_grad(), stoppable(self.prior, data.operator.on_chunk):
            for index, own in batches(x_t):
                leaf = x_t.detach().requires_grad_()
                x0, _ = self(leaf, abar, index)
                total += torch.autograd.grad((x0[:own] * cotangent[index[:own]]).sum(), leaf)[0]
        return total

    @property
    def reach(self) -> int:
        """Slices on either side that the network looks at."""
        return self.prior.reach

    def neighbourhood(self, x_t: Tensor, chosen: Tensor | None = None) -> Tensor:
        """What the network sees of some slices (all when not given): (slices, neighbours, y, x)."""
        index = torch.arange(len(x_t), device=x_t.device) if chosen is None else chosen
        reach = self.reach
        if reach == 0:
            return x_t[index][:, None]
        first = index - index % self.slices
        near = [(index % self.slices + k).clamp(0, self.slices - 1) + first for k in range(-reach, reach + 1)]
        return torch.stack([x_t[n] for n in near], dim=1)


@contextmanager
def stoppable(network: nn.Module, look: Callable[[], None] | None) -> Iterator[None]:
    """Have every layer of a network look at the stop flag, there and on the way back.

    One pass over a large slice takes seconds on a CPU, and its gradient twice as long.
    """

    def there(*_: Any) -> None:
        if look is not None:
            look()

    def back(layer: nn.Module, given: Any, made: Any) -> None:
        if isinstance(made, Tensor) and made.requires_grad:
            made.register_hook(there)

    layers = [] if look is None else [one for one in network.modules() if next(one.children(), None) is None]
    hooks = [hook for one in layers for hook in (one.register_forward_pre_hook(there), one.register_forward_hook(back))]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def batch_size(x_t: Tensor) -> int:
    """Slices that go through the network together."""
    return _together(x_t.shape[-1] * x_t.shape[-2], x_t.device.type)


def _together(pixels: int, device: str) -> int:
    kind = device if device in PIXELS else "cpu"
    return max(1, min(MOST[kind], PIXELS[kind] // pixels))


def batches(x_t: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Numbers of the slices of each batch, and how many of them are not there to fill it up.

    A network's answer to a slice has the same bits in every batch of one size, and others in a batch of another: so
    all are filled, and a slice comes out alike whatever slab it is in.
    """
    count, size = len(x_t), min(batch_size(x_t), len(x_t))
    for start in range(0, count, size):
        index = torch.arange(start, start + size, device=x_t.device).clamp(max=count - 1)
        yield index, min(size, count - start)


def batch_bytes(size: Size, adapting: bool = False, networks: int = 1, prior: str = "auto", copies: int = 1) -> int:
    """Bytes of a batch of slices on its way through the network, with what gradients need where it adapts.

    Parameters
    ----------
    size : Size
    adapting : bool, optional
        Whether gradients are needed.
    networks : int, optional
        Networks that are held at the same time, of which one is at work.
    prior : str, optional
        Whose; of a network of diffusers the size is looked up.
    copies : int, optional
        Of the stack, one after the other: a batch is never more than there is.

    Returns
    -------
    int
        Bytes, weights of the networks included.
    """
    batch = min(_together(size.grid**2, size.device), copies * size.slices) * size.grid**2
    if prior != "auto" and network_kind(prior) == FOREIGN:
        return held_bytes(find_weights(prior), batch, adapting) + (networks - 1) * WEIGHTS
    return 4 * batch * (ADAPTING if adapting else ACTIVATIONS) + networks * WEIGHTS
