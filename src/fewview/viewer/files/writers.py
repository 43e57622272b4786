"""Save an image layer in a format of fewview, with scale, unit and run record inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...io import write_volume
from ..common.layers import facts
from ..common.names import own_name


def write(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write one image layer (napari's single-layer writer).

    Parameters
    ----------
    path : str
        Its ending chooses the format: ``.h5``, ``.tif``, ``.zarr`` or ``.npy``.
    data : array, shape (z, y, x) or (y, x)
    attributes : mapping
        Name, scale, units and metadata of the layer: it will be called so again.

    Returns
    -------
    list of str
        The path that was written.
    """
    return [save(path, data, attributes)]


def save(
    path: str,
    data: Any,
    attributes: Mapping[str, Any],
    regions: Sequence[Mapping[str, Any]] = (),
    compared: str | None = None,
) -> str:
    """As :func:`write`, with the regions that were looked at in the record; returns the path.

    Parameters
    ----------
    path : str
        File to write.
    data : Any, shape (z, y, x)
    attributes : mapping
        Of the napari layer.
    regions : sequence of Mapping[str, Any], optional
        That were looked at.
    compared : str, optional
        File of the reference that the result was compared with.

    Returns
    -------
    str
        The path that was written.
    """
    about = facts(attributes.get("metadata", {}))
    record = dict(about.get("record") or {})
    if "recipe" in about:
        record.setdefault("recipe", about["recipe"])
        record["title"] = own_name(attributes.get("name") or about.get("title", ""), attributes["metadata"])
    if regions:
        record["regions"] = list(regions)
    if compared:
        record["compared_with"] = compared
    in_mm = all(str(unit) in ("mm", "millimeter") for unit in attributes.get("units", ("pixel",)))
    voxel = float(attributes["scale"][-1]) if in_mm else None
    unit = about.get("unit") or record.get("unit")
    return str(write_volume(path, data, voxel=voxel, unit=unit, record=record))
