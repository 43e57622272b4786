"""NAF: features on grids of several resolutions and a small network on them (Zha et al., MICCAI 2022).

A grid of up to 128^3 nodes is stored whole and interpolated: on a lattice of 64^3, 26 ms against 438 ms for the gathers
of a hash table (one thread). Only larger grids are hashed; of a few slices none is, however wide they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .field import Field, Shape, Slab, grid_points, refined, resampled, sampled
from .hashed import HashLevel

COARSEST, RATIO, DENSE = 8, 1.5, 128**3  # nodes a side of the first grid, ratio to the next, most that are not hashed
FEATURES, WIDTH = 2, 32  # of a node; neurons of the layer that reads them
SOFT = 0.02  # of the object's maximum: where the output turns from 0 to its value
DECAY = 1e-5  # of the features: only what the data never touch feels it


class Pyramid(Field):
    """A dense multi-resolution pyramid, layer normalisation, GELU and a squareplus output.

    Parameters
    ----------
    shape : tuple of int
        Slices, rows and columns.
    generator : Generator
        On the CPU.
    device : torch.device
    beyond : int
        The finest grid has so many nodes along a voxel of the data: 1, or 2 and 4 for an image finer than the data.
    """

    def __init__(self, shape: Shape, generator: torch.Generator, device: torch.device, beyond: int = 1) -> None:
        super().__init__(shape)
        sizes = resolutions(max(shape) * beyond)
        self.dense = nn.ParameterList()
        self.hashed = nn.ModuleList()
        for size in sizes:
            nodes = level_shape(shape, size)
            if math.prod(nodes) <= DENSE:
                self.dense.append(nn.Parameter(1e-2 * torch.randn(FEATURES, *nodes, generator=generator)))
            else:
                self.hashed.append(HashLevel(nodes, FEATURES, generator))
        count = FEATURES * len(sizes)
        self.norm = nn.Parameter(torch.stack([torch.ones(count), torch.zeros(count)]))
        self.layers = nn.ParameterList()
        for fan_in, fan_out in ((count, WIDTH), (WIDTH + count, WIDTH), (WIDTH, 1)):
            self.layers.append(nn.Parameter(torch.randn(fan_out, fan_in, generator=generator) / math.sqrt(fan_in)))
            self.layers.append(nn.Parameter(torch.zeros(fan_out, 1)))
        self.to(device)

    def lattice(self, slab: Slab | None = None, finer: int = 1) -> Tensor:
        """See :meth:`Field.lattice`."""
        shape = refined(self.shape, finer)
        slab = slab or (0, shape[0])
        features = [resampled(level, shape, slab).reshape(FEATURES, -1) for level in self.dense]
        if len(self.hashed):
            points = grid_points(shape, slab, self.device)
            features += [level(points) for level in self.hashed]
        return self._network(torch.cat(features)).reshape(-1, *shape[1:])

    def at(self, points: Tensor) -> Tensor:
        """See :meth:`Field.at`."""
        features = [sampled(level, points) for level in self.dense] + [level(points) for level in self.hashed]
        return self._network(torch.cat(features))

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Features learn faster than the network that reads them."""
        network = [self.norm, *self.layers]
        features = [p for p in self.parameters() if all(p is not own for own in network)]
        return [(features, 1.0), (network, 0.3)]

    def penalty(self) -> Tensor:
        """Features that no ray asks for fade."""
        return DECAY * torch.stack([level.square().mean() for level in self.dense]).sum()

    def _network(self, features: Tensor) -> Tensor:
        """(features, points) to (points,); points lie innermost, so that nothing is transposed."""
        mean = features.mean(dim=0, keepdim=True)
        spread = torch.rsqrt(features.var(dim=0, keepdim=True, unbiased=False) + 1e-5)
        normal = (features - mean) * spread * self.norm[0, :, None] + self.norm[1, :, None]
        first, a, second, b, third, c = self.layers
        hidden = nn.functional.gelu(first @ normal + a)
        hidden = nn.functional.gelu(second @ torch.cat([hidden, normal]) + b)
        out = (third @ hidden + c)[0]
        result: Tensor = 0.5 * (out + torch.sqrt(out * out + SOFT**2))
        return result


def resolutions(finest: int) -> list[int]:
    """Nodes along the longest side, from :data:`COARSEST` to ``finest`` in ratios of about :data:`RATIO`."""
    finest = max(finest, COARSEST)
    steps = max(1, round(math.log(finest / COARSEST) / math.log(RATIO)))
    return sorted({round(COARSEST * (finest / COARSEST) ** (k / steps)) for k in range(steps + 1)})


def level_shape(shape: Shape, size: int) -> Shape:
    """Nodes of a level along each axis: as dense along all."""
    slices, rows, columns = (max(1, round(size * side / max(shape))) for side in shape)
    return slices, rows, columns
