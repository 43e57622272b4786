"""Volumes that a latent model learns, and their measurement: simulated torsos, or a user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import FewviewError
from ..methods.interface import Views
from ..methods.latent.seen import Rays, resized
from ..operators import Operator, parallel_beam
from ..simulate.anatomy import anatomy
from ..simulate.seeds import VALIDATION, nth

KEPT = 2048
"""Volumes in memory; older ones give way."""
FRESH = 2
"""New ones per step."""
HELD_OUT = 5
"""Of a user's volumes one in so many is kept from the training, for validation."""
THICKNESS = (0.7, 3.0)
"""Largest line integral, drawn evenly in its logarithm."""
COUNTS = (500.0, 2e4)
"""Open-beam counts per pixel; one measurement in four has no noise."""


class Volumes:
    """A pool that fills as it is drawn from, and volumes for validation, which it does not hold.

    Parameters
    ----------
    side : int
        Voxels a side.
    folder : str
        With ``.npy`` volumes (z, y, x) of the user's own; empty for simulated torsos. One in five of them is held out;
        a single one is both learnt and validated on.

    Raises
    ------
    FewviewError
        The folder holds no volume.
    """

    def __init__(self, side: int, folder: str = "") -> None:
        self.side, self.drawn, self.pool = side, 0, list[Tensor]()
        given = [own_volume(path, side) for path in sorted(Path(folder).glob("*.npy"))] if folder else []
        if folder and not given:
            raise FewviewError(f"{folder} holds no .npy volume.", "Save volumes (z, y, x) there with numpy.save.")
        self.held = given[HELD_OUT - 1 :: HELD_OUT] or given[-1:]
        self.own = [x for k, x in enumerate(given) if k % HELD_OUT != HELD_OUT - 1][: max(1, len(given) - 1)]

    def checks(self, count: int, first: int = 0) -> Tensor:
        """Volumes that no training sees, (at most ``count``, 1, side, side, side), positive.

        Parameters
        ----------
        count : int
        first : int
            Number of the first torso; of a user's volumes there are no others to choose among.
        """
        if self.held:
            return torch.stack(self.held[:count])
        return torch.stack([body(self.side, nth("validation", first + k)) for k in range(count)])

    def told(self, count: int) -> str:
        """What :meth:`checks` of so many are, for a card."""
        if not self.held:
            return f"{count} torsos, seeds from {VALIDATION[0]}"
        if self.held[0] is self.own[0]:
            return "the user's only volume, which the training saw: the figures say nothing about others"
        return f"{min(count, len(self.held))} of the user's own volumes, which the training did not see"

    def batch(self, count: int, rng: np.random.Generator) -> Tensor:
        """Draw volumes (count, 1, side, side, side), positive."""
        if self.own:
            chosen = rng.integers(len(self.own), size=count)
            return torch.stack([self.own[k].flip(-1) if rng.random() < 0.5 else self.own[k] for k in chosen])
        for _ in range(max(FRESH, count - len(self.pool))):
            self.pool.append(body(self.side, nth("train", self.drawn)))
            self.drawn += 1
        del self.pool[:-KEPT]
        return torch.stack([self.pool[k] for k in rng.integers(len(self.pool), size=count)])


def body(side: int, seed: int) -> Tensor:
    """A torso (1, side, side, side), mm^-1."""
    return torch.from_numpy(anatomy(np.random.default_rng(seed), side, side))[None]


def own_volume(path: Path, side: int) -> Tensor:
    """A user's volume on the grid of the networks.

    Raises
    ------
    FewviewError
        It is not a volume, or holds nothing positive.
    """
    values: NDArray[np.float32] = np.load(path, allow_pickle=False).astype(np.float32)
    if values.ndim != 3 or not np.isfinite(values).all() or values.mean() <= 0:
        raise FewviewError(
            f"{path.name} has shape {values.shape} and mean {values.mean():.3g}.",
            "A volume is (z, y, x), finite, with attenuation above 0.",
        )
    return resized(torch.from_numpy(values)[None, None].clamp(min=0), (side, side, side))[0]


class Measurements:
    """Geometries with their operators and rays, made once.

    Parameters
    ----------
    side : int
    device : torch.device
    """

    def __init__(self, side: int, device: torch.device) -> None:
        self.side, self.device = side, device
        self._made: dict[tuple[float, ...], tuple[Operator, Rays]] = {}

    def of(self, angles: Sequence[float]) -> tuple[Operator, Rays]:
        """Operator and rays of these view angles, radians."""
        key = tuple(float(a) for a in angles)
        if key not in self._made:
            A = parallel_beam(np.array(key), self.side, self.side, device=self.device)
            self._made[key] = (A, Rays.of(A, self.side))
        return self._made[key]

    def draw(self, rng: np.random.Generator) -> tuple[Operator, Rays]:
        """Two perpendicular views in half of the cases, else 2 to 8 over half a turn from one of eight starts."""
        if rng.random() < 0.5:
            return self.of((0.0, np.pi / 2))
        views = int(rng.choice((2, 3, 4, 6, 8)))
        turn = int(rng.integers(8)) / 8
        return self.of([np.pi * (k + turn) / views for k in range(views)])


def measured(x: Tensor, A: Operator, rng: np.random.Generator) -> Views:
    """Line integrals of volumes (batch, 1, z, y, x) of any scale, with the noise of a random dose.

    The values are those of the volumes: the thickness decides the noise alone.

    Parameters
    ----------
    x : Tensor
    A : Operator
    rng : Generator

    Returns
    -------
    Views
        Line integrals (slices, views, columns) in the unit of the volumes times pixels, with weights of mean 1 where
        there is noise.
    """
    y = A(x.reshape(-1, *x.shape[-2:]))
    if rng.random() < 0.25:
        return Views(A, y)
    low, high = np.log(THICKNESS)
    thickness = float(np.exp(rng.uniform(low, high)))
    counts = float(np.exp(rng.uniform(*np.log(COUNTS))))
    scale = thickness / max(float(y.max()), 1e-9)
    transmitted = (-y * scale).exp()
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(int(rng.integers(2**62)))).to(y)
    noisy = y + noise / (counts * transmitted).sqrt() / scale
    return Views(A, noisy, transmitted / transmitted.mean())
