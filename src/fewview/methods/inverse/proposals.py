"""What proposals of an image become in view of the measurement: the one quadratic formula behind every data step.

``argmin_x sum_k c_k |x - m_k|^2 + |A x - y|^2_W / noise^2``

A prior, a guide, a field or a slice fixer each propose an image ``m`` and say how sure they are of it, ``c``. None of
them overrules the measurement: it always has its own term.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...operators.krylov import cg_images
from .normalised import Scaled

NONNEGATIVE = 20  # iterations after which clipping has cost the data nothing


class Term(Protocol):
    """A quadratic term of the formula: half its gradient is ``curved(x) - pull``."""

    @property
    def pull(self) -> Tensor:
        """The part of the gradient that does not depend on the image, shape of the image."""
        ...

    def curved(self, x: Tensor) -> Tensor:
        """The part that is linear in the image."""
        ...


@dataclass(frozen=True, eq=False)
class Proposal:
    """An image, and how sure whoever proposes it is of it: ``certainty |x - mean|^2``.

    Parameters
    ----------
    mean : Tensor, shape (slices, y, x) or (copies * slices, y, x)
        In units of the object's maximum; one stack stands for all copies.
    certainty : float or Tensor
        1 / variance of its error. One value, one per slice (slices, 1, 1), or one per pixel, shape of ``mean``. 0 does
        not count.
    """

    mean: Tensor
    certainty: float | Tensor

    @property
    def pull(self) -> Tensor:
        """See :class:`Term`."""
        return self.certainty * self.mean

    def curved(self, x: Tensor) -> Tensor:
        """See :class:`Term`."""
        return self.certainty * x

    def like(self, x: Tensor) -> Proposal:
        """For as many copies as there are in ``x``."""
        certainty = self.certainty
        if isinstance(certainty, Tensor) and certainty.ndim == 3 and len(certainty) > 1:
            certainty = repeated(certainty, len(x))
        return Proposal(repeated(self.mean, len(x)), certainty)


def approaching(
    terms: Sequence[Term],
    data: Scaled,
    iterations: int,
    start: Tensor,
    *,
    per_slice: bool = True,
) -> Iterator[Tensor]:
    """Minimise the sum of all terms and of the misfit to the data, by conjugate gradients.

    Parameters
    ----------
    terms : sequence of Term
        None at all leaves least squares, which then stay near the start only because the iterations are few.
    data : Scaled
    iterations : int
        Of conjugate gradients.
    start : Tensor, shape (copies * slices, y, x)
        Gradients flow to it and to the terms, where they have any.
    per_slice : bool
        False where a term couples slices.

    Yields
    ------
    Tensor, shape (copies * slices, y, x)
        The start, then ever better images.
    """
    scale = data.noise**2  # the formula in units of the data term, whose operator has norm 1
    target = repeated(data.back, len(start))
    for term in terms:
        target = target + scale * term.pull

    def apply(x: Tensor) -> Tensor:
        image = data.normal(x)
        for term in terms:
            image = image + scale * term.curved(x)
        return image

    yield from cg_images(apply, target, start, iterations, per_slice=per_slice)


def data_consistent(terms: Sequence[Term], data: Scaled, iterations: int, start: Tensor) -> Tensor:
    """The last image of :func:`approaching`.

    Parameters
    ----------
    terms, data, iterations, start
        As there.

    Returns
    -------
    Tensor, shape (copies * slices, y, x)
        In the unit of the proposals.
    """
    for image in approaching(terms, data, iterations, start):  # noqa: B007 - the last one counts
        pass
    return image


def between(proposals: Sequence[Proposal]) -> Tensor:
    """Where proposals meet without any data: their mean, weighed by their certainty."""
    first, *others = proposals
    if not others:
        return first.mean
    certainty = sum((p.certainty for p in others), first.certainty)
    return sum((p.pull for p in others), first.pull) / certainty


def repeated(stack: Tensor, count: int) -> Tensor:
    """One stack, repeated until there are so many slices."""
    return stack if len(stack) == count else stack.repeat(count // len(stack), 1, 1)


def nonnegative(image: Tensor, data: Scaled, gamma: float | Tensor, iterations: int = NONNEGATIVE) -> Tensor:
    """The last image of :func:`approaching_nonnegative`.

    Parameters
    ----------
    image, data, gamma, iterations
        As there.

    Returns
    -------
    Tensor, shape of ``image``
        Nowhere below 0, in the same unit.
    """
    for x in approaching_nonnegative(image, data, gamma, iterations):  # noqa: B007 - the last one counts
        pass
    return x


def approaching_nonnegative(
    image: Tensor, data: Scaled, gamma: float | Tensor, iterations: int = NONNEGATIVE
) -> Iterator[Tensor]:
    """The minimiser of the formula among images without negative values, from the minimiser among all.

    That is the nearest one in the formula's own metric, ``argmin |x - image|^2 + gamma |A (x - image)|^2_W, x >= 0``,
    by accelerated projected gradients (FISTA). Clipping alone would add attenuation wherever noise swings below zero,
    and the data would no longer fit.

    Parameters
    ----------
    image : Tensor, shape (copies * slices, y, x)
        An image that has no negative values stays what it is.
    data : Scaled
    gamma : float or Tensor
        Weight of the data over the certainty of the proposals.
    iterations : int

    Yields
    ------
    Tensor
        The clipped image, then every iterate.
    """
    largest = 1.0 if data.weights is None else repeated(data.weights.amax(dim=(1, 2), keepdim=True), len(image))
    step = 1 / (1 + gamma * largest)  # the norm of A is 1
    last = ahead = image.clamp(min=0)
    yield last
    t = 1.0
    for _ in range(iterations):
        off = ahead - image
        x = (ahead - step * (off + gamma * data.normal(off))).clamp(min=0)
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead, last, t = x + (t - 1) / following * (x - last), x, following
        yield last


@dataclass(frozen=True, eq=False)
class Jumps:
    """Differences between neighbouring slices, near given ones: ``weight |D x - target|^2`` (ADMM's split).

    Parameters
    ----------
    target : Tensor, shape (copies, slices - 1, y, x)
    weight : float
    slices : int
        Of the stack: the slices of one copy do not neighbour those of another.
    """

    target: Tensor
    weight: float
    slices: int

    @property
    def pull(self) -> Tensor:
        """See :class:`Term`."""
        return self.weight * along_z_adjoint(self.target)

    def curved(self, x: Tensor) -> Tensor:
        """See :class:`Term`."""
        return self.weight * along_z_adjoint(along_z(x, self.slices))


def along_z(x: Tensor, slices: int) -> Tensor:
    """Differences between neighbouring slices of each copy: (copies, slices - 1, y, x)."""
    return x.reshape(-1, slices, *x.shape[1:]).diff(dim=1)


def along_z_adjoint(q: Tensor) -> Tensor:
    """The adjoint of :func:`along_z`: (copies * slices, y, x)."""
    zero = q.new_zeros(len(q), 1, *q.shape[2:])
    return (torch.cat([zero, q], dim=1) - torch.cat([q, zero], dim=1)).reshape(-1, *q.shape[2:])
