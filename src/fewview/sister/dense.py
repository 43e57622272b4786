"""What is learnt of a dense scan: its reconstruction, and its views as they were measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Stopped
from ..methods.interface import Problem
from ..runs.inputs import prepared
from ..runs.problem import set_up
from ..runs.recipe import Recipe
from ..runs.slabs import SlabRun
from ..scan import LineIntegrals
from ..training.sister_views import MeasuredViews

MOST_SLICES = 40
"""In the middle of a dense scan that are learnt: more bring little that is new."""
MOST_VOXELS, LEAST_SLICES = 40 * 128**2, 8
"""That total variation reconstructs in minutes, but never of fewer slices, so that some can be held out."""

AS_MEASURED = "Half of the steps learn from the views of the dense scan as they were measured."
VOLUME_ALONE = (
    "The reconstruction of the dense scan alone is learnt, not its views: these have to be twice as many as those of "
    "this scan, of the same beam, pixel size and directions, and binned by an even number, so that they can be "
    "reconstructed finer."
)


class Dense(NamedTuple):
    """What is learnt.

    Parameters
    ----------
    volume : ndarray, shape (z, side, side)
    views : MeasuredViews, optional
        That it was made of, where they can stand for those of the scan.
    taught : str
        A sentence: whether they are learnt from.
    voxel : float, optional
        Of the volume, mm.
    """

    volume: NDArray[np.float32]
    views: MeasuredViews | None = None
    taught: str = ""
    voxel: float | None = None


def ender(stop: Callable[[], bool]) -> Callable[[], None]:
    """What long work calls now and then: it ends it once ``stop`` is true."""

    def stop_now() -> None:
        if stop():
            raise Stopped

    return stop_now


def of_scan(
    path: str,
    binned: int,
    problem: Problem,
    seconds: float,
    report: Callable[[str], None],
    stage: Callable[[str], None],
    stop: Callable[[], bool],
) -> Dense:
    """Reconstruct the middle of a dense scan, finer than the few-view scan where its pixels are.

    Parameters
    ----------
    path : str
        Of the dense scan.
    binned : int
        Pixels of the few-view scan that were averaged.
    problem : Problem
        The few-view scan.
    seconds : float
        That the reconstruction may take, where it takes steps.
    report : callable
        Takes a line of progress.
    stage : callable
        Is told how far it is.
    stop : callable
        Once true, :class:`Stopped` is raised.

    Returns
    -------
    Dense
        Its volume on the field of view of the dense scan.
    """
    finer = 2 if binned % 2 == 0 else 1
    lines = _middle(prepared(Recipe(scan=path, method="fbp", bin=binned // finer), tick=ender(stop)), finer)
    report(f"Reconstructing {lines.geometry.rows} slices of the dense scan.")
    volume = dense_volume(lines, finer, seconds, str(problem.operator.device), stage, stop)
    views = _measured_views(lines, volume, finer, problem) if finer > 1 else None
    return Dense(volume, views, VOLUME_ALONE if views is None else AS_MEASURED, lines.geometry.voxel)


def dense_volume(
    lines: LineIntegrals,
    finer: int,
    seconds: float | None = None,
    device: str = "cpu",
    stage: Callable[[str], None] = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Reconstruct a dense scan to be learnt from.

    Finer pixels by FBP: that of binned views is blurred, and their mean over the wider pixels has little noise. Pixels
    as wide as those of the few-view scan by total variation: FBP leaves noise in them (24 dB on simulated grains with
    360 views and 20000 counts, total variation 33 dB), which is then learnt (0.7 dB less on other slices; the true
    volume teaches 0.1 dB more).

    Parameters
    ----------
    lines : LineIntegrals
    finer : int
        Width of the pixels of the few-view scan in those of ``lines``.
    seconds : float, optional
        That total variation may take; no limit when not given.
    device : str
    stage : callable
        Is told how far it is.
    stop : callable
        Once true, :class:`Stopped` is raised.

    Returns
    -------
    ndarray, shape (slices, y, x)
    """
    method, options = ("fbp", {}) if finer > 1 else ("tv", {"budget": seconds})
    volume: NDArray[np.float32] | None = None
    for estimate in SlabRun(lines, method, options, device=device, stop=stop):
        volume = estimate.array
        stage(f"reconstructing the dense scan: step {estimate.step} of {estimate.total}")
    if stop() or volume is None:  # a run that hears the stop just ends
        raise Stopped
    return np.array(volume)


def _middle(lines: LineIntegrals, finer: int) -> LineIntegrals:
    """Rows in the middle, as many as are learnt."""
    geometry = lines.geometry
    most = min(MOST_SLICES, max(LEAST_SLICES, MOST_VOXELS // (geometry.columns // finer) ** 2)) * finer
    whole = geometry.rows // finer * finer or geometry.rows  # a single row stays one when it is binned
    first = max(0, (whole - most) // (2 * finer)) * finer
    return lines.rows(first, min(whole, first + most))


def _measured_views(
    lines: LineIntegrals, volume: NDArray[np.float32], finer: int, problem: Problem
) -> MeasuredViews | None:
    binned, device = lines.bin(finer), problem.operator.device
    setup = set_up(binned, auxiliary=None, holdout=0.0, device=device, seed=problem.seed)
    return MeasuredViews.of(setup.problem(0, setup.slices), volume, 1 / finer, problem)
