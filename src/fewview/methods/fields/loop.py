"""The one field loop: a step on the lattice towards the data, a fit of the field to it, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .field import Slab
from .fit import Fit
from .objective import Objective

REVISED = 10  # steps between two looks at the number of parameters
SLOWEST = 0.1  # of the learning rate, at the end


@dataclass(frozen=True)
class Pace:
    """How a field is led to the data.

    Parameters
    ----------
    steps : int
        Data steps, each followed by a fit.
    inner : int
        Gradient steps of a fit, one slab each.
    data_steps : int
        CG iterations of a data step.
    fastest : float
        Factor of the learning rate at the first step; at the last it is :data:`SLOWEST`.
    """

    steps: int
    inner: int
    data_steps: int
    fastest: float = 1.0


class Progress(NamedTuple):
    """What there is to tell: after a step (``done``), and on the way there."""

    x: Tensor
    scalars: dict[str, float]
    done: bool


@dataclass
class Splitting:
    """Where a run of the splitting is.

    Parameters
    ----------
    fit : Fit
    x : Tensor, shape (slices, y, x)
        Values of the field.
    step : int
        Steps done.
    """

    fit: Fit
    x: Tensor
    step: int = 0

    def begin_anew(self) -> None:
        """Count from 0 again, from the field as it is now, without the moments of its optimiser."""
        self.fit.begin()
        self.x, self.step = self.fit.field.values(), 0

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        return self.fit.state() | {"x": self.x, "step": self.step, "rng": self.fit.generator.get_state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.fit.restore(state)
        self.x, self.step = torch.as_tensor(state["x"]).to(self.x).clone(), int(state["step"])
        self.fit.generator.set_state(torch.as_tensor(state["rng"]).cpu())


class Repaired(Protocol):
    """A proposal that the field follows beside the data."""

    def joined(self, plain: Objective) -> Objective:
        """The objective with the proposal in it."""
        ...

    def unlikeness(self, values: Tensor, slab: Slab) -> Tensor | None:
        """See :meth:`Fit.follow`."""
        ...


@torch.no_grad()
def advance(
    splitting: Splitting, objective: Objective, pace: Pace, repair: Repaired | None = None
) -> Iterator[Progress]:
    """Go on from ``splitting``, changing it, until ``pace.steps`` are done; ``repair`` may change from step to step.

    Parameters
    ----------
    splitting : Splitting
        Is changed.
    objective : Objective
    pace : Pace
        Steps, fits per step, and iterations of the data step.
    repair : Repaired, optional
        What a slice fixer proposes.

    Yields
    ------
    Progress
        Volume (slices, y, x) in units of the object's maximum, its root mean square distance from the target, and
        whether a step has ended.
    """
    unlikeness = None if repair is None else repair.unlikeness
    fit = splitting.fit
    while splitting.step < pace.steps:
        part = splitting.step / pace.steps
        aim = objective if repair is None else repair.joined(objective)
        target = aim.towards(splitting.x, pace.data_steps)
        if splitting.step % REVISED == REVISED - 1 and fit.field.revise(target - splitting.x, part):
            fit.begin()
        slower = SLOWEST + (pace.fastest - SLOWEST) * (1 - part)
        for distance in fit.follow(target, pace.inner, slower, unlikeness):
            yield Progress(splitting.x, {"distance": distance**0.5}, False)
        splitting.x = fit.field.values()
        splitting.step += 1
        yield Progress(splitting.x, {"distance": float((splitting.x - target).square().mean()) ** 0.5}, True)
