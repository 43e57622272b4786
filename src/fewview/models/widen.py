"""A network made wider and deeper that does what it did: training goes on from there instead of from the start."""

from __future__ import annotations

import torch
from torch import Tensor

from .prior import DiffusionPrior
from .unet import UNetConfig


@torch.no_grad()
def widened(prior: DiffusionPrior, config: UNetConfig) -> DiffusionPrior:
    """A prior of the shape ``config`` that does what ``prior`` does, until it is trained.

    Channels are copied, and what reads them reads each copy in part (Net2WiderNet, Chen et al., "Net2Net",
    ICLR 2016). The parts are drawn for every weight: copies that were read alike would be trained alike, too.
    Further blocks begin as the identity, as those of a new network do.

    Parameters
    ----------
    prior : DiffusionPrior
    config : UNetConfig
        Every level has a multiple of the channels that ``prior`` has there, and as many blocks or more; the rest
        is the same.

    Raises
    ------
    ValueError
        ``config`` has no room for the weights of ``prior``.
    """
    if prior.config == config:
        return prior
    wide = DiffusionPrior(config)
    generator = torch.Generator().manual_seed(0)
    weights, room = prior.state_dict(), wide.state_dict()
    shared = {_block(name) for name in weights}
    for name in room:
        if name not in weights and _block(name) in shared:  # a way around a block that was straight
            raise ValueError(f"{name} of channels {config.channels} has no counterpart in the prior")
    for name, narrow in weights.items():
        new = room.get(name)
        if new is None or any(a % b for a, b in zip(new.shape, narrow.shape, strict=True)):
            raise ValueError(f"{name} of the prior has no place in a network of channels {config.channels}")
        room[name] = _spread(narrow.cpu(), new.shape, generator)
    wide.load_state_dict(room)
    return wide.to(next(prior.parameters()).device)


def _block(name: str) -> str:
    """The residual block that a weight belongs to: ``net.encoder.1.0`` of ``net.encoder.1.0.conv1.weight``."""
    return ".".join(name.split(".")[:4])


def _spread(narrow: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Copy outputs (the first axis), and divide among copied inputs (the second)."""
    copied = narrow.repeat_interleave(shape[0] // narrow.shape[0], dim=0)
    if len(shape) == 1 or shape[1] == narrow.shape[1]:
        return copied
    times = shape[1] // narrow.shape[1]
    parts = 0.5 + torch.rand((*copied.shape[:2], times, *shape[2:]), generator=generator)
    parts /= parts.sum(dim=2, keepdim=True)
    return (copied.unsqueeze(2) * parts).flatten(1, 2)
