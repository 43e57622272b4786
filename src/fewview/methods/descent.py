"""Gradient steps of an adaptation: torch's AdamW, without the object that holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw


class AdamW:
    """AdamW (Loshchilov and Hutter, ICLR 2019) on a few parameters, with moments that can be kept and taken up again.

    The first ``torch.optim.AdamW`` of a process imports torch's compiler, which takes a second or two and is not used:
    as long as all else around the networks of a run of four slices. The steps are those of torch.

    Parameters
    ----------
    parameters : sequence of Tensor
        They hold their gradients.
    rate, decay : float
        Learning rate; weight decay, 0 is Adam.
    """

    def __init__(self, parameters: Sequence[Tensor], rate: float, decay: float) -> None:
        self.parameters, self.rate, self.decay = list(parameters), rate, decay
        self.forget()

    def forget(self) -> None:
        """Begin anew, with no moments."""
        self._means = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.tensor(0.0) for _ in self.parameters]  # on the CPU wherever the network is

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Go down the gradients; parameters without one stay."""
        moved = [k for k, p in enumerate(self.parameters) if p.grad is not None]
        adamw(
            [self.parameters[k] for k in moved],
            [g for p in self.parameters if (g := p.grad) is not None],
            [self._means[k] for k in moved],
            [self._squares[k] for k in moved],
            [],
            [self._steps[k] for k in moved],
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.rate,
            weight_decay=self.decay,
            eps=1e-8,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """What :meth:`restore` takes."""
        moments = {"mean": self._means, "square": self._squares, "step": self._steps}
        return {f"{k}.{name}": v[k].clone() for name, v in moments.items() for k in range(len(v))}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        for k, p in enumerate(self.parameters):
            self._means[k] = torch.as_tensor(state[f"{k}.mean"]).to(p).clone()
            self._squares[k] = torch.as_tensor(state[f"{k}.square"]).to(p).clone()
            self._steps[k] = torch.as_tensor(state[f"{k}.step"]).clone()
