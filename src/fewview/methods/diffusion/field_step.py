"""A neural field as the data step of the diffusion loop (DINR)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..fields.fit import Fit, ticking
from ..fields.objective import Objective
from ..inverse.consistency import Consistency, noise_aware
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal
from .schedule import Level

WARMING = 30  # fits to the first volume
SHARE = 0.25  # of the field in the mean of the samples: chosen on validation samples, docs/dinr.md


@dataclass
class FieldStep:
    """``argmin |A F - y|^2_W + rho |F - x0|^2`` over the parameters of a field, warm from one step to the next.

    One field stands for all samples, and couples all slices.

    Parameters
    ----------
    fit : Fit
    first : Tensor, shape (slices, y, x)
        What the field is fitted to before anything else, in units of the object's maximum.
    steps, inner, data_steps : int
        Steps on the lattice in each diffusion step, fits after each of them, CG iterations of each; with no
        iterations the field goes down the gradient itself.
    prefit : int
        Steps on the data alone, before the first proposal.
    trust : float or Tensor
        ``rho`` is the inverse of the weight of the data that :class:`ProximalCG` has.
    ratio : float, optional
        Then ``rho`` is such that the term of the proposal is this part of the term of the data instead (DINR).
    alone : Consistency, optional
        Data step of each sample. The field is fitted to the mean of its results, which then becomes the mean of both;
        what the samples differ by stays. Without it, the field is every sample.
    """

    fit: Fit
    first: Tensor
    steps: int = 2
    inner: int = 4
    data_steps: int = 5
    prefit: int = 0
    trust: float | Tensor = 1.0
    ratio: float | None = None
    alone: Consistency | None = None
    _x: Tensor | None = field(default=None, init=False)

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`Consistency`; what else is proposed counts in the data step of the samples."""
        self.fit.field.tick = ticking(data.operator)
        if self._x is None:
            for _ in self.fit.follow(self.first, WARMING):
                yield self._copies(self.first, x0)
            self._x = self.fit.field.values()
            for image in self._led(Objective(data), self.prefit):
                yield self._copies(image, x0)
        own = x0
        if self.alone is not None:
            for own in self.alone.solve(x0, data, level, others, start):  # noqa: B007 - the last one counts
                pass
        near = self._mean(own)
        for image in self._led(Objective(data, 0.0, near, self._rho(near, data, level)), self.steps):
            yield self._copies(image, x0) if self.alone is None else own + SHARE * self._copies(image - near, x0)

    def state(self) -> dict[str, Any]:
        """See :class:`Consistency`."""
        own = {} if self._x is None else {"x": self._x}
        drawn = {"rng": self.fit.generator.get_state()}
        alone = {} if self.alone is None else {f"alone.{k}": v for k, v in self.alone.state().items()}
        return self.fit.state() | own | drawn | alone

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`Consistency`."""
        self.fit.restore(state)
        self.fit.generator.set_state(torch.as_tensor(state["rng"]).cpu())
        self._x = torch.as_tensor(state["x"]).to(self.fit.field.device).clone() if "x" in state else None
        if self.alone is not None:
            self.alone.restore({k.removeprefix("alone."): v for k, v in state.items() if k.startswith("alone.")})

    def _led(self, objective: Objective, steps: int) -> Iterator[Tensor]:
        assert self._x is not None, "solve() takes the field's values first"
        for _ in range(steps):
            target = objective.towards(self._x, self.data_steps)
            for _ in self.fit.follow(target, self.inner):
                pass
            self._x = self.fit.field.values()
            yield self._x

    def _rho(self, near: Tensor, data: Scaled, level: Level) -> float:
        if self.ratio is None:
            return 1 / float(noise_aware(self.trust, data, level))
        assert self._x is not None, "solve() takes the field's values first"
        distance = float((self._x - near).square().sum())
        misfit = data.misfit(self._x)
        return self.ratio * float((data.weighted(misfit) * misfit).sum()) / max(distance, 1e-12)

    def _mean(self, x: Tensor) -> Tensor:
        return x.reshape(-1, *self.first.shape).mean(dim=0)

    def _copies(self, image: Tensor, like: Tensor) -> Tensor:
        return image.repeat(len(like) // len(image), 1, 1)
