"""Where a volume file lies, and the part that a reconstruction covers: known sizes and places are never ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..frames import bin_mean
from ..io.volume_out import PER_MM, PER_PIXEL
from ..registration import Grid

if TYPE_CHECKING:
    from ..io import Volume
    from ..scan import LineIntegrals

ASIDE = 0.2  # voxels by which two grids may differ
_Triple = tuple[float, float, float]
_UNIT = {"mm": "mm", "pixel": "px"}


@dataclass(frozen=True)
class Said:
    """What a volume file says of its grid.

    Parameters
    ----------
    step, origin : (float, float, float) or None
        Edges of a voxel (z, y, x), and position of voxel (0, 0, 0); None where the file does not say.
    unit : {"mm", "pixel"}
        Of both; pixels are those of the detector, unbinned.
    """

    step: _Triple | None
    origin: _Triple | None
    unit: str


def grid_of(lines: LineIntegrals, first_row: int = 0, bin: int = 1) -> Grid:
    """Grid of the reconstruction of these lines, cut from row ``first_row`` on and binned by ``bin``.

    Parameters
    ----------
    lines : LineIntegrals
    first_row : int, optional
        Detector row at which they begin, before binning.
    bin : int, optional
        Detector pixels that became one.

    Returns
    -------
    Grid
        In mm, or in pixels of the unbinned detector where the voxel is not known.
    """
    geometry = lines.geometry
    voxel = float(bin) if geometry.voxel is None else geometry.voxel
    return Grid.cubic((geometry.rows, *geometry.volume.shape), voxel, first_row=first_row, bin=bin)


def said_by(volume: Volume) -> Said:
    """What a file says of its grid: by its place, by the rows and binning of its run, or by its voxels alone."""
    record, shape = volume.attrs.get("record") or {}, volume.values.shape
    if isinstance(place := record.get("place"), dict):
        return Said(tuple(place["step"]), tuple(place["origin"]), str(place["unit"]))
    recipe, unit = record.get("recipe") or {}, "pixel" if volume.voxel is None else "mm"
    if not recipe or tuple(record.get("shape") or shape) != shape:  # what comes beside a result may be finer
        return Said(None if volume.voxel is None else (volume.voxel,) * 3, None, unit)
    bin, rows = int(recipe.get("bin", 1)), recipe.get("rows") or (0, 0)
    grid = Grid.cubic(shape, float(bin) if volume.voxel is None else volume.voxel, first_row=rows[0], bin=bin)
    return Said(grid.spacing, grid.origin, unit)


def part_on_grid(
    volume: Volume, what: str, onto: Grid, unit: str, rows: tuple[int, int] | None, bin: int
) -> tuple[NDArray[np.float32], str]:
    """The part of a volume that lies on the grid of a reconstruction, and a sentence on what had to be assumed.

    A volume on the grid of the detector, or of a smaller binning, is cropped and averaged.

    Parameters
    ----------
    volume : Volume
    what : str
        What it is, for messages.
    onto : Grid
        Of the reconstruction.
    unit : {"mm", "pixel"}
        Of ``onto``.
    rows : (int, int) or None
        Rows of the detector that are reconstructed.
    bin : int
        Pixels of the detector that became one.

    Returns
    -------
    tuple[ndarray of float32, str]
        Values of shape (z, y, x).

    Raises
    ------
    OptionError
        It has other voxels, lies elsewhere, or has another shape.
    """
    said, values = said_by(volume), np.asarray(volume.values, dtype=np.float32)
    known = said.step is not None and said.unit == unit
    ratio = 1 if values.shape[1:] == onto.shape[1:] else bin  # voxels of the file in one of the reconstruction
    if known and said.step is not None:
        ratio = max(1, round(onto.spacing[-1] / said.step[-1]))
        wrong = np.abs(np.array(said.step) * ratio - onto.spacing) * onto.shape > ASIDE * np.array(onto.spacing)
        if bin % ratio or wrong.any():
            sizes = [_sizes(one, unit) for one in (said.step, onto.spacing)]
            raise OptionError(
                f"The voxels of the {what} {volume.path} are {sizes[0]} wide, those of the reconstruction {sizes[1]}.",
                _remedy(what),
            )
    start, factor = 0, bin // ratio
    if known and said.origin is not None:
        start = _first_slice(volume, what, onto, said, unit)
    elif rows is not None and len(values) >= rows[1] // factor and len(values) != onto.shape[0] * ratio:
        start = rows[0] // factor  # of the whole detector
    count = len(values) if rows is None else max(1, (rows[1] - rows[0]) // factor)
    if known and said.origin is not None:
        count = onto.shape[0] * ratio
    values = _averaged(values[start : start + count], ratio)
    if values.shape != onto.shape:
        raise OptionError(
            f"The {what} {volume.path} is {volume.values.shape} (z, y, x), the reconstruction {onto.shape}.",
            f"Give a {what} on the grid of the reconstruction, or of the whole detector.",
        )
    lacks = "the scan gives no pixel size" if unit == "pixel" else f"the {what} gives no voxel size in mm"
    note = f"By its shape alone, the {what} {volume.path.name} is taken to lie where the reconstruction does: {lacks}."
    return np.ascontiguousarray(values), "" if known else note


def apart(one: Volume, other: Volume) -> str:
    """Why two volumes of one shape do not lie on one grid, or are not in one unit; empty where they may."""
    first, second = said_by(one), said_by(other)
    units = [str(volume.attrs.get("unit")) for volume in (one, other)]
    if set(units) == {PER_MM, PER_PIXEL}:
        return f"the values of one are in {units[0]}, those of the other in {units[1]}"
    if first.step is None or second.step is None or first.unit != second.unit:
        return ""
    step, shape = np.array(second.step), np.array(other.values.shape)
    if (np.abs(np.array(first.step) - step) * shape > ASIDE * step).any():
        sizes = [_sizes(said.step, said.unit) for said in (first, second) if said.step is not None]
        return f"the voxels of one are {sizes[0]} wide, those of the other {sizes[1]}"
    if first.origin is None or second.origin is None:
        return ""
    far = np.abs(np.array(first.origin) - np.array(second.origin)) > ASIDE * step
    return "they lie elsewhere: their rows, or their places, are others" if far.any() else ""


def _first_slice(volume: Volume, what: str, onto: Grid, said: Said, unit: str) -> int:
    """Index of the first slice that the reconstruction covers, by the lower edges of both."""
    step, spacing = np.array(said.step), np.array(onto.spacing)
    aside = ((np.array(onto.origin) - spacing / 2) - (np.array(said.origin) - step / 2)) / step
    whole = round(float(aside[0]))
    beyond = whole + onto.shape[0] * round(float(spacing[0] / step[0])) - len(volume.values)
    off = np.abs(aside - (whole, 0, 0)).max() > ASIDE
    if off or whole < 0 or (beyond > 0 and whole > 0):
        places = [", ".join(f"{v:g}" for v in one) for one in (said.origin or (), onto.origin)]
        raise OptionError(
            f"The {what} {volume.path} lies elsewhere than the reconstruction: their first voxels lie at "
            f"({places[0]}) and ({places[1]}) {_UNIT[unit]} (z, y, x).",
            _remedy(what),
        )
    return whole


def _averaged(values: NDArray[np.float32], ratio: int) -> NDArray[np.float32]:
    if ratio == 1:
        return values
    high = max(1, min(ratio, len(values)))  # as rows of the detector: fewer than a bin become one
    means = bin_mean(values[: len(values) // high * high], ratio)
    return means.reshape(-1, high, *means.shape[1:]).mean(axis=1)  # type: ignore[no-any-return]


def _remedy(what: str) -> str:
    if what == "reference":
        return (
            "Give one on the grid of the reconstruction or of the whole detector; `fewview register` brings it there."
        )
    return "Have it brought there with --register."


def _sizes(step: _Triple, unit: str) -> str:
    sizes = dict.fromkeys(f"{v:.4g}" for v in step)
    return f"{' x '.join(sizes)} {_UNIT[unit]}"
