"""Data consistency: what a proposal of the network becomes in view of the measurement.

Every kind has one method, a generator, so that a long solver (a neural field) can show where it is; its last image
counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from ...operators.krylov import cg
from ..diffusion.schedule import Level
from .normalised import Scaled


class Consistency(Protocol):
    """Solver of the data step."""

    def solve(self, x0: Tensor, data: Scaled, level: Level) -> Iterator[Tensor]:
        """Images (copies * slices, y, x), ever more consistent; gradients flow to ``x0`` where it has any."""
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

    def solve(self, x0: Tensor, data: Scaled, level: Level) -> Iterator[Tensor]:
        """See :class:`Consistency`."""
        yield cg(data.normal, _like(data.back, x0), x0, self.iterations)


@dataclass
class ProximalCG(Stateless):
    """``argmin |x - x0|^2 + gamma |A x - y|^2_W`` by CG from the proposal.

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

    def solve(self, x0: Tensor, data: Scaled, level: Level) -> Iterator[Tensor]:
        """See :class:`Consistency`."""
        gamma = self.gamma if self.gamma is not None else self._from_noise(data, level)
        b = x0 + gamma * _like(data.back, x0)
        yield cg(lambda x: x + gamma * data.normal(x), b, x0, self.iterations)

    def _from_noise(self, data: Scaled, level: Level) -> float | Tensor:
        return noise_aware(self.trust, data, level)


def noise_aware(trust: float | Tensor, data: Scaled, level: Level) -> float | Tensor:
    """Weight of the data against a proposal: expected error of the proposal over noise of the data, squared."""
    expected = level.sigma / (1 + level.sigma**2) ** 0.5
    return (expected / data.noise / trust) ** 2


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

    def solve(self, x0: Tensor, data: Scaled, level: Level) -> Iterator[Tensor]:
        """See :class:`Consistency`."""
        x, slices = x0, self.slices
        zero = along_z(torch.zeros_like(x), slices)
        d, u = self._split.get("d", zero), self._split.get("u", zero)
        rho, ball = self.rho * data.noise**2, self.weight / self.rho
        near = 0.0 if self.trust is None else 1 / noise_aware(self.trust, data, level)
        target = _like(data.back, x) + near * x0

        def apply(v: Tensor) -> Tensor:
            return data.normal(v) + near * v + rho * along_z_adjoint(along_z(v, slices), slices)

        for _ in range(self.sweeps):
            b = target + rho * along_z_adjoint(d - u, slices)
            x = cg(apply, b, x, self.iterations, per_slice=False)
            slope = along_z(x, slices)
            d = torch.nn.functional.softshrink(slope + u, ball)
            u = u + slope - d
            yield x
        self._split = {"d": d, "u": u}

    def state(self) -> dict[str, Any]:
        """See :class:`Consistency`."""
        return {name: value.clone() for name, value in self._split.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`Consistency`."""
        self._split = {name: torch.as_tensor(value).clone() for name, value in state.items()}


def along_z(x: Tensor, slices: int) -> Tensor:
    """Differences between neighbouring slices of each copy: (copies, slices - 1, y, x)."""
    return x.reshape(-1, slices, *x.shape[1:]).diff(dim=1)


def along_z_adjoint(q: Tensor, slices: int) -> Tensor:
    """The adjoint of :func:`along_z`: (copies * slices, y, x)."""
    zero = q.new_zeros(len(q), 1, *q.shape[2:])
    return (torch.cat([zero, q], dim=1) - torch.cat([q, zero], dim=1)).reshape(-1, *q.shape[2:])


def _like(stack: Tensor, x: Tensor) -> Tensor:
    """One stack, repeated for every copy in ``x``."""
    return stack if len(stack) == len(x) else stack.repeat(len(x) // len(stack), 1, 1)


def nonnegative(image: Tensor, data: Scaled, gamma: float | Tensor, iterations: int = 20) -> Tensor:
    """The image without negative values that is nearest: ``argmin |x - image|^2 + gamma |A (x - image)|^2_W``, x >= 0.

    By accelerated projected gradients (FISTA). Clipping alone would add attenuation wherever noise swings below zero,
    and the data would no longer fit.

    Parameters
    ----------
    image : Tensor, shape (copies * slices, y, x)
        An image that has none stays what it is.
    data : Scaled
    gamma : float or Tensor
        Weight of the data.
    iterations : int
    """
    largest = 1.0 if data.weights is None else float(data.weights.max())
    step = 1 / (1 + gamma * largest)  # the norm of A is 1
    last = ahead = image.clamp(min=0)
    t = 1.0
    for _ in range(iterations):
        off = ahead - image
        x = (ahead - step * (off + gamma * data.normal(off))).clamp(min=0)
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead, last, t = x + (t - 1) / following * (x - last), x, following
    return last
