"""What a scan has given before its pixel size was known, or corrected away, lies in its unit of length from then on."""

from __future__ import annotations

from typing import Any

from .common.layers import METADATA, facts
from .compare.grids import PIXEL, place_of
from .compare.regions_layer import KIND
from .compare.value_units import unit_of

GIVEN = {"recipe", "run", "look", "extra", KIND}  # what layers of a scan's own say; others came with files of theirs
MOVED = "edge"  # mm of a pixel, of a layer that was brought from pixels into mm


def bring_to_unit(layer: Any, edge: float | None) -> None:
    """Have a layer of a scan lie in mm, or in pixels. Its values are not touched: they stay in the unit that they say.

    Parameters
    ----------
    layer : napari layer
    edge : float or None
        mm of a pixel of the scan's volume; None where nobody knows.
    """
    about = facts(layer.metadata)
    in_pixels = place_of(layer).unit == PIXEL
    if not GIVEN & about.keys() or in_pixels == (edge is None):
        return
    factor, unit = (edge, "mm") if edge is not None else (1 / about[MOVED] if MOVED in about else None, PIXEL)
    if factor is None:  # it was made in mm
        return
    values = {} if KIND in about else {"unit": unit_of(layer)}
    told = {**about, **values, MOVED: edge}
    layer.metadata = {**layer.metadata, METADATA: {key: one for key, one in told.items() if key != MOVED or edge}}
    near = min(3, layer.ndim)
    for key in ("scale", "translate"):
        place = list(getattr(layer, key))
        setattr(layer, key, [*place[:-near], *(step * factor for step in place[-near:])])
    layer.units = [*layer.units[:-near], *[unit] * near]
