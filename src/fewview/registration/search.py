"""Starting poses of a registration: mutual information has local optima, so many turns are tried on a small copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from ..errors import Stopped
from .metric import Body, Likeness, sample_mask
from .transform import Array, Similarity, turn

Turns = Literal["none", "vertical", "any"]
SMALL = 64  # voxels a side of the copies that are searched; at 32 the inside of a sample is too blurred to choose by
_POINTS = 5000  # of the fixed volume that are compared
_STEP = 10.0  # degrees between turns: the basin of mutual information is about twice as wide on small copies
_TURN, _GROWTH = 8.0, 0.06  # first steps of the climb, degrees and fraction
_WALK = 4  # steps of one length: a longer walk ends at another candidate
_APART = 15.0  # degrees from which two candidates are two
_UPRIGHT = [np.eye(3), turn(180, 2), turn(90, 2), turn(-90, 2), turn(90, 1), turn(-90, 1)]  # where the axis may point


def first_pose(fixed: Body, moving: Body, *, same_unit: bool) -> Similarity:
    """Middle upon middle; of one size, or as large as the other where the voxel sizes cannot be compared.

    Parameters
    ----------
    fixed : Body
    moving : Body
    same_unit : bool
        Whether the voxel sizes can be compared.

    Returns
    -------
    Similarity
        Not turned.
    """
    middle, extent = fixed.centroid()
    other, other_extent = moving.centroid()
    return Similarity.about(np.eye(3), 1.0 if same_unit else other_extent / extent, middle, other)


def candidates(
    fixed: Body, moving: Body, start: Similarity, turns: Turns, count: int, stop: Callable[[], bool], seed: int
) -> list[tuple[float, Similarity]]:
    """The best distinct poses about ``start``, best first, with their likeness.

    Parameters
    ----------
    fixed, moving : Body
        Small copies.
    start : Similarity
        Its turn about the fixed volume's middle is varied as ``turns`` says, its shift always.
    turns : {"none", "vertical", "any"}
        No other turn, all about the vertical, or all of these with the sample upright, on its side and on its head.
    count : int
        How many poses at most.
    stop : callable
        Once true, :class:`Stopped` is raised.
    seed : int
        Draws the voxels that are looked at.

    Returns
    -------
    list of (float, Similarity)
        The likeness is larger for a better pose.

    Raises
    ------
    Stopped
    """
    alike = Likeness(fixed, moving, _POINTS, seed)

    def likeness(pose: Similarity) -> float:
        if stop():
            raise Stopped
        return alike(pose)

    rank = ranking(fixed, moving, _POINTS, seed)
    middle, extent = fixed.centroid()
    found: list[tuple[float, Similarity]] = []
    for rotation in _rotations(np.array(start.rotation), turns, flat=fixed.grid.flat):
        pose = Similarity.about(rotation, start.scale, middle, start(middle))
        pose = _climbed(likeness, pose, middle, 0.15 * extent, rounds=2, flat=fixed.grid.flat)
        found.append((rank(pose), pose))
    best: list[tuple[float, Similarity]] = []
    for score, pose in sorted(found, key=lambda one: -one[0]):
        if len(best) < 3 * count and all(pose.angle_to(other) > _APART for _, other in best):
            best.append((score, pose))
    reach = 0.08 * extent
    poses = [_climbed(likeness, pose, middle, reach, rounds=4, flat=fixed.grid.flat, turned=True) for _, pose in best]
    climbed = [(rank(pose), pose) for pose in poses]
    return sorted(climbed, key=lambda one: -one[0])[:count]


def ranking(fixed: Body, moving: Body, points: int, seed: int) -> Callable[[Similarity], float]:
    """What tells candidates apart: the likeness of all, where the outline weighs, plus that within the sample.

    The outline of a drilled core is alike at every turn, and its inside, alone, at some wrong places.

    Parameters
    ----------
    fixed : Body
    moving : Body
    points : int
        At which the likeness is measured.
    seed : int
        Draws them.

    Returns
    -------
    callable
        Larger is more alike.
    """
    everywhere = Likeness(fixed, moving, points, seed)
    within = Likeness(replace(fixed, mask=sample_mask(fixed)), moving, points, seed)
    return lambda pose: everywhere(pose) + within(pose)


def _rotations(first: Array, turns: Turns, *, flat: bool) -> Iterator[Array]:
    if turns == "none":
        yield first
        return
    for upright in _UPRIGHT if turns == "any" and not flat else _UPRIGHT[:1]:
        for degrees in np.arange(0, 360, _STEP):
            yield upright @ first @ turn(float(degrees))


def moved(pose: Similarity, middle: Array, shift: Array, degrees: Array, growth: float = 1.0) -> Similarity:
    """The pose after turns about z, y and x, and a growth, about the middle of the fixed volume, and a shift.

    Parameters
    ----------
    pose : Similarity
    middle : Array, shape (3,)
        (z, y, x) of the fixed volume.
    shift : Array, shape (3,)
        In its unit.
    degrees : Array, shape (3,)
        About z, y and x.
    growth : float, optional
        Factor of the size.

    Returns
    -------
    Similarity
        From positions of the fixed volume to those of the moving one.
    """
    rotation = turn(degrees[0], 0) @ turn(degrees[1], 1) @ turn(degrees[2], 2)
    return pose.after(Similarity.about(rotation, growth, middle, middle + shift))


def _climbed(
    likeness: Callable[[Similarity], float],
    pose: Similarity,
    middle: Array,
    reach: float,
    *,
    rounds: int,
    flat: bool,
    turned: bool = False,
) -> Similarity:
    """Hill climbing in shift, and in turn and scale too where asked for; the steps halve."""
    score = likeness(pose)
    unit, still = np.eye(3), np.zeros(3)
    for k in range(rounds):
        step = 0.5**k
        moves = [(sign * step * reach * unit[axis], still, 1.0) for axis in range(int(flat), 3) for sign in (-1, 1)]
        if turned:
            axes = [0] if flat else [0, 1, 2]
            moves += [(still, sign * step * _TURN * unit[axis], 1.0) for axis in axes for sign in (-1, 1)]
            moves += [(still, still, growth) for growth in (1 + _GROWTH * step, 1 / (1 + _GROWTH * step))]
        for _ in range(_WALK):
            tried = [moved(pose, middle, *move) for move in moves]
            scores = [likeness(one) for one in tried]
            if max(scores) <= score:
                break
            score, pose = max(scores), tried[int(np.argmax(scores))]
    return pose
