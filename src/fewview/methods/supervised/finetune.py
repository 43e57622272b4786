"""Fine-tuning of an unrolled network to the scan at hand, without any truth: it predicts views that it was not given.

Some views are hidden in every step, and the reconstruction from the others has to predict them (measurement splitting:
Hendriksen, Pelt and Batenburg, IEEE Trans. Comput. Imaging 6, 2020; Yaman et al., Magn. Reson. Med. 84, 2020). Others,
which no step sees, say when to stop and whether anything was gained. Views, and not detector pixels: a pixel between
two known ones is predicted by any image that follows the noise of its view.
"""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...models.unrolled import Unrolled
from ...quality.heldout import FEW_VIEWS
from ..classical.fbp import preview
from ..interface import Estimate, Problem
from ..inverse.masking import measured
from ..inverse.normalised import scaled
from ..selection.comparison import ON_AVERAGE, PerView, better, gain
from ..selection.held_out import hold_out, prediction_errors
from ..selection.picture import Picture
from ..slices import central
from .xray_reading import shown

SLICES = 4
"""Neighbouring slices in the middle of the run that teach."""
HIDDEN = 0.15
"""Part of the views that each step has to predict; of few views it is the part of the detector pixels."""
RATE = 1e-3
"""Of Adam."""
ENOUGH = 0.05
"""Gain from which on the tuned network is taken. Of 16 validation cases (benchmarks/unrolled_choices.py) five gained
more: four of them became better by 0.1 to 0.9 dB, one, of 8 views, worse by 0.5. Of the others four became worse, by up
to 0.3, and two better: a small gain may be certain, and the image no better."""
EVERY, PATIENCE = 4, 3
"""Steps between two looks at the views that are held out, and looks without a gain after which it ends."""

TUNING_BYTES = 13000
"""Held per pixel of a slice while a step's gradients are taken, measured."""
STAGE = "fine-tuning to the scan"
FineTuning = Generator[Estimate, None, tuple[Unrolled, dict[str, Any]]]


def fine_tuned(
    net: Unrolled, problem: Problem, top: float, steps: int, batch: int, enough: float | None = None
) -> FineTuning:
    """A network that predicts the scan better; the same one where held-out views do not gain clearly.

    Parameters
    ----------
    net : Unrolled
        Stays as it is.
    problem : Problem
        Central slices of its run teach, whichever slices it holds.
    top : float
        What the network takes for 1.
    steps : int
        At most.
    batch : int
        Slices that go through a U-Net together.
    enough : float, optional
        Gain of the held-out views from which on the tuned network is taken, :data:`ENOUGH` when not given; 0 to see
        what each gain is worth.

    Yields
    ------
    Estimate
        Of a step; its volume is the starting image.

    Returns
    -------
    Unrolled
    dict
        For :attr:`Estimate.chosen`: "finetuned" (steps that were kept, 0 for none), "finetune_curve".
    """
    picture = Picture(preview(problem), of=problem)
    given, held = hold_out(central(problem, SLICES, adjacent=True))
    tuned = copy.deepcopy(net)
    optimizer = torch.optim.Adam(_tunable(tuned), lr=RATE)
    random = torch.Generator().manual_seed(problem.seed)
    first = _errors(tuned, given, held, top, batch)
    best, kept, tensors, stale = first, 0, tuned.state_dict(), 0
    curve: list[list[float]] = [[0, float(first.mean())]]
    for step in range(1, steps + 1):
        loss = _hidden_misfit(tuned, given, top, random, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        yield picture.estimate(step, steps, STAGE)
        if step % EVERY and step < steps:
            continue
        errors = _errors(tuned, given, held, top, batch)
        curve.append([step, float(errors.mean())])
        stale += 1
        if better(errors, best, confidence=ON_AVERAGE):
            best, kept, stale = errors, step, 0
            tensors = {name: value.clone() for name, value in tuned.state_dict().items()}
        if stale == PATIENCE:
            break
    least = ENOUGH if enough is None else enough
    if not better(best, first, least=least, enough=least):
        return net, {"finetuned": 0, "finetune_curve": curve}
    tuned.load_state_dict(tensors)
    chosen = {"finetuned": kept, "finetune_gain": round(gain(best, first), 4), "finetune_curve": curve}
    return tuned.eval().requires_grad_(False), chosen


def _tunable(net: Unrolled) -> list[nn.Parameter]:
    """What conditions and norms scale and shift, and the weights of the data steps: too little to fit noise by."""
    found = [module for module in net.modules() if isinstance(module, nn.GroupNorm | nn.Linear)]
    parameters = [parameter for module in found for parameter in module.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    return parameters


@torch.enable_grad()
def _hidden_misfit(net: Unrolled, given: Problem, top: float, random: torch.Generator, batch: int) -> Tensor:
    """Error of what is hidden at random, relative to its size."""
    y, weights = measured(given)
    full = torch.ones_like(y) if weights is None else weights.expand_as(y)
    hidden = _hidden(y, random).to(y.device)
    seen = replace(given, weights=full.masked_fill(hidden, 0.0))
    pause = given.operator.on_chunk or (lambda: None)
    data = scaled(seen, top)
    *_, image = net.run(data, len(y), extra=shown(net, seen, data), batch=batch, pause=pause)
    residual = given.operator(image * top) - y
    asked = full * hidden
    return (asked * residual.square()).sum() / (asked * y.square()).sum().clamp(min=1e-12)


def _hidden(y: Tensor, random: torch.Generator) -> Tensor:
    """What a step has to predict, True there: some views of all slices; single pixels where there are few views."""
    views = y.shape[1]
    if views <= FEW_VIEWS:
        return torch.rand(y.shape, generator=random) < HIDDEN
    hidden = torch.zeros(y.shape, dtype=torch.bool)
    hidden[:, torch.randperm(views, generator=random)[: max(1, round(HIDDEN * views))]] = True
    return hidden


@torch.no_grad()
def _errors(net: Unrolled, given: Problem, held: Any, top: float, batch: int) -> PerView:
    data = scaled(given, top)
    *_, image = net.run(data, len(given.data), extra=shown(net, given, data), batch=batch)
    return np.array(prediction_errors(held, image * top))
