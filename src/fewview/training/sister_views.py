"""Views of a dense scan as they were measured: with the errors of a real detector, which no simulation knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Beam, FanBeam, full_turn
from ..methods.interface import Problem
from ..methods.inverse.masking import measured
from ..operators import Operator
from ..quality.residual import noise_level
from .specimens import halved, turned_slices

SAME = 0.02
"""Sizes that differ by less count as equal."""
FINE = 0.5
"""Voxels of the reconstruction in pixels of the scan, at most: turned by any angle, wider ones are blurred, and teach
blur (grains of 128 pixels lost 0.1 dB by what they were taught, and a tenth of their SSIM)."""
NEAR = 0.25
"""Of the step between the views of the scan: as far from where it is wanted may a view of the dense scan be."""
DIRECTIONS = 180
"""That are tried for the first view. A scan of less than a turn does not have all."""


@dataclass(frozen=True, eq=False)
class MeasuredViews:
    """A dense scan and its reconstruction, to choose views from as another scan has them.

    Parameters
    ----------
    dense : Problem
        Its data have the shape (slices, views, columns); pixels as wide as those of the other scan.
    volume : Tensor, shape (slices, side, side)
        Its reconstruction on its own field of view, in its unit; ``side`` is that of its grid, or finer.
    zoom : float
        Width of the grid of ``dense`` over that of ``volume``, in mm: 1 but for what binning cuts off.
    choices : list of ndarray of int
        Views that lie as those of the other scan do, but for a turn of all.
    noise : float
        Standard deviation of the noise that the other scan has more, of a pixel of weight 1.
    """

    dense: Problem
    volume: Tensor
    zoom: float
    choices: list[NDArray[np.intp]]
    noise: float

    @classmethod
    def of(cls, dense: Problem, volume: NDArray[np.float32], voxel: float, scan: Problem) -> MeasuredViews | None:
        """The views, or None where ``scan`` cannot be imitated by them.

        Parameters
        ----------
        dense : Problem
        volume : ndarray, shape (slices, side, side)
            Its reconstruction, of as many slices or a multiple, in any unit of attenuation.
        voxel : float
            Of ``volume``, in voxels of ``dense``: a half at most.
        scan : Problem
            The few-view scan.

        Returns
        -------
        MeasuredViews or None
            None of another beam or pixel size, of fewer than twice the views, of views in other directions, or where
            the reconstruction is too coarse.
        """
        A = dense.operator
        fine = voxel <= FINE * (1 + SAME) and len(volume) >= len(dense.data)
        if not fine or not _alike(A.geometry, scan.operator.geometry):
            return None
        stack = torch.from_numpy(np.ascontiguousarray(volume, dtype=np.float32)).to(A.device)
        thick = len(stack) // len(dense.data)
        stack = stack[: thick * len(dense.data)].unflatten(0, (-1, thick)).mean(dim=1)
        choices = _choices(A.geometry, scan.operator.angles)
        if not choices:
            return None
        wanted, has = (noise_level(*measured(problem)) for problem in (scan, dense))
        noise = math.sqrt(max(0.0, wanted**2 - has**2))
        found = cls(dense, stack, A.grid / (stack.shape[-1] * voxel), choices, noise)
        # The unit of the volume is whatever explains the views.
        there, (y, weights) = A(halved(found._turned(stack, 0.0))), measured(dense)
        counted = torch.ones_like(y) if weights is None else weights
        scale = float((counted * there * y).sum() / (counted * there * there).sum())
        return replace(found, volume=stack * scale) if scale > 0 else None

    def draw(self, depth: int, rng: np.random.Generator, missing: float = 0.0) -> tuple[Problem, Tensor]:
        """Neighbouring slices turned by any angle, half of them mirrored, seen by views like those of the scan.

        Parameters
        ----------
        depth : int
            Slices, at most.
        rng : Generator
        missing : float
            Part of the views to leave out.

        Returns
        -------
        problem : Problem
            With its noise, and more where the scan has more; "peak" in its state is 1.
        truth : Tensor, shape (slices, y, x)
            In its unit.
        """
        views = self.choices[int(rng.integers(len(self.choices)))]
        if missing:
            views = np.sort(rng.choice(views, max(1, round((1 - missing) * len(views))), replace=False))
        depth = min(depth, len(self.volume))
        first, turn = int(rng.integers(len(self.volume) - depth + 1)), rng.uniform(0, 2 * math.pi)
        slices, other_end = slice(first, first + depth), rng.random() < 0.5
        y, stack = self.dense.data[slices][:, views], self.volume[slices]
        weights = None if self.dense.weights is None else self.dense.weights[slices][:, views]
        part = self.dense.operator.subset(views)
        beam = part.geometry
        if other_end:  # the mirrored slices, on a detector that is read from its other end
            beam, stack, y = _mirrored(beam), stack.flip(2), y.flip(2)
            weights = None if weights is None else weights.flip(2)
        A: Operator = part.with_geometry(beam.with_angles(beam.angles + turn))
        A.once = True
        if self.noise > 0:
            white = torch.from_numpy(rng.standard_normal(tuple(y.shape), dtype=np.float32)).to(y)
            y = y + self.noise * white / (1 if weights is None else weights.clamp(min=1e-3).sqrt())
        return Problem(A, y, weights, state={"peak": 1.0}), halved(self._turned(stack, turn))

    def _turned(self, stack: Tensor, angle: float) -> Tensor:
        """Slices on the field of view of the dense scan, at twice its resolution, turned with its views."""
        return turned_slices(stack, 2 * self.dense.operator.grid, angle, self.zoom)


def _mirrored(beam: Beam) -> Beam:
    """Of columns counted from the other end."""
    last = beam.columns - 1
    places: dict[str, Any] = {"axis": None if beam.axis is None else last - beam.axis}
    if isinstance(beam, FanBeam) and beam.principal is not None:
        places["principal"] = last - beam.principal
    return replace(beam, angles=-beam.angles, **places)


def _choices(dense: Beam, angles: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Views of a scan that lie as ``angles`` do, turned by one angle after the other."""
    there, wanted = np.asarray(dense.angles, dtype=np.float64), np.asarray(angles, dtype=np.float64)
    period = 2 * math.pi if full_turn(there) else dense.period
    step = float(np.median(np.diff(np.sort(wanted)))) if len(wanted) > 1 else period
    found = []
    for turn in np.arange(DIRECTIONS) * period / DIRECTIONS:
        apart = np.mod(there[None] - (wanted + turn)[:, None] + period / 2, period) - period / 2
        nearest, far = np.abs(apart).argmin(axis=1), np.abs(apart).min(axis=1).max()
        if far <= NEAR * step and len(set(nearest)) == len(wanted):
            found.append(np.sort(nearest))
    return found


def _alike(dense: Beam, scan: Beam) -> bool:
    """Whether views of one can stand for views of the other, but for their angles."""
    if dense.name != scan.name or dense.views < 2 * scan.views:
        return False
    if dense.voxel and scan.voxel and abs(dense.voxel / scan.voxel - 1) > SAME:
        return False
    if isinstance(dense, FanBeam) and isinstance(scan, FanBeam):
        pairs = ((dense.sod, scan.sod), (dense.sdd, scan.sdd))
        return dense.detector == scan.detector and all(abs(a / b - 1) <= SAME for a, b in pairs)
    return True
