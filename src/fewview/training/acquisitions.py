"""Geometries and doses drawn at random, and slices measured by them at twice the resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..methods.interface import Problem
from ..operators import parallel_beam
from ..operators.parallel import MEMORY_BUDGET

Range = tuple[float, float]
THICKNESS: Range = (0.4, 4.0)  # largest line integral
OPEN_BEAM = 1e6  # what noisy counts are scaled to; any


@dataclass(frozen=True)
class Acquisitions:
    """What is drawn, and how widely; every range is sampled evenly in its logarithm, the arc evenly.

    Parameters
    ----------
    views : pair of float
    arcs : pair of float
        Degrees.
    counts : pair of float
        Of the open beam per pixel.
    noiseless : float
        Share without noise.
    shifted : float
        Share whose axis lies off the middle, by up to a 25th of the detector.
    """

    views: Range = (4, 128)
    arcs: Range = (150, 360)
    counts: Range = (500, 2e4)
    noiseless: float = 0.05
    shifted: float = 0.3

    def draw(self, side: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
        """Angles in radians and the axis, for a detector as wide as the image."""
        views = round(_between(self.views, rng))
        # Half of the scans are of 180 degrees; the others of any arc.
        arc = math.radians(180.0 if rng.random() < 0.5 else rng.uniform(*self.arcs))
        spacing = arc / views
        angles = np.arange(views) * spacing + rng.uniform(0, math.pi)
        if rng.random() < 0.15:
            angles = angles + rng.normal(0, 0.25 * spacing, views)
        shift = rng.uniform(-0.04, 0.04) * side if rng.random() < self.shifted else 0.0
        return angles, (side - 1) / 2 + shift


def measured(
    fine: Tensor,
    angles: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    axis: float | None = None,
    counts: Range = (300, 2e4),
    noiseless: float = 0.15,
    thickness: Range = THICKNESS,
    stored: bool = False,
) -> Problem:
    """Measure slices given at twice the resolution; their values become attenuation per pixel.

    Parameters
    ----------
    fine : Tensor, shape (slices, 2 side, 2 side)
        About 0 to 1. Finer than the reconstruction, so that a network cannot rely on the kernel of its operator.
    angles : array
        Radians.
    rng : Generator
    axis : float, optional
        Column of the rotation axis on the detector of ``side`` columns; its middle when not given.
    counts, thickness : pair of float
        Open-beam counts per pixel and largest line integral, drawn evenly in their logarithm.
    noiseless : float
        Probability of a measurement without noise.
    stored : bool
        Keep the matrix of the operator: for many applications.

    Returns
    -------
    Problem
        Of line integrals as the object ``clean * peak`` would give them; ``peak`` is the attenuation of the value 1,
        kept in the state.
    """
    side, device = fine.shape[-1] // 2, fine.device
    axis = (side - 1) / 2 if axis is None else axis
    size = {"columns": 2 * side, "pixel": 0.5, "detector_pitch": 0.5, "memory_budget": 0}
    rays = parallel_beam(angles, axis=2 * axis + 0.5, device=device, **size)(fine)  # type: ignore[arg-type]
    peak = _between(thickness, rng) / max(float(rays.max()), 1e-6)
    transmitted = torch.exp(-peak * rays).reshape(*rays.shape[:2], side, 2).mean(dim=3)
    if rng.random() < noiseless:
        seen = transmitted * OPEN_BEAM
    else:
        dose = _between(counts, rng)
        seen = torch.from_numpy(rng.poisson(dose * transmitted.cpu().numpy()).astype(np.float32)).to(device)
        seen = seen.clamp(min=0.5) * (OPEN_BEAM / dose)
    A = parallel_beam(angles, columns=side, axis=axis, memory_budget=MEMORY_BUDGET if stored else 0, device=device)
    return Problem(A, -torch.log(seen / OPEN_BEAM), seen / seen.mean(), state={"peak": peak})


def _between(ends: Range, rng: np.random.Generator) -> float:
    low, high = ends
    return math.exp(rng.uniform(math.log(low), math.log(high)))
