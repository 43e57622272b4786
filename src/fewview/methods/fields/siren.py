"""SIREN: a small network with sine activations, told a first reconstruction beside the place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .field import Field, Slab, grid_points, refined, resampled, sampled

OMEGA = 30.0  # factor within the first sine
BATCH = {"cpu": 2**14, "cuda": 2**21}  # every weight hears of every point: few of them will do for a step


class Siren(Field):
    """Sitzmann et al., NeurIPS 2020, with an image value as a further input.

    The value enters behind the first layer: multiplied by :data:`OMEGA` there, its noise would wrap around and come
    out as fine texture. With ``residual`` the network adds to the image instead of making all of it; it begins at 0.

    Parameters
    ----------
    first : Tensor, shape (slices, y, x)
        First reconstruction, in units of the object's maximum.
    width, layers : int
        Of the hidden layers.
    generator : Generator
        On the CPU.
    residual : bool
    """

    first: Tensor
    scale: Tensor

    def __init__(
        self, first: Tensor, width: int, layers: int, generator: torch.Generator, residual: bool = True
    ) -> None:
        super().__init__((len(first), first.shape[1], first.shape[2]))
        self.register_buffer("first", first[None].clone(), persistent=False)
        self.residual = residual
        self.batch = BATCH
        sides = torch.tensor(self.shape, dtype=torch.float32)
        self.register_buffer("scale", sides / sides.max(), persistent=False)  # the same length along every axis
        inputs = [3, *[width + 1] + [width] * (layers - 1), width][: layers + 1]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for k, fan_in in enumerate(inputs):
            last = k == layers
            bound = 1 / fan_in if k == 0 else math.sqrt(6 / fan_in) / OMEGA
            weight = _uniform((1 if last else width, fan_in), bound, generator)
            if last and residual:
                weight.zero_()
            self.weights.append(nn.Parameter(weight))
            self.biases.append(
                nn.Parameter(_uniform((len(weight),), 0.0 if last else 1 / math.sqrt(fan_in), generator))
            )
        self.to(first.device)

    def lattice(self, slab: Slab | None = None, finer: int = 1) -> Tensor:
        """See :meth:`Field.lattice`."""
        shape = refined(self.shape, finer)
        slab = slab or (0, shape[0])
        value = resampled(self.first, shape, slab).reshape(-1)
        return self._network(grid_points(shape, slab, self.device), value).reshape(-1, *shape[1:])

    def at(self, points: Tensor) -> Tensor:
        """See :meth:`Field.at`."""
        return self._network(points, sampled(self.first, points)[0])

    def numbers(self) -> dict[str, Tensor]:
        """See :meth:`Field.numbers`; what the network is told is one of them."""
        return {**super().numbers(), "first": self.first.clone()}

    def take(self, numbers: Mapping[str, Any]) -> None:
        """See :meth:`Field.take`."""
        super().take(numbers)
        self.first.copy_(torch.as_tensor(numbers["first"]))

    def _network(self, points: Tensor, value: Tensor) -> Tensor:
        hidden = points * self.scale
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if k == len(self.weights) - 1:
                hidden = nn.functional.linear(hidden, weight, bias)
            else:
                hidden = torch.sin(OMEGA * nn.functional.linear(hidden, weight, bias))
            if k == 0:
                hidden = torch.cat([hidden, value[:, None]], dim=1)
        out = hidden[:, 0]
        return out + value if self.residual else out


def _uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    return (2 * torch.rand(shape, generator=generator) - 1) * bound
