"""CGLS: conjugate gradients for least squares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import weighted_option
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.masking import measured, relative
from ..selection.comparison import PerView
from ..selection.held_out import hold_out, own_error, prediction_errors
from ..selection.picture import Picture
from ..selection.weight_search import choice
from ..slices import central, central_slices
from .fbp import preview

LIMIT = 60  # steps tried by "auto"
PATIENCE = 8  # steps without a better prediction after which "auto" looks no farther
CHOOSING_SLICES = 4  # that the steps are chosen on
STAGE = "choosing the steps"


class CGLSOptions(BudgetOptions):
    """Options of CGLS."""

    iterations: int | Auto = option(
        "auto",
        "Iterations",
        "The number of steps. Each adds finer detail and more noise. Auto stops where held-out views are "
        "predicted best.",
        ge=1,
    )
    positivity: bool = option(
        False,
        "Positivity",
        "Negative attenuation is set to zero every few steps, and the search starts again from there.",
    )
    restart: int = option(
        10, "Restart", "The number of steps from one removal of negative attenuation to the next.", ge=1, advanced=True
    )
    weighted: bool = weighted_option()


@torch.no_grad()
def tune(problem: Problem, options: CGLSOptions) -> Tuning[CGLSOptions]:
    """Number of steps by the rule that chooses weights, from the held-out error of all that are tried."""
    given, held = hold_out(central(problem, CHOOSING_SLICES))
    picture, slices = Picture(preview(problem), of=problem), central_slices(problem, CHOOSING_SLICES)
    errors: dict[float, PerView] = {}
    curve: list[float] = []
    for step, x, _ in _steps(given, options, LIMIT):
        errors[step] = np.array(prediction_errors(held, x))
        curve.append(float(errors[step].mean()))
        picture.take(curve[-1], x, slices, f"while its number of steps was being chosen: step {step}")
        yield picture.estimate(step, LIMIT, STAGE, {"own_error": own_error(held, curve[-1])})
        if step - (int(np.argmin(curve)) + 1) >= PATIENCE:
            break
    iterations = max(1, round(choice(errors, stronger=False).value))
    return Settled(options.taking({"iterations": iterations}), {"iterations": iterations, "iterations_curve": curve})


@torch.no_grad()
def solve(problem: Problem, options: CGLSOptions) -> Iterator[Estimate]:
    """Minimise ``|A x - y|^2_W`` from zero; stopping early is the only regularisation.

    The normal equations are never formed (Paige and Saunders 1982, section 7.1), every slice has its own step
    lengths, and without positivity the residual falls with every step.
    """
    total = int(options.iterations)
    for step, x, rest in _steps(problem, options, total):
        scalars = {"data_residual": rest["relative"]}
        yield Estimate(x, step, total, "iterating", scalars, {**rest, "volume": x, "step": step})


def _steps(problem: Problem, options: CGLSOptions, total: int) -> Iterator[tuple[int, Tensor, dict[str, Any]]]:
    A = problem.operator
    y, weights = measured(problem, options.weighted)
    root = None if weights is None else weights.sqrt()

    def scaled(values: Tensor) -> Tensor:
        return values if root is None else root * values

    def start(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        residual = scaled(y - A(x))
        descent = A.T(scaled(residual))
        return residual, descent, _norms(descent)

    state: Mapping[str, Any] | None = problem.state
    if state is None:
        done, x = 0, A.zeros(len(y))
        residual, direction, gamma = start(x)
    else:
        done = int(state["step"])
        x, residual, direction, gamma = (
            torch.as_tensor(state[k]).to(y).clone() for k in ("volume", "residual", "direction", "gamma")
        )
    for step in range(done + 1, total + 1):
        image = scaled(A(direction))
        length = _ratio(gamma, _norms(image))
        x = x + length * direction
        residual = residual - length * image
        if options.positivity and step % options.restart == 0:
            x = x.clamp(min=0)
            residual, direction, gamma = start(x)
        else:
            descent = A.T(scaled(residual))
            previous, gamma = gamma, _norms(descent)
            direction = descent + _ratio(gamma, previous) * direction
        final = x.clamp(min=0) if options.positivity and step == total else x
        rest = {"residual": residual, "direction": direction, "gamma": gamma}
        shown = residual if final is x else scaled(y - A(final))
        yield step, final, {**rest, "relative": relative(shown, scaled(y), None)}


def _norms(values: Tensor) -> Tensor:
    return (values * values).sum(dim=(1, 2), keepdim=True)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0: an empty slice stays empty."""
    return torch.where(b > 0, a / torch.where(b > 0, b, torch.ones_like(b)), torch.zeros_like(a))


METHOD = Method(
    name="cgls",
    title="CGLS",
    family="classical",
    summary="Fast least squares: a good image in 10 to 30 steps, stopped before noise takes over.",
    source="Paige and Saunders, ACM Trans. Math. Softw. 8 (1982) 43",
    options=CGLSOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: Effort(min(CHOOSING_SLICES, len(problem.data)), len(problem.data)),
    buffers=(5.5, 5.0),
)
