"""``read_volume``: a finished volume (the X-ray side, or a reference) from the formats that fewview writes and more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from .hdf5 import open_hdf5, unit_of
from .images import COPY_AGAIN
from .units import millimetres, text


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume from a file.

    Parameters
    ----------
    values : array, shape (z, y, x), float32
    voxel : float or None
        Edge of a voxel in mm; None when the file does not say.
    attrs : mapping
        What else the file says (unit, record of the run).
    path : Path
    """

    values: NDArray[np.float32]
    voxel: float | None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    path: Path = Path()


_DATASET = re.compile(r"(.+\.(?:h5|hdf5|hdf|nxs)):/?([^:]+)$", re.IGNORECASE)
_Loaded = tuple[NDArray[Any], float | None, dict[str, Any]]


def read_volume(path: str | Path) -> Volume:
    """Read a volume: npy, npz, TIFF (file or folder), HDF5, OME-Zarr (finest level). A slice becomes ``(1, y, x)``.

    Parameters
    ----------
    path : str or Path
        In an HDF5 file with several datasets one is named as ``FILE.h5:/NAME``, e.g. ``sample.h5:/truth/neutron``.

    Raises
    ------
    ScanError
        Missing, damaged, of no known format, or not two- or three-dimensional.
    """
    named = _DATASET.match(str(path))
    path = Path(named[1] if named else path)
    if not path.exists():
        raise ScanError(f"There is no volume {path}.", "Check the path.")
    values, voxel, attrs = _hdf5(path, named[2]) if named else _loader(path)(path)
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.dtype.kind not in "iufb" or not values.size:
        shape = " x ".join(map(str, values.shape))
        raise ScanError(
            f"{path.name} holds an array ({shape}, {values.dtype}), not a volume.", "It should be (z, y, x)."
        )
    return Volume(np.ascontiguousarray(values, dtype=np.float32), voxel, attrs, path)


def _loader(path: Path) -> Callable[[Path], _Loaded]:
    if path.is_dir():
        if (path / "zarr.json").is_file() or (path / ".zgroup").is_file() or (path / ".zarray").is_file():
            return _zarr
        return _folder
    loaders = {".npy": _npy, ".npz": _npz, ".tif": _tiff, ".tiff": _tiff}
    loaders |= dict.fromkeys((".h5", ".hdf5", ".nxs", ".hdf"), _hdf5)
    load = loaders.get(path.suffix.lower())
    if load is None:
        raise ScanError(f"{path.name} has no known volume format.", f"Known: {', '.join(loaders)}, .zarr.")
    return load


def _npy(path: Path) -> _Loaded:
    from .numpy_files import open_npy

    beside = path.with_name(f"{path.name}.json")  # npy has no room for a scale: fewview writes it beside
    attrs = _json(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    return np.asarray(open_npy(path)), _positive(attrs.get("voxel_mm")), attrs


def _npz(path: Path) -> _Loaded:
    from .numpy_files import load_npz

    found = load_npz(path)
    volumes = {name: array for name, array in found.items() if array.ndim in (2, 3) and min(array.shape) > 0}
    if len(volumes) != 1 and "volume" not in volumes:
        raise ScanError(f"{path.name} holds the arrays {', '.join(found)}.", "Save one volume, named 'volume'.")
    values = volumes.get("volume", next(iter(volumes.values())))
    voxel = found.get("voxel_mm")
    return values, None if voxel is None else _positive(voxel), {}


def _tiff(path: Path) -> _Loaded:
    import tifffile

    from .tiff import describe

    describe(path)  # refuses what is damaged
    with tifffile.TiffFile(path) as file:
        values = file.asarray()
        voxel, attrs = _scale(file)
    if "slope" in attrs and values.dtype.kind in "iu":  # 16 bit with one scale per volume
        values = values * np.float32(attrs["slope"]) + np.float32(attrs["offset"])
    return values, voxel, attrs


def _scale(file: Any) -> tuple[float | None, dict[str, Any]]:
    """Voxel size in mm and the description of an open TIFF."""
    page = file.pages.first
    attrs = _json(page.description)
    unit, resolution = "", page.tags.get("XResolution")
    if file.imagej_metadata:
        unit = str(file.imagej_metadata.get("unit", ""))
        attrs |= _json(str(file.imagej_metadata.get("Info", "")))
    attrs |= attrs.pop("fewview", {})
    voxel = attrs.get("voxel_mm")
    factor = millimetres(unit.replace("\\u00B5", "u")) if unit else None
    # ImageJ keeps inches where nobody set a scale: not a voxel size.
    if voxel is None and factor is not None and unit != "inch" and resolution is not None and resolution.value[0]:
        voxel = factor * resolution.value[1] / resolution.value[0]
    return _positive(voxel), attrs


def _hdf5(path: Path, dataset: str | None = None) -> _Loaded:
    import h5py

    with open_hdf5(path) as file:
        found: dict[str, Any] = {}

        def collect(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.ndim in (2, 3):
                found[name] = node

        file.visititems(collect)
        usual = "volume" if "volume" in found or len(found) != 1 else next(iter(found))
        name = dataset or usual
        if name not in found:
            problem = f"{path.name} has no volume '{name}'; it has: {', '.join(found) or 'none'}."
            raise ScanError(problem, f"Name one as {path.name}:/NAME.")
        data = found[name]
        attrs = {key: _plain(value) for key, value in data.attrs.items()}
        voxel = attrs.get("voxel_mm", attrs.get("voxel_size_x"))
        attrs.setdefault("unit", unit_of(data))
        if "record" in file:
            attrs["record"] = _json(text(file["record"][()]))
        return data[()], _positive(voxel), attrs


def _zarr(path: Path) -> _Loaded:
    """Level 0 of the first multiscale image (OME-Zarr 0.4 and 0.5), or a bare array."""
    import zarr

    try:
        root = zarr.open(path, mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScanError(f"{path.name} cannot be read as Zarr ({error}).", COPY_AGAIN) from None
    if isinstance(root, zarr.Array):
        return np.asarray(root[...]), None, {}
    attrs = dict(root.attrs)
    multiscales = attrs.get("ome", attrs).get("multiscales")
    if not multiscales:
        raise ScanError(f"{path.name} is a Zarr group without a multiscale image.", "Give an OME-Zarr.")
    level = multiscales[0]["datasets"][0]
    values = root[level["path"]]
    axes = multiscales[0].get("axes", [])
    unit = next((axis.get("unit") for axis in axes if isinstance(axis, dict) and axis.get("name") == "x"), None)
    scale = next((one["scale"] for one in level.get("coordinateTransformations", []) if "scale" in one), None)
    factor = millimetres(unit) if unit else None
    array = np.asarray(values[...])
    while array.ndim > 3 and array.shape[0] == 1:  # a single time or channel
        array = array[0]
    attrs = attrs.get("fewview", {})
    return array, None if factor is None or scale is None else _positive(scale[-1] * factor), dict(attrs)


def _folder(path: Path) -> _Loaded:
    from .folder import read_folder

    found = read_folder(path, {"projection": "*"})
    frames = found.images
    assert frames is not None  # a folder without images is refused
    n, height, width = frames.shape
    values = frames.read(np.arange(n), (0, height), (0, width))
    voxel, attrs = _scale_of_slice(found.paths[1])
    if "slope" in attrs and frames.dtype.kind in "iu":
        values = values * np.float32(attrs["slope"]) + np.float32(attrs["offset"])
    return values, voxel, attrs


def _scale_of_slice(path: Path) -> tuple[float | None, dict[str, Any]]:
    """What the first slice of a folder says; all have the same size."""
    import tifffile

    if path.suffix.lower() not in (".tif", ".tiff"):
        return None, {}
    with tifffile.TiffFile(path) as file:
        return _scale(file)


def _positive(value: Any) -> float | None:
    return float(value) if value is not None and np.size(value) == 1 and float(value) > 0 else None


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, str)):
        return text(value)
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _json(said: str) -> dict[str, Any]:
    """A JSON object in a description, if it is one."""
    if not re.match(r"\s*\{", said or ""):
        return {}
    try:
        return dict(json.loads(said))
    except (json.JSONDecodeError, ValueError):
        return {}
