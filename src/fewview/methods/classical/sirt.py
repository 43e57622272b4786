"""SIRT: the simultaneous iterative reconstruction technique."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...options import option
from ..budget import BudgetOptions
from ..common_options import positivity_option, weighted_option
from ..interface import Estimate, Method, Problem
from ..inverse.masking import measured, reciprocal, relative, weigh
from .iterate import begun


class SIRTOptions(BudgetOptions):
    """Options of SIRT."""

    iterations: int = option(
        150,
        "Iterations",
        "The number of updates of the volume. More give a sharper and noisier volume, and take longer.",
        ge=1,
    )
    relaxation: float = option(
        1.0,
        "Relaxation",
        "The size of each update. Values over 1 converge faster; from 2 on the method does not converge.",
        gt=0,
        le=1.99,
        advanced=True,
    )
    positivity: bool = positivity_option()
    weighted: bool = weighted_option()


@torch.no_grad()
def solve(problem: Problem, options: SIRTOptions) -> Iterator[Estimate]:
    """``x <- x + r C A' W R (y - A x)`` with ``R = 1 / A 1`` and ``C = 1 / A' W 1``.

    With those scalings the iteration matrix has no eigenvalue above 1 for any weights, so a relaxation below 2
    converges, to the least-squares solution in the metric W R.
    """
    A = problem.operator
    y, weights = measured(problem, options.weighted)
    rows = weigh(reciprocal(A.row_sums()), weights)
    columns = reciprocal(A.column_sums() if weights is None else A.T(weights)) * options.relaxation
    done, x = begun(problem, y)
    residual = y - A(x)
    for step in range(done + 1, options.iterations + 1):
        x += columns * A.T(rows * residual)
        if options.positivity:
            x.clamp_(min=0)
        residual = y - A(x)
        scalars = {"data_residual": relative(residual, y, weights)}
        yield Estimate(x, step, options.iterations, "iterating", scalars, {"volume": x, "step": step})


METHOD = Method(
    name="sirt",
    title="SIRT",
    family="classical",
    summary="Slow and steady: smooth images of noisy data, with positivity; a safe first iterative method.",
    source="Gregor and Benson, IEEE Trans. Med. Imaging 27 (2008) 918",
    options=SIRTOptions,
    solve=solve,
    buffers=(3.0, 3.0),
)
