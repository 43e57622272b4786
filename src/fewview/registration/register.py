"""Registration of a user's X-ray volume to the grid of the neutron reconstruction, told to be wrong where it is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import FewviewError, Stopped
from ..options import Options, option
from .metric import Body
from .quality import judged
from .refine import refined
from .result import Registration, RegistrationFailed
from .search import SMALL, Turns, candidates, first_pose, ranking
from .transform import Grid, Similarity, from_pairs

_LEVELS = (160,)  # voxels a side of the copies that are registered after the search
_SMALL_FLAT, _LEVELS_FLAT, _JUDGED_FLAT = 64, (160, 640), 320
_POINTS = 250_000  # of the fixed volume that are compared
_BEAT = 0.1  # seconds without a pose after which the last one is told again
_FINER = 1.6  # the X-ray copy keeps so many times more voxels: its field of view may be larger


class RegistrationOptions(Options):
    """Options of the registration of an X-ray volume."""

    turns: Turns = option(
        "vertical",
        "Turns tried",
        "Which turns of the X-ray volume are tried: none, where both volumes already lie within about 15 degrees "
        "of each other; vertical, any turn about the rotation axis; or any, where the sample may also lie on its "
        "side or on its head, which takes longer.",
    )
    scaled: bool = option(
        True,
        "Free scale",
        "The size of the X-ray volume may change by one factor. Keep it on: over a whole sample, the voxel sizes "
        "that files state are rarely exact to a voxel.",
    )
    starts: int = option(
        3,
        "Starts",
        "How many of the turns that were tried are followed to the end. A larger number makes a wrong match less "
        "likely and takes longer.",
        ge=1,
        le=100,
        advanced=True,
    )
    blur: float = option(
        0.7,
        "Blur",
        "How far both volumes are blurred while they are compared, as the standard deviation of a Gaussian in "
        "their pixels at that moment. Noisy reconstructions need a larger value; fine detail then counts less.",
        unit="px",
        ge=0,
        le=50,
    )
    order: int = option(
        3,
        "Interpolation",
        "How values between voxels are interpolated in the registered volume: 1 is linear, 2 is quadratic, and 3 "
        "is cubic, which keeps edges sharpest.",
        ge=1,
        le=3,
        advanced=True,
    )


@dataclass(frozen=True)
class Step:
    """Where a registration in progress stands.

    Parameters
    ----------
    stage : str
        In words.
    share : float
        Done, 0 to 1.
    transform : Similarity
        Best so far, or being followed.
    result : Registration, optional
        Only of the last step.
    """

    stage: str
    share: float
    transform: Similarity
    result: Registration | None = None


def registration_steps(
    fixed: ArrayLike,
    moving: ArrayLike,
    fixed_grid: Grid,
    moving_grid: Grid,
    options: RegistrationOptions | None = None,
    *,
    mask: ArrayLike | None = None,
    pairs: tuple[ArrayLike, ArrayLike] | None = None,
    unit: str = "mm",
    comparable: bool = True,
    seed: int = 0,
) -> Iterator[Step]:
    """Register, step by step; the last step holds the result, good or not. Close the generator to stop.

    Turns about the vertical are searched on copies of about 64 voxels a side; the best few are followed by gradient
    descent with SimpleITK, the best of them made exact on copies of about 160 voxels a side.

    Parameters
    ----------
    fixed : array, shape (z, y, x)
        The neutron reconstruction; noisy from few views will do.
    moving : array, shape (z, y, x)
        The X-ray volume, other voxels, orientation and field of view. Both may be single slices.
    fixed_grid, moving_grid : Grid
        Where their voxels lie, both in ``unit``.
    options : RegistrationOptions, optional
    mask : array, shape of ``fixed``, optional
        Voxels that count; the circle within each slice when not given and slices are square.
    pairs : (array, array), shapes (n, 3), optional
        Positions of the same features in the neutron and in the X-ray volume: the start, and no other turn is tried.
    unit : {"mm", "px"}
        Of lengths.
    comparable : bool
        Whether the voxels of both are known in one unit; else the start makes the samples equally large.
    seed : int
        Draws the voxels that are looked at: the same one gives the same result.

    Yields
    ------
    Step
        What is being done, the part that is done (0 to 1), and the pose so far; ``result`` is None but in the last.

    Raises
    ------
    FewviewError
        A slice against a volume, an empty volume, too few pairs.
    """
    options = options or RegistrationOptions()
    target, source = np.asarray(fixed), np.asarray(moving)
    _check(target, source)
    if mask is None and target.shape[1] == target.shape[2]:
        mask = np.broadcast_to(_circle(target.shape[1]), target.shape)
    neutron, xray = (
        Body.of(target, fixed_grid, None if mask is None else np.asarray(mask)),
        Body.of(source, moving_grid),
    )
    for body, name in ((neutron, "neutron"), (xray, "X-ray")):
        if not body.mask.any() or np.ptp(body.values[body.mask]) == 0:
            raise FewviewError(f"The {name} volume is empty.", "Look at it in the viewer first.")
    flat = fixed_grid.flat
    small = _SMALL_FLAT if flat else SMALL
    levels = _LEVELS_FLAT if flat else _LEVELS
    halted = threading.Event()
    try:
        low = neutron.reduced(small, options.blur), xray.reduced(int(_FINER * small), options.blur)
        start = from_pairs(*pairs) if pairs is not None else first_pose(*low, same_unit=comparable)
        yield Step("looking for the turn", 0.02, start)
        turns: Turns = "none" if pairs is not None else options.turns
        found = yield from _streamed(
            lambda on_step: candidates(*low, start, turns, options.starts, halted.is_set, seed),
            start,
            halted,
            "",
            (0.02, 0.25),
        )
        yield Step("best turn", 0.25, found[0][1])
        score = ranking(*low, _POINTS, seed)
        followed = []
        for k, (_, pose) in enumerate(found):
            share = (0.25 + 0.25 * k / len(found), 0.25 + 0.25 * (k + 1) / len(found))
            work = _follow(*low, pose, options, seed, halted)
            pose = yield from _streamed(work, pose, halted, f"start {k + 1}", share)
            followed.append((score(pose), pose))
        pose = max(followed, key=lambda one: one[0])[1]
        for level, size in enumerate(levels):
            pair = neutron.reduced(size, options.blur), xray.reduced(int(_FINER * size), options.blur)
            if (pair[0].grid, pair[1].grid) == (low[0].grid, low[1].grid):
                continue  # the followed starts were as fine already
            share = (0.5 + 0.2 * level, 0.7 + 0.2 * level)
            work = _follow(*pair, pose, options, seed, halted)
            pose = yield from _streamed(work, pose, halted, f"at {max(pair[0].grid.shape)} voxels a side", share)
        yield Step("checking", 0.9, pose)
        rescaled = pose.scale if comparable else None
        judge = _JUDGED_FLAT if flat else small
        middle = neutron.reduced(judge, options.blur), xray.reduced(int(_FINER * judge), options.blur)
        quality = yield from _streamed(
            lambda on_step: judged(
                *middle,
                pose,
                voxel=fixed_grid.spacing[-1],
                rescaled=rescaled,
                scaled=options.scaled,
                seed=seed,
                stop=halted.is_set,
            ),
            pose,
            halted,
            "",
            (0.9, 1.0),
        )
    finally:
        halted.set()
    matrix = tuple(tuple(row) for row in pose.matrix.tolist())
    result = Registration(matrix, pose.translation, pose.scale, unit, quality.likeness, quality)
    yield Step("registered" if quality.good else "failed", 1.0, pose, result)


def register(
    fixed: ArrayLike,
    moving: ArrayLike,
    fixed_grid: Grid,
    moving_grid: Grid,
    options: RegistrationOptions | None = None,
    *,
    on_step: Callable[[Step], None] = lambda step: None,
    **more: Any,
) -> Registration:
    """Register and be sure of it; arguments as of :func:`registration_steps`.

    Parameters
    ----------
    fixed, moving : array, shape (z, y, x)
        The neutron and the X-ray volume.
    fixed_grid, moving_grid : Grid
    options : RegistrationOptions, optional
    on_step : callable, optional
        Called after each step.
    **more
        Further arguments of :func:`registration_steps`.

    Returns
    -------
    Registration
        With its quality, which is good.

    Raises
    ------
    RegistrationFailed
        The result cannot be believed.
    FewviewError
        The volumes cannot be compared.
    """
    result = None
    for step in registration_steps(fixed, moving, fixed_grid, moving_grid, options, **more):
        on_step(step)
        result = step.result
    assert result is not None  # the last step has one
    if not result.quality.good:
        raise RegistrationFailed(result)
    return result


Work = Callable[[Callable[[Similarity], None]], Any]


def _follow(
    fixed: Body,
    moving: Body,
    pose: Similarity,
    options: RegistrationOptions,
    seed: int,
    halted: threading.Event,
) -> Work:
    return lambda on_step: refined(
        fixed,
        moving,
        pose,
        scaled=options.scaled,
        points=_POINTS,
        seed=seed,
        on_step=on_step,
        stop=halted.is_set,
    )


def _streamed(work: Work, pose: Similarity, halted: threading.Event, stage: str, share: tuple[float, float]) -> Any:
    """Do ``work`` in a thread and yield its poses meanwhile, the last one again while there is no other.

    A generator that is closed stops it and waits for it. Who steps through it can only do so between two steps.

    Parameters
    ----------
    work : callable
    pose : Similarity
        That it begins with.
    halted : Event
        That it looks at.
    stage : str
    share : (float, float)
        Of the whole, at its begin and end.

    Returns
    -------
    Any
        What the work gives.
    """
    poses: queue.SimpleQueue[Similarity | None] = queue.SimpleQueue()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = work(poses.put)
        except Stopped:
            pass
        except Exception as error:  # handed on below, in the thread that asked
            outcome["error"] = error
        finally:
            poses.put(None)

    thread = threading.Thread(target=run, name="registration", daemon=True)
    thread.start()
    done, step = share[0], 0
    try:
        while True:
            try:
                found = poses.get(timeout=_BEAT)
            except queue.Empty:
                yield Step(stage, done, pose)
                continue
            if found is None:
                break
            pose, step = found, step + 1
            done = share[1] - (share[1] - share[0]) * 0.95**step  # how many steps there will be is not known
            yield Step(stage, done, pose)
    except GeneratorExit:
        halted.set()
        raise
    finally:
        thread.join()
    if isinstance(outcome.get("error"), RuntimeError):
        raise FewviewError(
            "The volumes do not overlap where the registration began.", "Start from clicked point pairs."
        ) from outcome["error"]
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _check(fixed: NDArray[Any], moving: NDArray[Any]) -> None:
    if fixed.ndim != 3 or moving.ndim != 3:
        raise FewviewError("Registration takes volumes (z, y, x).", "Give a slice as (1, y, x).")
    if (len(fixed) == 1) != (len(moving) == 1):
        raise FewviewError(
            f"The neutron volume has {len(fixed)} slices, the X-ray volume {len(moving)}.",
            "Reconstruct more detector rows, or give the X-ray slice that belongs to the one row.",
        )


def _circle(size: int) -> NDArray[np.bool_]:
    y, x = np.indices((size, size)) - (size - 1) / 2
    result: NDArray[np.bool_] = np.hypot(y, x) <= size / 2 - 1
    return result
