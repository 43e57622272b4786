"""Conjugate gradients on stacks of slices, each slice its own problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .interface import Operator


def inner(a: Tensor, b: Tensor, per_slice: bool = True) -> Tensor:
    """Inner product over all axes but the first (kept as size 1), or over all axes.

    Parameters
    ----------
    a : Tensor, shape (slices, ...)
    b : Tensor, shape (slices, ...)
    per_slice : bool, optional
        Whether slices are apart.

    Returns
    -------
    Tensor
        Shape (slices, 1, ...) or (1, 1, ...).
    """
    if per_slice:
        return (a * b).sum(dim=tuple(range(1, a.ndim)), keepdim=True)
    return (a * b).sum().reshape((1,) * a.ndim)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0: a slice that has converged exactly, or is empty, stays where it is."""
    safe = torch.where(b > 0, b, torch.ones_like(b))
    return torch.where(b > 0, a / safe, torch.zeros_like(a))


def cg(
    apply: Callable[[Tensor], Tensor],
    b: Tensor,
    x0: Tensor | None = None,
    iterations: int = 10,
    per_slice: bool = True,
) -> Tensor:
    """The last image of :func:`cg_images`.

    Parameters
    ----------
    apply, b, x0, iterations, per_slice
        As there.

    Returns
    -------
    Tensor, shape of ``b``
        After the last iteration, or the start where there is none.
    """
    for x in cg_images(apply, b, x0, iterations, per_slice):  # noqa: B007 - the last one counts
        pass
    return x


def cg_images(
    apply: Callable[[Tensor], Tensor],
    b: Tensor,
    x0: Tensor | None = None,
    iterations: int = 10,
    per_slice: bool = True,
) -> Iterator[Tensor]:
    """Solve ``apply(x) = b`` for a symmetric positive (semi-)definite map.

    Parameters
    ----------
    apply : callable
        The map, on tensors like ``b``.
    b : Tensor, shape (slices, ...)
        Right-hand side.
    x0 : Tensor, optional
        Start; zeros if left out.
    iterations : int
        Number of steps; it is fixed, as differentiating through them wants it.
    per_slice : bool
        Step lengths per slice (slices do not know of each other), or one for all, where ``apply`` couples slices.

    Yields
    ------
    Tensor
        The start, then every iterate. No in-place operation is used, so gradients flow to ``b``, ``x0`` and ``apply``.

    Notes
    -----
    Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409.
    """
    x = torch.zeros_like(b) if x0 is None else x0
    yield x
    r = b if x0 is None else b - apply(x0)
    p = r
    # Below this a residual is rounding alone, and dividing by it would lead far away again.
    floor = torch.finfo(b.dtype).eps ** 2 * inner(b, b, per_slice).detach()

    def squared(r: Tensor) -> Tensor:
        value = inner(r, r, per_slice)
        return torch.where(value > floor, value, torch.zeros_like(value))

    rr = squared(r)
    for _ in range(iterations):
        q = apply(p)
        alpha = _ratio(rr, inner(p, q, per_slice))
        x = x + alpha * p
        r = r - alpha * q
        previous, rr = rr, squared(r)
        p = r + _ratio(rr, previous) * p
        yield x


class Iterate(NamedTuple):
    """One step of an iteration: number (from 1), images, and the norm ``||A x - y||`` per slice."""

    step: int
    x: Tensor
    residual: Tensor


def cgls(
    A: Operator,
    y: Tensor,
    iterations: int = 20,
    weights: Tensor | None = None,
) -> Iterator[Iterate]:
    """Conjugate gradients for least squares, from zero: min ||A x - y||^2_W, slice by slice.

    Parameters
    ----------
    A : Operator
        Must be matched.
    y : Tensor, shape (slices, angles, columns)
        Line integrals.
    iterations : int
        Number of steps.
    weights : Tensor, optional
        Statistical weights W of the rays, like ``y`` or broadcastable to it.

    Yields
    ------
    Iterate
        The weighted residual norm falls with every step.

    Notes
    -----
    Paige and Saunders, ACM Trans. Math. Softw. 8 (1982) 43, section 7.1: the normal equations are never formed,
    which keeps the accuracy that forming them would square away.
    """
    if not A.matched:
        raise ValueError(f"conjugate gradients need a matched adjoint; {A.label} has none")
    root = None if weights is None else weights.sqrt()
    x = A.zeros(len(y))
    r = y if root is None else root * y
    p = s = A.T(r if root is None else root * r)
    gamma = inner(s, s)
    for step in range(1, iterations + 1):
        q = A(p)
        q = q if root is None else root * q
        alpha = _ratio(gamma, inner(q, q))
        x = x + alpha * p
        r = r - alpha * q
        s = A.T(r if root is None else root * r)
        previous, gamma = gamma, inner(s, s)
        p = s + _ratio(gamma, previous) * p
        yield Iterate(step, x, inner(r, r).sqrt().reshape(-1))
