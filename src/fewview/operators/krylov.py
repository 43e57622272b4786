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
    tolerance: float = 0.0,
    callback: Callable[[int, Tensor, Tensor], None] | None = None,
    per_slice: bool = True,
) -> Tensor:
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
        Number of steps, at most.
    tolerance : float
        Stop when every residual is below ``tolerance * ||b||``; 0 runs all steps (the number of steps is then
        fixed, as differentiating through them wants it).
    callback : callable, optional
        ``callback(step, x, squared_residual)`` after each step, step counting from 1; may raise to stop.
    per_slice : bool
        Step lengths per slice (slices do not know of each other), or one for all, where ``apply`` couples slices.

    Returns
    -------
    Tensor
        The last iterate. No in-place operation is used, so gradients flow to ``b``, ``x0`` and ``apply``.

    Notes
    -----
    Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409.
    """
    x = torch.zeros_like(b) if x0 is None else x0
    r = b if x0 is None else b - apply(x0)
    p = r
    size = inner(b, b, per_slice)
    goal = tolerance**2 * size
    # Below this a residual is rounding alone, and dividing by it would lead far away again.
    floor = torch.finfo(b.dtype).eps ** 2 * size.detach()

    def squared(r: Tensor) -> Tensor:
        value = inner(r, r, per_slice)
        return torch.where(value > floor, value, torch.zeros_like(value))

    rr = squared(r)
    for step in range(1, iterations + 1):
        if tolerance > 0 and bool((rr <= goal).all()):
            break
        q = apply(p)
        alpha = _ratio(rr, inner(p, q, per_slice))
        x = x + alpha * p
        r = r - alpha * q
        previous, rr = rr, squared(r)
        p = r + _ratio(rr, previous) * p
        if callback is not None:
            callback(step, x, rr)
    return x


class Iterate(NamedTuple):
    """One step of an iteration: number (from 1), images, and the norm ``||A x - y||`` per slice."""

    step: int
    x: Tensor
    residual: Tensor


def cgls(
    A: Operator,
    y: Tensor,
    x0: Tensor | None = None,
    iterations: int = 20,
    weights: Tensor | None = None,
    damping: float = 0.0,
) -> Iterator[Iterate]:
    """Conjugate gradients for least squares: min ||A x - y||^2_W + damping^2 ||x||^2, slice by slice.

    Parameters
    ----------
    A : Operator
        Must be matched.
    y : Tensor, shape (slices, angles, columns)
        Line integrals.
    x0 : Tensor, optional
        Start; zeros if left out.
    iterations : int
        Number of steps.
    weights : Tensor, optional
        Statistical weights W of the rays, like ``y`` or broadcastable to it.
    damping : float
        Tikhonov weight, unit of ``A``.

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
    x = A.zeros(len(y)) if x0 is None else x0
    r = y if x0 is None else y - A(x0)
    r = r if root is None else root * r
    s = A.T(r if root is None else root * r) - damping**2 * x
    p = s
    gamma = inner(s, s)
    for step in range(1, iterations + 1):
        q = A(p)
        q = q if root is None else root * q
        alpha = _ratio(gamma, inner(q, q) + damping**2 * inner(p, p))
        x = x + alpha * p
        r = r - alpha * q
        s = A.T(r if root is None else root * r) - damping**2 * x
        previous, gamma = gamma, inner(s, s)
        p = s + _ratio(gamma, previous) * p
        yield Iterate(step, x, inner(r, r).sqrt().reshape(-1))
