"""What the worker shows of a detector row beside its slice: the prepared sinogram, and what a result leaves of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...errors import OptionError
from ...methods.interface import Estimate
from ...operators import projector
from ..inputs import chosen_scan, prepared
from ..problem import resolve_device
from ..recipe import Recipe
from .engine import ticking

if TYPE_CHECKING:
    from .loop import Signals


def sinogram(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Line integrals (slices, angles, columns) of the rows of ``payload["recipe"]``, as its preparation leaves them.

    The record tells the steps, how many pixels were masked and why, and how many values are negative.
    """
    recipe = Recipe.parse(payload["recipe"])
    signals.stage("preparing the sinogram")
    lines = prepared(recipe, chosen_scan(recipe), ticking(signals), None)
    values = np.ascontiguousarray(lines.values.swapaxes(0, 1))
    yield Estimate(values, 1, 1, "sinogram")
    return {"steps": list(lines.steps), "masked": dict(lines.masked), "negative": float((values < 0).mean())}


def residual(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Measured minus re-projected line integrals (slices, angles, columns) of ``payload["volume"]``, by its recipe.

    Raises
    ------
    OptionError
        The volume is not on the grid of the recipe.
    """
    recipe = Recipe.parse(payload["recipe"])
    signals.stage("projecting the result")
    lines = prepared(recipe, tick=ticking(signals))
    geometry = lines.geometry
    volume = np.asarray(payload["volume"], dtype=np.float32)
    wanted = (geometry.rows, geometry.grid, geometry.grid)
    if volume.shape != wanted:
        raise OptionError(f"The slice is {volume.shape}, the scan gives {wanted}.", "Choose the result as it was made.")
    operator = projector(geometry, device=resolve_device(recipe.device), memory_budget=0)
    measured = np.ascontiguousarray(lines.values.swapaxes(0, 1))
    off = measured - operator(torch.from_numpy(volume).to(operator.device)).cpu().numpy()
    yield Estimate(off, 1, 1, "measured minus re-projected")
    root = float(np.sqrt(np.mean(off**2)))
    return {"rms": root, "relative": root / max(float(np.sqrt(np.mean(measured**2))), 1e-12)}
