"""A level of features too fine to be stored whole: nodes share a table (Mueller et al., SIGGRAPH 2022)."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from .field import Shape

ENTRIES = 2**17  # of the table of a level
PRIMES = (1, 2_654_435_761, 805_459_861)  # of the hash, one for each axis


class HashLevel(nn.Module):
    """Trilinear interpolation between nodes whose features lie at hashed places of a table.

    Parameters
    ----------
    nodes : tuple of int
        Along z, y and x of the box; node ``k`` of ``n`` lies at ``(2 k + 1) / n - 1``.
    features : int
    generator : Generator
        On the CPU.
    entries : int
        Of the table. Where there are no more nodes than that, each has its own: nothing collides.
    """

    def __init__(self, nodes: Shape, features: int, generator: torch.Generator, entries: int = ENTRIES) -> None:
        super().__init__()
        self.nodes = nodes
        self.collides = nodes[0] * nodes[1] * nodes[2] > entries
        rows = entries if self.collides else nodes[0] * nodes[1] * nodes[2]
        self.table = nn.Parameter(1e-2 * torch.randn(rows, features, generator=generator))

    def forward(self, points: Tensor) -> Tensor:
        """Features at ``points`` (n, 3) of the box: (features, n)."""
        count = torch.tensor(self.nodes, device=points.device)
        place = torch.minimum(((points + 1) * (count / 2) - 0.5).clamp(min=0), count - 1.0)
        low = place.floor().long()
        part = place - low
        high = torch.minimum(low + 1, count - 1)
        out = points.new_zeros(len(points), self.table.shape[1])
        for corner in product((False, True), repeat=3):
            node = torch.stack([(high if up else low)[:, axis] for axis, up in enumerate(corner)], dim=1)
            weight = torch.stack([part[:, a] if up else 1 - part[:, a] for a, up in enumerate(corner)]).prod(dim=0)
            out = out + weight[:, None] * self.table[self._entry(node)]
        return out.t()

    def _entry(self, node: Tensor) -> Tensor:
        if not self.collides:
            return (node[:, 0] * self.nodes[1] + node[:, 1]) * self.nodes[2] + node[:, 2]
        mixed = node[:, 0] * PRIMES[0] ^ node[:, 1] * PRIMES[1] ^ node[:, 2] * PRIMES[2]
        return mixed % len(self.table)
