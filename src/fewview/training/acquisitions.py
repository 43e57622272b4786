"""Geometries and doses drawn at random, and slices measured by them at twice the resolution."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..methods.interface import Problem
from ..operators import Operator, parallel_beam

Range = tuple[float, float]
THICKNESS: Range = (0.4, 4.0)  # largest line integral
OPEN_BEAM = 1e6  # what noisy counts are scaled to; any
ERRORS: Range = (5e-4, 1e-2)  # of the gain of a detector column in all views, and of the dose of a view


class Acquisitions:
    """What is drawn, and how widely; every range is sampled evenly in its logarithm, the arc evenly.

    Attributes
    ----------
    views : pair of float
    arcs : pair of float
        Degrees.
    counts : pair of float
        Of the open beam per pixel.
    noiseless : float
        Share without noise.
    thickness : pair of float
        Largest line integral.
    shifted : float
        Share whose axis lies off the middle, by up to a 25th of the detector.
    imperfect : float
        Share of detectors with uneven gains, doses and a point spread; see :func:`measured`.
    """

    views: ClassVar[Range] = (4, 128)
    arcs: ClassVar[Range] = (150, 360)
    counts: ClassVar[Range] = (500, 2e4)
    noiseless: ClassVar[float] = 0.05
    thickness: ClassVar[Range] = THICKNESS
    shifted: ClassVar[float] = 0.3
    imperfect: ClassVar[float] = 0.3

    def draw(self, side: int, rng: np.random.Generator, device: torch.device) -> Operator:
        """An operator for a detector as wide as the image, of pixels of size 1.

        Parameters
        ----------
        side : int
            Pixels.
        rng : np.random.Generator
        device : torch.device

        Returns
        -------
        Operator
            Its matrix is not remembered.
        """
        views = round(between(self.views, rng))
        # Half of the scans are of 180 degrees; the others of any arc.
        arc = math.radians(180.0 if rng.random() < 0.5 else rng.uniform(*self.arcs))
        spacing = arc / views
        angles = np.arange(views) * spacing + rng.uniform(0, math.pi)
        if rng.random() < 0.15:
            angles = angles + rng.normal(0, 0.25 * spacing, views)
        shift = rng.uniform(-0.04, 0.04) * side if rng.random() < self.shifted else 0.0
        A = parallel_beam(angles, columns=side, axis=(side - 1) / 2 + shift, device=device)
        # No other step draws the same angles: kept, hundreds of dead matrices would lie between what each step takes
        # and gives back, and the memory of a training of hours would grow to several GB.
        A.once = True
        return A


def finer(A: Operator) -> Operator:
    """The same rays and image at twice the resolution: what is measured by it owes nothing to the kernel of ``A``."""
    return A.with_geometry(A.geometry.finer(2), A.volume.finer(2), memory_budget=0)


def measured(
    fine: Tensor,
    A: Operator,
    rng: np.random.Generator,
    *,
    peak: float | None = None,
    counts: Range = (300, 2e4),
    behind: float | None = None,
    noiseless: float = 0.15,
    thickness: Range = THICKNESS,
    imperfect: float = 0.0,
) -> Problem:
    """Measure slices given at twice the resolution; their values become attenuation.

    Parameters
    ----------
    fine : Tensor, shape (slices, 2 grid, 2 grid)
        About 0 to 1.
    A : Operator
        Of the problem; measured is by :func:`finer` of it.
    rng : Generator
    peak : float, optional
        Attenuation of the value 1; when not given, such that the largest line integral lies in ``thickness``.
    counts, thickness : pair of float
        Open-beam counts per pixel and largest line integral, drawn evenly in their logarithm.
    behind : float, optional
        Mean counts per pixel behind the sample, in place of those of the open beam.
    noiseless : float
        Probability of a measurement without noise.
    imperfect : float
        Probability of a detector with errors of its gains (rings), of doses that differ, and of a point spread that
        blurs the noise, too. None of them is in the truth, and no weight tells of them.

    Returns
    -------
    Problem
        Of line integrals as the object ``clean * peak`` would give them; ``peak`` is kept in the state.
    """
    rays = finer(A)(fine)
    if peak is None:
        peak = between(thickness, rng) / max(float(rays.max()), 1e-6)
    transmitted = torch.exp(-peak * rays).reshape(*rays.shape[:2], A.columns, 2).mean(dim=3)
    if rng.random() < noiseless:
        seen = transmitted * OPEN_BEAM
    else:
        dose = between(counts, rng) if behind is None else behind / float(transmitted.mean())
        seen = torch.from_numpy(rng.poisson(dose * transmitted.cpu().numpy()).astype(np.float32)).to(A.device)
        seen = seen.clamp(min=0.5) * (OPEN_BEAM / dose)
    if imperfect and rng.random() < imperfect:  # asked for none, it draws the numbers that it drew before
        seen = _imperfect(seen, rng)
    return Problem(A, -torch.log(seen / OPEN_BEAM), seen / seen.mean(), state={"peak": peak})


def _imperfect(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Counts (slices, views, columns) as a real detector gives them."""
    slices, views, columns = seen.shape
    gain = between(ERRORS, rng) * rng.standard_normal((slices, 1, columns))
    dose = between(ERRORS, rng) * rng.standard_normal((1, views, 1))
    factor = torch.from_numpy(np.exp(gain + dose).astype(np.float32)).to(seen.device)
    side = rng.uniform(0, 0.2)  # of what a pixel gives to each neighbour
    spread = torch.tensor([[side, 1 - 2 * side, side]], device=seen.device)[None]
    padded = F.pad(seen.reshape(-1, 1, columns), (1, 1), mode="replicate")
    blurred: Tensor = F.conv1d(padded, spread).reshape(seen.shape)
    return blurred * factor


def between(ends: Range, rng: np.random.Generator) -> float:
    """A number drawn evenly in its logarithm."""
    low, high = ends
    return math.exp(rng.uniform(math.log(low), math.log(high)))
