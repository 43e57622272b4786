"""Fitting a field to a volume that the data step hands on: gradient steps, slab by slab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ...operators import Operator
from ..descent import AdamW
from .field import Field, Slab, slabs


def ticking(operator: Operator) -> Callable[[], None]:
    """What a field calls while it works: the hook of the operator, as it is at the time."""

    def tick() -> None:
        if operator.on_chunk is not None:
            operator.on_chunk()

    return tick


class Fit:
    """A field on its way, with the moments of its optimiser.

    Parameters
    ----------
    field : Field
    rate : float
        Learning rate.
    generator : Generator
        Draws the slabs. On the CPU, so that a run repeats on any device.
    """

    def __init__(self, field: Field, rate: float, generator: torch.Generator) -> None:
        self.field, self.rate, self.generator = field, rate, generator
        self.begin()

    def begin(self) -> None:
        """Forget the moments: the parameters are others than before."""
        self.groups = self.field.groups()
        self.descents = [AdamW(parameters, self.rate * factor, 0.0) for parameters, factor in self.groups]

    def follow(
        self,
        target: Tensor,
        steps: int,
        slower: float = 1.0,
        unlikeness: Callable[[Tensor, Slab], Tensor | None] | None = None,
    ) -> Iterator[float]:
        """Take gradient steps towards ``target`` (slices, y, x), one slab each; yields the mean squared distance.

        Parameters
        ----------
        target : Tensor
        steps : int
        slower : float
            Factor of the learning rate.
        unlikeness : callable, optional
            What the values of a slab cost beside their distance, in squared units of the object's maximum.

        Yields
        ------
        float
            Mean squared distance of the slab's voxels before the step, in squared units of the object's maximum.
        """
        places = slabs(self.field.shape, self.field.device, self.field.batch)
        for descent, (_, factor) in zip(self.descents, self.groups, strict=True):
            descent.rate = self.rate * factor * slower
        order: list[int] = []
        for _ in range(steps):
            order = order or torch.randperm(len(places), generator=self.generator).tolist()
            slab = places[order.pop()]
            for descent in self.descents:
                descent.zero_grad()
            with torch.enable_grad():
                values = self.field.lattice(slab)
                misfit = (values - target[slab[0] : slab[1]]).square()
                # A sum: the gradient of a mean over many voxels would drown in Adam's epsilon.
                loss = misfit.sum() + misfit.numel() * self.field.penalty()
                unlike = None if unlikeness is None else unlikeness(values, slab)
                if unlike is not None:
                    loss = loss + misfit.numel() * unlike
                loss.backward()
            for descent in self.descents:
                descent.step()
            self.field.tick()
            yield float(misfit.detach().mean())

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes, in one flat mapping."""
        moments = {f"moments.{k}.{name}": v for k, d in enumerate(self.descents) for name, v in d.state().items()}
        return {f"field.{name}": v for name, v in self.field.numbers().items()} | moments

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.field.take({k.removeprefix("field."): v for k, v in state.items() if k.startswith("field.")})
        self.begin()
        for k, descent in enumerate(self.descents):
            prefix = f"moments.{k}."
            descent.restore({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
