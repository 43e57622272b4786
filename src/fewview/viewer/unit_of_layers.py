"""What a scan has given before its pixel size was told, or corrected, lies by the new one from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .common.layers import METADATA, facts
from .compare.grids import to_mm
from .compare.regions_layer import KIND
from .compare.value_units import by_pixel, unit_of

REGISTRATION = "registration"  # key of the layers of the Registration dock: which of them one is
GIVEN = {"recipe", "run", "look", "extra", KIND, REGISTRATION}  # layers of a scan's own; others came with files
NEAR = ("scale", "translate")


def bring_layer(layer: Any, before: float | None, edge: float | None) -> bool:
    """Have a layer of a scan lie by its pixel size.

    Its values are not touched: their unit says for which pixel size they hold.

    Parameters
    ----------
    layer : napari layer
    before : float or None
        mm of a pixel of the scan's volume until now; None where nobody knew.
    edge : float or None
        The same from now on.

    Returns
    -------
    bool
        Whether it had to be moved.
    """
    about = facts(layer.metadata)
    if not GIVEN & about.keys():
        return False
    if KIND not in about:
        about = {**about, "unit": unit_of(layer)}
    found = brought({key: getattr(layer, key) for key in (*NEAR, "units")}, about, before, edge)
    if found is not None:
        for key, value in found[0].items():
            setattr(layer, key, value)
        layer.metadata = {**layer.metadata, METADATA: found[1]}
    return found is not None


def brought(
    place: Mapping[str, Any], about: Mapping[str, Any], before: float | None, edge: float | None
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Where what belongs to a scan lies by another pixel size, and the unit of its values.

    Parameters
    ----------
    place : mapping
        Scale, translation and units of a layer, and more that stays.
    about : mapping
        What it says of itself.
    before, edge : float or None
        As :func:`bring_layer` takes them.

    Returns
    -------
    place, about : dict
        None where it lies so already, or was made in mm that nobody knows in pixels.
    """
    in_mm = to_mm(place["units"][-1]) is not None
    lies = before if in_mm else None
    if lies == edge or (in_mm and lies is None):
        return None
    factor = (edge or 1.0) / (lies or 1.0)
    near = min(3, len(place["scale"]))  # a series, or samples, have an axis more, which is no length
    moved = {key: [*place[key][:-near], *(step * factor for step in place[key][-near:])] for key in NEAR}
    moved["units"] = [*place["units"][:-near], *["pixel" if edge is None else "mm"] * near]
    unit = about.get("unit")
    return {**place, **moved}, {**about, "unit": by_pixel(unit, lies, edge)} if unit else dict(about)
