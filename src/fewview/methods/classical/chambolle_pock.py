"""The primal-dual iteration behind TV, apart from options and estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..differences import gradient, gradient_adjoint, magnitude
from ..interface import Views
from ..inverse.masking import attenuation_scale, measured, reciprocal, relative, weigh
from .directions import across
from .iterate import Iterate

RELAXATION = 1.9  # of the iteration as a whole; any value under 2 converges, and this one is the quickest
# Dual steps relative to primal ones, times the dimensionless weight, and their least value: the residuals that the
# dual variables settle at grow with the weight. Chosen on validation samples (benchmarks/tv_steps.py).
BALANCE, LEAST_BALANCE = 40.0, 0.06
GRADIENT = 0.15  # of the difference rows in the operator, relative to a pixel's column of A; chosen likewise

DUAL = ("x", "p", "q", "image")  # of the state: all that the iteration needs, whatever the weight


@dataclass(frozen=True)
class TVProblem:
    """min_x 1/2 |A x - y|^2_W + weight |A|^2 s TV(x), with s the typical attenuation; ``weight`` is dimensionless.

    With directions ``xi`` (parts, slices, y, x), TV is the directional one, ``sum |(I - xi xi^T) grad x|``.
    """

    views: Views
    weight: float
    along_z: float = 0.0
    positivity: bool = True
    weighted: bool = True
    directions: Tensor | None = None

    def strength(self) -> Tensor:
        """The factor of TV, in the unit of length; one per slice, or one where slices are coupled."""
        norm = self.views.operator.norm
        return self.weight * norm**2 * attenuation_scale(self.views, coupled=self.along_z > 0)

    def gradient(self, x: Tensor) -> Tensor:
        """The differences that TV is the sum of."""
        return across(gradient(x, self.along_z), self.directions)

    def gradient_adjoint(self, q: Tensor) -> Tensor:
        """The adjoint of :meth:`gradient`."""
        return gradient_adjoint(across(q, self.directions), self.along_z)


@torch.no_grad()
def iterate(problem: TVProblem, iterations: int, state: Mapping[str, Any] | None = None) -> Iterator[Iterate]:
    """Preconditioned Chambolle-Pock (Pock and Chambolle, ICCV 2011, alpha = 1), over-relaxed.

    ``K = [A; c grad]``; each row and column has its own step: the inverse of its absolute sum. Directions only shorten
    differences, and those of all pixels share one step, so that the steps of plain TV hold for them too.

    Parameters
    ----------
    problem : TVProblem
    iterations : int
        In all, those before ``state`` included.
    state : mapping, optional
        Of an earlier :class:`Iterate`; or, for a start elsewhere, only its "volume", or the parts in ``DUAL``.

    Yields
    ------
    Iterate
        Volume (slices, y, x) in the unit of the problem, its objective and data residual, and what a later call starts
        from.
    """
    A = problem.views.operator
    y, weights = measured(problem.views, problem.weighted)
    z = problem.along_z
    rows, columns = A.row_sums(), A.column_sums()
    c = GRADIENT * float(columns.amax()) / 4
    balance = max(BALANCE * problem.weight, LEAST_BALANCE) * float(rows.amax())
    sigma_p = balance * reciprocal(rows)
    sigma_q = balance / (c * 2 * max(1.0, z))
    # A ray that misses the image and weighs nothing has no say, and is not 0 over 0.
    total = 1 + sigma_p if weights is None else weights + sigma_p
    share = (1.0 if weights is None else weights) / torch.where(total > 0, total, torch.ones_like(total))
    tau = 1 / (balance * (columns + c * (4 + 2 * z)))
    strength = problem.strength()
    ball = strength / c

    x, p, q, image = _start(state, A.zeros(len(y)), y, 3 if z else 2)
    if state is not None and "image" not in state:
        image = A(x)
    first = 1 if state is None else int(state.get("step", 0)) + 1
    for step in range(first, iterations + 1):
        new = x - tau * (A.T(p) + c * problem.gradient_adjoint(q))
        if problem.positivity:
            new.clamp_(min=0)
        new_image = A(new)
        figures = partial(_figures, problem, new, new_image, y, weights, strength)
        dual = p + sigma_p * (2 * new_image - image - y)
        p += RELAXATION * (share * dual - p)
        slope = q + (sigma_q * c) * problem.gradient(2 * new - x)
        slope *= ball / torch.maximum(magnitude(slope), ball)
        q += RELAXATION * (slope - q)
        x += RELAXATION * (new - x)
        image += RELAXATION * (new_image - image)
        kept = {"volume": new, "step": step, "x": x, "p": p, "q": q, "image": image}
        yield Iterate(step, new, figures, kept)


def _start(state: Mapping[str, Any] | None, x: Tensor, y: Tensor, parts: int) -> tuple[Tensor, ...]:
    blank = {
        "x": x,
        "p": torch.zeros_like(y),
        "q": x.new_zeros(parts, *x.shape),
        "image": torch.zeros_like(y),
    }
    if state is None:
        return tuple(blank.values())
    if "x" not in state:
        state = {"x": state["volume"]}
    return tuple(torch.as_tensor(state[k]).to(y).clone() if k in state else blank[k] for k in blank)


def _figures(
    problem: TVProblem, x: Tensor, image: Tensor, y: Tensor, weights: Tensor | None, strength: Tensor
) -> tuple[float, float]:
    """Objective and relative data residual."""
    residual = image - y
    misfit = 0.5 * float(weigh(residual * residual, weights).sum(dtype=torch.float64))
    roughness = float((strength * magnitude(problem.gradient(x))).sum(dtype=torch.float64))
    return misfit + roughness, relative(residual, y, weights)
