"""Data steps: what a proposal of the network becomes in view of the measurement, step by step of a diffusion.

Each kind is the formula of :mod:`.proposals` with other terms. It has one method, a generator, so that a long solver (a
neural field) can show where it is; its last image counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from ..diffusion.schedule import Level
from .normalised import Scaled
from .proposals import Jumps, Proposal, Term, along_z, approaching, between


class Consistency(Protocol):
    """Solver of the data step."""

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Images ever more consistent with the data.

        Parameters
        ----------
        x0 : Tensor, shape (copies * slices, y, x)
            The network's proposal; gradients flow to it where it has any.
        data : Scaled
        level : Level
        others : sequence of Proposal
            What else is proposed: by a guide, a field, a slice fixer.
        start : Tensor, optional
            Where to begin; where the proposals meet when not given.

        Returns
        -------
        Tensor, shape (copies * slices, y, x)
            In units of the object's maximum; the last one is the answer.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What it carries from step to step."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


class Stateless:
    """Nothing is carried from step to step."""

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing."""


@dataclass
class PlainCG(Stateless):
    """A few steps of CG on ``A'WA x = A'Wy`` from the proposal, undamped (DDS for data without noise)."""

    iterations: int = 5

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`Consistency`; the proposal is only the start."""
        terms = [proposal.like(x0) for proposal in others]
        yield from approaching(terms, data, self.iterations, x0 if start is None else start)


@dataclass
class ProximalCG(Stateless):
    """``argmin |x - x0|^2 + gamma |A x - y|^2_W``, and what else is proposed, by CG.

    Parameters
    ----------
    iterations : int
    gamma : float, optional
        A fixed weight of the data (DDS and SCD for data with noise). None: the weight follows from the noise.
    trust : float or Tensor
        Then ``gamma = (r / noise)^2`` with ``r = sigma / trust`` the error expected of a proposal at noise level
        ``sigma`` (at most 1, the range of the images): larger believes the network more. One value, or one per
        slice, shape (copies * slices, 1, 1).
    """

    iterations: int = 5
    gamma: float | None = None
    trust: float | Tensor = 1.0

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`Consistency`."""
        gamma = noise_aware(self.trust, data, level) if self.gamma is None else self.gamma
        proposals = [Proposal(x0, 1 / (gamma * data.noise**2)), *(proposal.like(x0) for proposal in others)]
        yield from approaching(proposals, data, self.iterations, between(proposals) if start is None else start)


def noise_aware(trust: float | Tensor, data: Scaled, level: Level) -> float | Tensor:
    """Weight of the data against a proposal: expected error of the proposal over noise of the data, squared.

    Parameters
    ----------
    trust : float or Tensor
        Larger follows the proposal; one per slice as (slices, 1, 1).
    data : Scaled
        With the standard deviation of their noise.
    level : Level
        Of the diffusion.

    Returns
    -------
    float or Tensor
        Of the shape of ``trust``; without unit.
    """
    expected = level.sigma / (1 + level.sigma**2) ** 0.5
    result: float | Tensor = (expected / data.noise / trust) ** 2
    return result


@dataclass
class TVz:
    """ADMM for ``|A x - y|^2_W / 2 + weight TV_z(x)``, one sweep per diffusion step (DiffusionMBIR, D3IP + MBIR).

    The split differences ``d`` and their multipliers ``u`` live on from step to step: that is what makes one sweep
    enough. Slices beyond the ends do not exist (Neumann). Both weights are in units of the noise variance of the scaled
    data, so that they carry over: 1 / weight then is a jump between slices, in parts of the object's maximum, that
    counts as much as a misfit of one standard deviation.

    Parameters
    ----------
    slices : int
        Of the stack: samples do not neighbour each other.
    rho, weight : float
        Penalty, and strength of TV along z.
    iterations, sweeps : int
        Of CG in a sweep; sweeps per step.
    trust : float or Tensor, optional
        Stay near the proposal as :class:`ProximalCG` does; None as published: the proposal is only the start.
    """

    slices: int
    rho: float = 10.0
    weight: float = 1.0
    iterations: int = 5
    sweeps: int = 1
    trust: float | Tensor | None = None
    _split: dict[str, Tensor] = field(default_factory=dict)

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`Consistency`."""
        terms: list[Term] = [proposal.like(x0) for proposal in others]
        if self.trust is not None:
            terms.append(Proposal(x0, 1 / (noise_aware(self.trust, data, level) * data.noise**2)))
        yield from self.swept(terms, data, x0 if start is None else start)

    def swept(self, terms: Sequence[Term], data: Scaled, x: Tensor) -> Iterator[Tensor]:
        """The sweeps from ``x``, near what ``terms`` propose.

        Parameters
        ----------
        terms : sequence of Term
        data : Scaled
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.

        Yields
        ------
        Tensor, shape (copies * slices, y, x)
        """
        slices = self.slices
        zero = along_z(torch.zeros_like(x), slices)
        d, u = self._split.get("d", zero), self._split.get("u", zero)
        for _ in range(self.sweeps):
            near = [*terms, Jumps(d - u, self.rho, slices)]
            begin = x
            for x in approaching(near, data, self.iterations, begin, per_slice=False):
                yield x
            slope = along_z(x, slices)
            d = torch.nn.functional.softshrink(slope + u, self.weight / self.rho)
            u = u + slope - d
        self._split = {"d": d, "u": u}

    def state(self) -> dict[str, Any]:
        """See :class:`Consistency`."""
        return {name: value.clone() for name, value in self._split.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`Consistency`."""
        self._split = {name: torch.as_tensor(value).clone() for name, value in state.items()}
