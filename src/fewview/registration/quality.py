"""How far a registration can be believed: likeness against wrong turns, and two halves registered apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import Stopped
from .metric import LEAST_OVERLAP, Body, Likeness, sample_mask
from .refine import refined
from .search import moved
from .transform import Array, Similarity

_POINTS = 60_000  # of the fixed volume that are compared
_WRONG_TURNS = np.arange(15.0, 346.0, 15.0)  # degrees
_BLOCKS = 6  # along the longest side, dealt to the two halves like the squares of a chess board
_AWAY, _TURNED = 1.5, 1.5  # voxels and degrees by which the halves start apart: a flat likeness leaves them there

# Limits: between right and wrong pairs of simulated samples (distinctions 10-84 against up to 3) and of the measured
# shell (7.5 against 4.2), see benchmarks/registration.py.
LEAST_DISTINCTION = 6.0
MOST_DISAGREEMENT = 2.0  # voxels of the copy that is judged
MOST_RESCALED = 0.3


@dataclass(frozen=True)
class Quality:
    """What speaks for a registration.

    Parameters
    ----------
    likeness : float
        Normalised mutual information within the sample, 1 (strangers) to 2 (twins).
    chance : float
        Mean of the same figure when the X-ray volume is turned to where it surely is wrong.
    distinction : float
        By how many standard deviations of those wrong turns the likeness stands out of them.
    halves : float
        Root mean square distance, in voxels of the neutron volume, between where two halves of the sample, registered
        independently and started apart, put it. The error of the whole is expected at about half of it.
    halves_deg : float
        Angle between the two.
    overlap : float
        Share of the neutron sample that lies within the X-ray volume.
    reasons : tuple of str
        Why it cannot be believed; empty when it can.
    """

    likeness: float
    chance: float
    distinction: float
    halves: float
    halves_deg: float
    overlap: float
    reasons: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the registration may be used."""
        return not self.reasons

    def __str__(self) -> str:
        return (
            f"likeness {self.likeness:.3f} against {self.chance:.3f} by chance ({self.distinction:.1f} standard "
            f"deviations); independent halves agree within {self.halves:.2f} px and {self.halves_deg:.2f} deg"
        )


def judged(
    fixed: Body,
    moving: Body,
    pose: Similarity,
    *,
    voxel: float,
    rescaled: float | None,
    scaled: bool,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Quality:
    """Judge a pose.

    Parameters
    ----------
    fixed, moving : Body
    pose : Similarity
    voxel : float
        Edge of a voxel of the whole neutron volume, of which ``fixed`` may be a smaller copy.
    rescaled : float, optional
        Scale relative to what the voxel sizes say; None where they are unknown.
    scaled : bool
        Whether the scale was free, and is so in the halves.
    seed : int
        Draws the voxels that are looked at.
    stop : callable
        Once true, :class:`Stopped` is raised.

    Returns
    -------
    Quality
        With the reasons not to believe the pose, none where it is good; distances in voxels of edge ``voxel``, angle in
        degrees.

    Raises
    ------
    Stopped
    """
    inside = sample_mask(fixed)
    sample = replace(fixed, mask=inside)
    likeness = Likeness(sample, moving, _POINTS, seed)
    middle = sample.centroid()[0]
    still = np.zeros(3)
    wrong = np.array([likeness(moved(pose, middle, still, np.array([turn, 0, 0]))) for turn in _WRONG_TURNS])
    wrong = wrong[wrong > 0]
    here = likeness(pose)
    # As if of one more observation than there is: few or equal wrong turns must not make a tiny spread.
    spread = float(wrong.std()) if len(wrong) > 2 else 0.0
    distinction = (here - float(wrong.mean())) / max(spread, 1e-4) if len(wrong) > 2 and here else 0.0
    apart, angle = _halves(fixed, moving, pose, middle, inside, scaled, seed, stop)
    at = moving.grid.index(pose(likeness.points))
    within = np.ones(len(at), np.bool_)
    for axis, n in enumerate(moving.grid.shape):
        within &= (n == 1) | ((at[:, axis] >= -0.5) & (at[:, axis] <= n - 0.5))
    overlap = float(within.mean())
    reasons = []
    if overlap < LEAST_OVERLAP:
        reasons.append(f"only {overlap:.0%} of the neutron sample lies within the X-ray volume")
    if distinction < LEAST_DISTINCTION:
        reasons.append(
            f"the volumes are hardly more alike than at a wrong turn ({distinction:.1f} standard deviations, "
            f"{LEAST_DISTINCTION:g} wanted)"
        )
    coarser = fixed.grid.spacing[-1] / voxel
    apart *= coarser
    if apart > MOST_DISAGREEMENT * coarser:
        allowed = MOST_DISAGREEMENT * coarser
        reasons.append(f"two halves of the sample disagree by {apart:.1f} px ({allowed:.1f} allowed)")
    if rescaled is not None and abs(rescaled - 1) > MOST_RESCALED:
        reasons.append(f"the scale came out {rescaled:.2f} times what the voxel sizes say")
    chance = float(wrong.mean()) if len(wrong) else 0.0
    return Quality(here, chance, float(distinction), apart, angle, overlap, tuple(reasons))


def _halves(
    fixed: Body,
    moving: Body,
    pose: Similarity,
    middle: Array,
    inside: NDArray[np.bool_],
    scaled: bool,
    seed: int,
    stop: Callable[[], bool],
) -> tuple[float, float]:
    """Distance in voxels and angle in degrees between the poses of two halves of the fixed volume."""
    side = max(2, max(fixed.grid.shape) // _BLOCKS)
    squares = sum(np.indices(fixed.grid.shape, sparse=True)[axis] // side for axis in range(3)) % 2
    flat = fixed.grid.flat
    voxel = fixed.grid.spacing[-1]
    shift = _AWAY * voxel * np.array([0.0, 0.7, 0.7] if flat else [0.5, 0.6, 0.6])
    tilt = np.array([_TURNED, 0, 0] if flat else [_TURNED, 0.5, 0.5])
    poses = []
    for half, sign in ((0, 1), (1, -1)):
        if stop():
            raise Stopped
        part = replace(fixed, mask=fixed.mask & (squares == half))
        if not part.mask.any():
            return float("inf"), 180.0
        start = moved(pose, middle, sign * shift, sign * tilt)
        try:
            poses.append(refined(part, moving, start, scaled=scaled, points=_POINTS, seed=seed, stop=stop))
        except RuntimeError:  # ITK: all points map outside
            return float("inf"), 180.0
    points = fixed.grid.position(np.argwhere(inside)[:: max(1, int(inside.sum()) // 2000)])
    apart = np.linalg.norm(poses[0](points) - poses[1](points), axis=1) / pose.scale / voxel
    return float(np.sqrt((apart**2).mean())), poses[0].angle_to(poses[1])
