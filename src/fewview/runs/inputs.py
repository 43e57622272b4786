"""What a recipe takes in: the scan as chosen, its line integrals, and other volumes brought onto its grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..frames import bin_mean
from ..provenance import Provenance
from ..scan import LineIntegrals, Scan
from .recipe import Recipe

if TYPE_CHECKING:
    from ..io import Volume


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
        scan = scan.bin(recipe.bin)
    return scan


def prepared(
    recipe: Recipe,
    scan: Scan | None = None,
    axis: Literal["auto"] | None = "auto",
    tick: Callable[[], None] = lambda: None,
) -> LineIntegrals:
    """The line integrals that the recipe asks for, around the given or found axis; None: do not look for one.

    Parameters
    ----------
    recipe : Recipe
    scan : Scan, optional
        Read before; None reads the one of the recipe.
    axis : {"auto"}, optional
    tick : callable
        Called several times per second; what it raises ends the work.
    """
    from ..prepare import PrepareOptions

    scan = chosen_scan(recipe) if scan is None else scan
    return scan.line_integrals(PrepareOptions.parse(recipe.prepare), axis, tick)


def fitting_volume(
    path: str, what: str, recipe: Recipe, lines: LineIntegrals, tick: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.float32], Volume]:
    """A volume file on the grid of the reconstruction, and the file as it was read.

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
    tuple[ndarray of float32, Volume]
        The first has the shape (z, y, x).

    Raises
    ------
    OptionError
        It has another shape.
    """
    from ..io import read_volume

    volume = read_volume(path, tick)
    geometry = lines.geometry
    wanted = (geometry.rows, *geometry.volume.shape)
    values = np.asarray(volume.values, dtype=np.float32)
    if values.shape != wanted and recipe.rows is not None and len(values) >= recipe.rows[1]:
        values = values[recipe.rows[0] : recipe.rows[1]]
    if values.shape != wanted and recipe.bin > 1:
        high = min(recipe.bin, len(values))  # as rows of the detector: fewer than a bin become one
        depth = len(values) // high * high
        means = bin_mean(values[:depth], recipe.bin)
        values = means.reshape(-1, high, *means.shape[1:]).mean(axis=1)
    if values.shape != wanted:
        raise OptionError(
            f"The {what} {path} is {volume.values.shape} (z, y, x), the reconstruction {wanted}.",
            f"Give a {what} on the grid of the reconstruction, or of the whole detector.",
        )
    return np.ascontiguousarray(values), volume
