"""What a recipe takes in: the scan as chosen, its line integrals, and other volumes brought onto its grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import OptionError
from ..provenance import Provenance
from ..scan import LineIntegrals, Scan
from .recipe import Recipe
from .volume_grid import grid_of, part_on_grid

if TYPE_CHECKING:
    from ..io import Volume

FLAT = 1e-6  # of the largest value: what differs by less is rounding
FEWEST_COLUMNS = 4  # after binning: fewer tell no noise from signal


def chosen_scan(recipe: Recipe) -> Scan:
    """The scan with the views, rows, binning and axis of the recipe; nothing but metadata is read yet."""
    from ..io import read_scan

    scan = read_scan(recipe.scan, **recipe.reader.given())
    if recipe.axis != "auto":
        columns = scan.geometry.columns
        if not 0 <= recipe.axis <= columns - 1:
            raise OptionError(
                f"An axis at column {recipe.axis:g} is not on the detector, which has columns 0 to {columns - 1}.",
                "Give the 0-based column of the unbinned detector, or auto.",
            )
        scan = scan.with_axis(recipe.axis, None if recipe.axis_origin is None else Provenance.parse(recipe.axis_origin))
    if recipe.views is not None:
        scan = scan.sparse(recipe.views)
    if recipe.rows is not None:
        scan = scan.rows(*recipe.rows)
    if recipe.bin > 1:
        left = scan.geometry.columns // recipe.bin
        if left < FEWEST_COLUMNS:
            raise OptionError(
                f"Binning by {recipe.bin} leaves {left} of the {scan.geometry.columns} columns of the detector.",
                f"Choose a factor that leaves {FEWEST_COLUMNS} or more.",
            )
        scan = scan.bin(recipe.bin)
    return scan


def prepared(
    recipe: Recipe,
    scan: Scan | None = None,
    tick: Callable[[], None] = lambda: None,
    axis: Literal["auto"] | None = "auto",
) -> LineIntegrals:
    """The line integrals that the recipe asks for, around the given or found axis; None: do not look for one.

    Parameters
    ----------
    recipe : Recipe
    scan : Scan, optional
        Read before; None reads the one of the recipe.
    tick : callable
        Called several times per second; what it raises ends the work.
    axis : {"auto"}, optional

    Returns
    -------
    LineIntegrals
        (views, v, u), binned.
    """
    from ..prepare import PrepareOptions

    scan = chosen_scan(recipe) if scan is None else scan
    return scan.line_integrals(PrepareOptions.parse(recipe.prepare), axis, tick)


def fitting_volume(
    path: str, what: str, recipe: Recipe, lines: LineIntegrals, tick: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.float32], Volume, str]:
    """A volume file on the grid of the reconstruction, the file as it was read, and what had to be assumed of it.

    A volume of the whole detector is cropped to the rows and binned as the recipe says.

    Parameters
    ----------
    path : str
        Of the volume file.
    what : str
        What it is, for messages.
    recipe : Recipe
    lines : LineIntegrals
        Whose grid is wanted.
    tick : callable
        Called while the file is read; what it raises ends the work.

    Returns
    -------
    tuple[ndarray of float32, Volume, str]
        The first has the shape (z, y, x); the last is empty, or a sentence.

    Raises
    ------
    OptionError
        It has other voxels, lies elsewhere, or has another shape.
    """
    from ..io import read_volume

    volume = read_volume(path, tick)
    onto = grid_of(lines, 0 if recipe.rows is None else recipe.rows[0], recipe.bin)
    unit = "pixel" if lines.geometry.voxel is None else "mm"
    values, note = part_on_grid(volume, what, onto, unit, recipe.rows, recipe.bin)
    return values, volume, note


def require_structure(values: ArrayLike, path: str = "") -> None:
    """Refuse an X-ray volume that is the same everywhere: whatever is gained with it is not gained by it.

    Parameters
    ----------
    values : array, shape (z, y, x)
        On the grid of the reconstruction.
    path : str, optional
        Of its file, for the message.

    Raises
    ------
    OptionError
    """
    values, name = np.asarray(values), f"The X-ray volume {path}".rstrip()
    if values.size and np.ptp(values) <= FLAT * np.abs(values).max():  # not so of values that are not numbers
        raise OptionError(
            f"{name} is {values.flat[0]:g} everywhere in these slices: it shows no sample.",
            "Check that it is the right file and covers the sample, or take a method that needs no X-ray volume.",
        )
