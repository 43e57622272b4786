"""Files behind layers: a recipe names files, so a layer that has none, or was changed since, gets one."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import FewviewError, ScanError
from ...io import read_volume, write_volume
from ..common.layers import METADATA, facts
from ..compare.grids import PIXEL, place_of
from ..compare.value_units import unit_of
from .places import folder_of, on_disk

KNOWN = "known"  # files that hold a layer, and what layer and file were like then


class Mark(NamedTuple):
    """What is remembered of a file that held a layer.

    Parameters
    ----------
    values, place : str
        Checksum of the values, and where they lay.
    file : (int, int) or None
        When the file was written, and its size.
    """

    values: str
    place: str
    file: tuple[int, int] | None


def mark(path: str | Path, values: Any, place: Mapping[str, Any]) -> dict[str, Mark]:
    """What to remember of a file that holds these values, so that a later change of either is noticed.

    Parameters
    ----------
    path : str or Path
        Of the file.
    values : array
    place : mapping
        ``scale``, ``translate`` and ``units`` of the layer.

    Returns
    -------
    dict of str to Mark
        By the path of the file, one entry.
    """
    return {str(path): Mark(_values(values), _place(place), _stamp(path))}


def remember(layer: Any, marks: Mapping[str, Mark], **more: Any) -> None:
    """Write into a layer's metadata which files hold it, the newest last.

    Parameters
    ----------
    layer : napari layer
    marks : mapping
        As :func:`mark` gave them.
    **more
        Further facts of ours.
    """
    about = facts(layer.metadata)
    others = {path: one for path, one in about.get(KNOWN, {}).items() if path not in marks}
    layer.metadata = {**layer.metadata, METADATA: {**about, **more, KNOWN: {**others, **marks}}}


def holds_values(layer: Any) -> str:
    """Newest file that holds the values of a layer as they are now, wherever it lies; empty where none does."""
    now, known = _values(layer.data), facts(layer.metadata).get(KNOWN, {})
    held = (path for path, one in reversed(known.items()) if one.values == now and _as_it_was(path, one))
    return next(held, "")


def newest_file(layer: Any) -> str:
    """The last file that was written of a layer or read into it, and is as it was then; empty where there is none."""
    known = facts(layer.metadata).get(KNOWN, {})
    return next((path for path, one in reversed(known.items()) if _as_it_was(path, one)), "")


def place_in_view(layer: Any) -> dict[str, Any]:
    """Scale, translation and units of a layer, as :func:`mark` takes them."""
    return {key: getattr(layer, key) for key in ("scale", "translate", "units")}


def file_of(layer: Any, scan: str = "") -> str:
    """File that holds a layer as it is now: one that is known to, or one written now, beside the ``scan``.

    Values, scale and translation count, however they were changed: by a script within the array, too. The name of a
    new file holds a digest of all of them, so that a changed layer gives a changed recipe.

    Raises
    ------
    FewviewError
        The file cannot be written.
    """
    known, place = facts(layer.metadata).get(KNOWN, {}), place_in_view(layer)
    now = _values(layer.data), _place(place)
    for path, one in reversed(known.items()):
        if (one.values, one.place) == now and _as_it_was(path, one):
            return str(path)
    source = str(layer.source.path or "")
    path = source if not known and _holds(source, layer) else _write(layer, scan)
    remember(layer, {path: Mark(*now, _stamp(path))})
    return path


def files_of(layer: Any) -> set[str]:
    """Files that hold a layer's volume, or have held it before it was changed."""
    about = facts(layer.metadata)
    return {str(file) for file in (about.get("file"), *about.get(KNOWN, ()), layer.source.path) if file}


def layer_of(layers: Iterable[Any], file: str | None) -> Any:
    """The layer behind a file; None without one."""
    return next((layer for layer in layers if file is not None and file in files_of(layer)), None)


def is_volume(layer: Any) -> bool:
    """Whether a layer can serve as X-ray volume or reference, or be compared."""
    return type(layer).__name__ == "Image" and not _ours_beside(layer) and not _unfit(layer)


def left_out(layers: Iterable[Any]) -> list[str]:
    """A sentence on each picture that is no volume although its user may take it for one."""
    others = [one for one in layers if type(one).__name__ == "Image" and not _ours_beside(one)]
    return [
        f"“{layer.name}” {_unfit(layer)}: it is left out."
        for layer in others
        if _unfit(layer) and "extra" not in facts(layer.metadata)
    ]


def _write(layer: Any, scan: str) -> str:
    place, about = place_of(layer), facts(layer.metadata)
    values = np.ascontiguousarray(layer.data, dtype=np.float32)
    where = {"origin": place.origin, "step": place.step, "unit": place.unit}
    digest = hashlib.sha256(values.tobytes() + repr((where, values.shape)).encode()).hexdigest()[:16]
    try:
        path = folder_of(scan) / f"layer-{digest}.npy"
    except OSError as error:
        raise FewviewError(
            f"“{layer.name}” lies in no file, and none can be made beside the scan: {error}.",
            "Save the layer yourself, and open that file.",
        ) from None
    if not path.exists():
        voxel = place.step[-1] if place.unit == "mm" else None
        record = {**about.get("record", {}), "layer": layer.name, "place": where}
        write_volume(path, values, voxel=voxel, unit=unit_of(layer) or "unknown", record=record)
    return str(path)


def _holds(path: str, layer: Any) -> bool:
    """Whether the file from which another reader made a layer says the same to ours."""
    try:
        volume = read_volume(path) if path else None
    except (ScanError, OSError):
        return False
    if volume is None:
        return False
    values, place = np.asarray(layer.data, dtype=np.float32), place_of(layer)
    bare = place.unit == PIXEL and set(place.step) == {1.0}  # that reader knew of no scale
    placed = not any(place.origin) and (bare or np.allclose(place.step[3 - layer.ndim :], volume.voxel or 1.0))
    read = volume.values[0] if values.ndim == 2 and len(volume.values) == 1 else volume.values
    return placed and np.array_equal(values, read, equal_nan=True)


def _values(values: Any) -> str:
    """A checksum, one slice after the other: they may not fit in memory twice."""
    total, shape = 0, np.shape(values)
    for part in values if len(shape) > 2 else [values]:
        total = zlib.crc32(np.ascontiguousarray(part, dtype=np.float32).data, total)
    return f"{total:08x} {shape}"


def _place(place: Mapping[str, Any]) -> str:
    scale, translate = ([round(float(v), 9) for v in place[key]] for key in ("scale", "translate"))
    return f"{scale} {translate} {_units(place['units'])}"


def _as_it_was(path: str, one: Mark) -> bool:
    """Whether nobody has written over a file since."""
    return one.file is not None and one.file == _stamp(path)


def _units(units: Sequence[Any]) -> list[str]:
    return [{"millimeter": "mm"}.get(str(unit), str(unit)) for unit in units]


def _stamp(path: str | Path) -> tuple[int, int] | None:
    """When a file was written, and its size; None where there is none."""
    try:
        found = on_disk(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _ours_beside(layer: Any) -> bool:
    """Projections; sinograms and trial slices."""
    about = facts(layer.metadata)
    return bool(about.get("scan") or about.get("look"))


def _unfit(layer: Any) -> str:
    """Why the pixels of a layer are not the values of one volume; empty where they are."""
    if getattr(layer, "rgb", False):
        return "is a colour picture, not values"
    if getattr(layer, "multiscale", False):
        return "comes at several resolutions, as one layer"
    if layer.ndim not in (2, 3):
        return f"has {layer.ndim} axes, a volume has 3"
    if np.dtype(getattr(layer, "dtype", np.float32)).kind not in "iufb":
        return "holds complex numbers, not one value per voxel"
    return ""
