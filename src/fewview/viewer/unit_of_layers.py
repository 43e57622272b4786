"""What lies on the grid of a scan when its pixel size is told, or corrected, lies by the new one from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .common.layers import METADATA, facts
from .compare.grids import PIXEL, place_of, to_mm
from .compare.regions_layer import KIND
from .compare.value_units import by_pixel, unit_of
from .scan.presenter import ScanPresenter

REGISTRATION = "registration"  # key of the layers of the Registration dock: which of them one is
GIVEN = {"recipe", "run", "look", "extra", KIND, REGISTRATION}  # layers of a scan's own; others came with files
NEAR = ("scale", "translate")
SAME = 1e-6  # share by which two sizes of a pixel may differ


def bring_layer(layer: Any, scan: ScanPresenter, before: float | None) -> bool:
    """Have a layer of a scan lie by its pixel size.

    A volume from a file, as X-rays or a reference, does where it lies on the grid of the scan: it stays on it. One that
    lies elsewhere by its own size of voxel does not. The values of a result are not touched: their unit says for which
    pixel size they hold. Those of other volumes hold for whatever their file says.

    Parameters
    ----------
    layer : napari layer
    scan : ScanPresenter
        With the pixel size from now on.
    before : float or None
        mm of a pixel of the scan's volume until now; None where nobody knew.

    Returns
    -------
    bool
        Whether it had to be moved.
    """
    about = facts(layer.metadata)
    recipe = (about.get("record") or {}).get("recipe") or {}
    made = GIVEN & about.keys() or recipe.get("scan") == scan.path
    if not made and not _on_grid(layer, scan, before):
        return False
    unit = {"unit": unit_of(layer)} if made and KIND not in about else {}
    found = brought({key: getattr(layer, key) for key in (*NEAR, "units")}, unit, before, scan.edge)
    if found is not None:
        for key, value in found[0].items():
            setattr(layer, key, value)
        layer.metadata = {**layer.metadata, METADATA: {**about, **found[1]}}
    return found is not None


def _on_grid(layer: Any, scan: ScanPresenter, before: float | None) -> bool:
    """Whether a volume lies where that of the whole detector did."""
    place, (_, rows, columns) = place_of(layer), scan.shape
    lies = 1.0 if place.unit == PIXEL else before or 0.0
    near = np.allclose(place.step, lies, rtol=SAME, atol=0) and np.allclose(place.origin, 0, atol=SAME * lies)
    return bool(near) and layer.data.shape == (rows, columns, columns)


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
        mm of a pixel of the scan's volume until now, and from now on; None where nobody knows.

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
