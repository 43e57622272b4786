"""``read_volume``: a finished volume (the X-ray side, or a reference) from the formats that fewview writes and more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from .damaged import COPY_AGAIN, reading
from .hdf5 import datasets, open_hdf5, unit_of
from .request import require_said
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


@dataclass(frozen=True)
class _Stored:
    """A volume that is still on disk.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) or (y, x), or what is no volume.
    part : callable
        ``part(start, stop)``: some slices (z, y, x); of an image the image itself.
    voxel, attrs
        As in :class:`Volume`.
    deep : int
        Slices that are stored together, and cost as much as one of them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    part: Callable[[int, int], NDArray[Any]]
    voxel: float | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    deep: int = 1


_DATASET = re.compile(r"(.+\.(?:h5|hdf5|hdf|nxs)):/?([^:]+)$", re.IGNORECASE)
_AT_ONCE = 2**23  # bytes between two looks at the stop: some tenths of a second from a slow disk
_Tick = Callable[[], None]
_Opener = Callable[[Path, _Tick], AbstractContextManager[_Stored]]


def read_volume(path: str | Path, tick: _Tick = lambda: None) -> Volume:
    """Read a volume: npy, npz, TIFF (file or folder), HDF5, OME-Zarr (finest level). A slice becomes ``(1, y, x)``.

    Parameters
    ----------
    path : str or Path
        In an HDF5 file with several datasets one is named as ``FILE.h5:/NAME``, e.g. ``sample.h5:/truth/neutron``.
    tick : callable
        Called before each few megabytes; what it raises ends the reading.

    Raises
    ------
    ScanError
        Missing, damaged, of no known format, or not two- or three-dimensional.
    """
    require_said("path", path)
    named = _DATASET.match(str(path))
    path = Path(named[1] if named else path)
    if not path.exists():
        raise ScanError(f"There is no volume {path}.", "Check the path.")
    with _hdf5(path, tick, named[2]) if named else _opener(path)(path, tick) as stored:
        if len(stored.shape) not in (2, 3) or stored.dtype.kind not in "iufb" or not all(stored.shape):
            shape = " x ".join(map(str, stored.shape))
            raise ScanError(
                f"{path.name} holds an array ({shape}, {stored.dtype}), not a volume.", "It should be (z, y, x)."
            )
        return Volume(_values(stored, tick), stored.voxel, stored.attrs, path)


def _values(stored: _Stored, tick: _Tick) -> NDArray[np.float32]:
    """All slices as float32, with the scale of integers, a few at a time."""
    shape = stored.shape if len(stored.shape) == 3 else (1, *stored.shape)
    values = np.empty(shape, dtype=np.float32)
    scaled = "slope" in stored.attrs and stored.dtype.kind in "iu"  # 16 bit with one scale per volume
    step = max(1, _AT_ONCE // (shape[1] * shape[2] * stored.dtype.itemsize)) // stored.deep * stored.deep
    for start in range(0, shape[0], max(step, stored.deep)):
        tick()
        stop = min(start + max(step, stored.deep), shape[0])
        values[start:stop] = stored.part(start, stop)
        if scaled:
            values[start:stop] *= np.float32(stored.attrs["slope"])
            values[start:stop] += np.float32(stored.attrs["offset"])
    return values


def _opener(path: Path) -> _Opener:
    if path.is_dir():
        if (path / "zarr.json").is_file() or (path / ".zgroup").is_file() or (path / ".zarray").is_file():
            return _zarr
        return _folder
    openers: dict[str, _Opener] = {".npy": _npy, ".npz": _npz, ".tif": _tiff, ".tiff": _tiff}
    openers |= dict.fromkeys((".h5", ".hdf5", ".nxs", ".hdf"), _hdf5)
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise ScanError(f"{path.name} has no known volume format.", f"Known: {', '.join(openers)}, .zarr.")
    return opener


@contextmanager
def _npy(path: Path, tick: _Tick) -> Iterator[_Stored]:
    from .numpy_files import open_npy

    beside = path.with_name(f"{path.name}.json")  # npy has no room for a scale: fewview writes it beside
    attrs: dict[str, Any] = {}
    if beside.is_file():
        with reading(beside, "the record of a volume"):
            attrs = dict(json.loads(beside.read_text(encoding="utf-8")))
    array = open_npy(path)
    yield _Stored(array.shape, array.dtype, lambda i, j: array[i:j], _positive(attrs.get("voxel_mm")), attrs)


@contextmanager
def _npz(path: Path, tick: _Tick) -> Iterator[_Stored]:
    from .numpy_files import load_npz

    found = load_npz(path, tick)
    volumes = {name: array for name, array in found.items() if array.ndim in (2, 3) and min(array.shape) > 0}
    if len(volumes) != 1 and "volume" not in volumes:
        raise ScanError(f"{path.name} holds the arrays {', '.join(found)}.", "Save one volume, named 'volume'.")
    values = volumes.get("volume", next(iter(volumes.values())))
    voxel = found.get("voxel_mm")
    yield _Stored(values.shape, values.dtype, _slices_of(values), None if voxel is None else _positive(voxel))


def _slices_of(array: Any) -> Callable[[int, int], NDArray[Any]]:
    """Reads slices of what is indexed like an array: in memory, or of a file."""
    if array.ndim == 2:
        return lambda start, stop: np.asarray(array[...])[None]
    lead = (0,) * (array.ndim - 3)  # of a single time or channel
    return lambda start, stop: np.asarray(array[(*lead, slice(start, stop))])


def _blocks_of(array: Any, tick: _Tick) -> Callable[[int, int], NDArray[Any]]:
    """As :func:`_slices_of`, of a file stored in chunks: as many rows of them at once as are looked at the stop."""
    chunks = getattr(array, "chunks", None)
    if array.ndim == 2 or chunks is None:
        return _slices_of(array)
    lead = (0,) * (array.ndim - 3)
    height, width = array.shape[-2:]
    tall = chunks[-2]
    high = max(tall, _AT_ONCE // (chunks[-3] * width * array.dtype.itemsize) // tall * tall)

    def part(start: int, stop: int) -> NDArray[Any]:
        out = np.empty((stop - start, height, width), dtype=array.dtype)
        for top in range(0, height, high):
            tick()
            rows = slice(top, top + high)
            out[:, rows] = array[(*lead, slice(start, stop), rows)]
        return out

    return part


@contextmanager
def _tiff(path: Path, tick: _Tick) -> Iterator[_Stored]:
    import tifffile

    from . import tiff

    about = tiff.describe(path)  # refuses what is damaged
    with reading(path, "TIFF"), tifffile.TiffFile(path) as file:
        voxel, attrs = _scale(file)
        shape = file.series[0].shape if len(file.series) == 1 else ()
    size = (about.height, about.width)
    if len(shape) < 4 or about.count == 1:
        shape = (about.count, *size)
    yield _Stored(
        shape, about.dtype, lambda i, j: tiff.read(path, list(range(i, j)), (0, size[0]), (0, size[1])), voxel, attrs
    )


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


@contextmanager
def _hdf5(path: Path, tick: _Tick, dataset: str | None = None) -> Iterator[_Stored]:
    with open_hdf5(path) as file:
        found = {name: node for name, node in datasets(file).items() if node.ndim in (2, 3)}
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
        deep = data.chunks[0] if data.ndim == 3 and data.chunks else 1
        try:
            yield _Stored(data.shape, data.dtype, _blocks_of(data, tick), _positive(voxel), attrs, deep)
        except OSError as error:
            raise ScanError(f"{path.name}: {name} cannot be read: {error}.", COPY_AGAIN) from None


@contextmanager
def _zarr(path: Path, tick: _Tick) -> Iterator[_Stored]:
    """Level 0 of the first multiscale image (OME-Zarr 0.4 and 0.5), or a bare array."""
    import zarr

    with reading(path, "Zarr"):
        root = zarr.open(path, mode="r")
        if isinstance(root, zarr.Array):
            yield _of_zarr(root, tick)
            return
        attrs = dict(root.attrs)
        try:
            level, voxel = _finest(attrs.get("ome", attrs)["multiscales"][0])
        except (KeyError, IndexError, TypeError, AttributeError):
            problem = f"{path.name} is a Zarr group without a multiscale image."
            raise ScanError(problem, "Give an OME-Zarr.") from None
        yield _of_zarr(root[level], tick, voxel, dict(attrs.get("fewview", {})))


def _finest(image: dict[str, Any]) -> tuple[str, float | None]:
    """Path of the finest level of a multiscale image, and its voxel size in mm."""
    level = image["datasets"][0]
    axes = image.get("axes", [])
    unit = next((axis.get("unit") for axis in axes if isinstance(axis, dict) and axis.get("name") == "x"), None)
    scale = next((one["scale"] for one in level.get("coordinateTransformations", []) if "scale" in one), None)
    factor = millimetres(unit) if unit else None
    voxel = None if factor is None or scale is None else _positive(scale[-1] * factor)
    return level["path"], voxel


def _of_zarr(array: Any, tick: _Tick, voxel: float | None = None, attrs: dict[str, Any] | None = None) -> _Stored:
    more = array.ndim - 3
    shape = array.shape[more:] if more > 0 and set(array.shape[:more]) == {1} else array.shape
    deep = array.chunks[-3] if len(shape) == 3 else 1
    return _Stored(shape, array.dtype, _blocks_of(array, tick), voxel, attrs or {}, deep)


@contextmanager
def _folder(path: Path, tick: _Tick) -> Iterator[_Stored]:
    from .folder import read_folder

    found = read_folder(path, {"projection": "*"})
    frames = found.images
    assert frames is not None  # a folder without images is refused
    _, height, width = frames.shape
    voxel, attrs = _scale_of_slice(found.paths[1])
    yield _Stored(
        frames.shape,
        frames.dtype,
        lambda start, stop: frames.read(np.arange(start, stop), (0, height), (0, width)),
        voxel,
        attrs,
    )


def _scale_of_slice(path: Path) -> tuple[float | None, dict[str, Any]]:
    """What the first slice of a folder says; all have the same size."""
    import tifffile

    if path.suffix.lower() not in (".tif", ".tiff"):
        return None, {}
    with reading(path, "TIFF"), tifffile.TiffFile(path) as file:
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
