"""The X-ray volume of a run: as it is where it lies on the grid, or registered to a quick neutron reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError, Stopped
from ..io import read_volume
from ..registration import Grid, Registration, RegistrationOptions, register, registered
from ..registration.register import Step
from ..scan import LineIntegrals
from .slabs import SlabRun
from .volume_grid import grid_of

_QUICK = {"iterations": 10}  # more would add the noise that few views leave, and no structure to register by


def quick_volume(
    lines: LineIntegrals, *, device: str = "auto", stop: Callable[[], bool] | None = None
) -> NDArray[np.float32]:
    """A few steps of CGLS: what the neutrons say about the sample before anything else does.

    Parameters
    ----------
    lines : LineIntegrals
    device : str, optional
        auto, cpu or cuda.
    stop : callable, optional
        Whether to end now.

    Returns
    -------
    ndarray of float32
        Shape (z, y, x), in 1/mm where the pixel size is known, else per pixel.

    Raises
    ------
    Stopped
    """
    last = None
    for estimate in SlabRun(lines, "cgls", _QUICK, device=device, stop=stop):
        last = estimate
    if last is None or last.step < last.total:
        raise Stopped
    return last.array


def xray_grid(shape: tuple[int, ...], voxel: float | None, pixel: float | None) -> tuple[Grid, bool]:
    """Grid of an X-ray volume, and whether its voxels can be compared with the neutron ones (``pixel``).

    Parameters
    ----------
    shape : tuple[int, ...]
        (z, y, x).
    voxel : float or None
        Of the X-ray volume, in mm; None where it is not known.
    pixel : float or None
        Of the neutron grid, in mm; None where it is not known.

    Returns
    -------
    grid : Grid
        In mm, or of voxels of edge 1 where they cannot be compared.
    comparable : bool
        Whether both edges are known.
    """
    comparable = voxel is not None and pixel is not None
    return Grid.cubic(shape, voxel if comparable and voxel is not None else 1.0), comparable


def stage_changes(say: Callable[[str], None]) -> Callable[[Step], None]:
    """What to call at each step so that each stage is said once."""
    last = ""

    def follow(step: Step) -> None:
        nonlocal last
        if step.stage and step.stage != last:
            last = step.stage
            say(step.stage)

    return follow


def registered_volume(
    path: str,
    lines: LineIntegrals,
    options: RegistrationOptions,
    *,
    first_row: int = 0,
    bin: int = 1,
    device: str = "auto",
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
    stop: Callable[[], bool] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Registration]:
    """The X-ray volume of a file on the grid of a reconstruction, where it was seen, and the registration.

    Parameters
    ----------
    path : str
    lines : LineIntegrals
        Prepared; rows chosen and binned as ``first_row`` and ``bin`` say.
    options : RegistrationOptions
    first_row, bin : int
        Detector row at which the lines begin, before binning, and detector pixels that became one.
    device : {"auto", "cpu", "cuda"}
        Of the quick reconstruction.
    seed : int
        Draws the voxels that the registration looks at.
    say : callable
        Called with what is being done, in words.
    stop : callable, optional
        Once true, :class:`Stopped` is raised.

    Returns
    -------
    values : ndarray of float32, shape (z, y, x)
        0 where the X-ray volume does not reach.
    mask : ndarray of bool, same shape
    registration : Registration

    Raises
    ------
    RegistrationFailed
        It is not used then.
    FewviewError, Stopped
    """

    def look() -> None:
        if stop is not None and stop():
            raise Stopped

    volume = read_volume(path, look)
    say("a quick reconstruction to register by")
    neutron = quick_volume(lines, device=device, stop=stop)
    onto = grid_of(lines, first_row, bin)
    grid, comparable = xray_grid(volume.values.shape, volume.voxel, lines.geometry.voxel)

    told = stage_changes(lambda stage: say(f"registering the X-ray volume: {stage}"))

    def follow(step: Step) -> None:
        look()
        told(step)

    unit = "px" if lines.geometry.pixel is None else "mm"
    try:
        found = register(
            neutron, volume.values, onto, grid, options, unit=unit, comparable=comparable, seed=seed, on_step=follow
        )
    except FewviewError as error:
        error.problem = f"{Path(path).name}: {error.problem}"
        error.args = (f"{error.problem} {error.remedy}".strip(),)
        raise
    values, mask = registered(volume.values, grid, found, onto, options.order)
    return values, mask, found
