"""Write a volume, in the format that the name of the file asks for, with scale, unit and record inside."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..atomic_write import check_writable, written_whole
from ..errors import FewviewError
from .volume_out import PER_MM, PER_PIXEL, VolumeOut

# suffix -> module with `write(path, volume)`; loaded when used.
_FORMATS = {
    ".npy": "write_npy",
    ".tif": "write_tiff",
    ".tiff": "write_tiff",
    ".h5": "write_hdf5",
    ".hdf5": "write_hdf5",
    ".zarr": "write_zarr",
}


def write_volume(
    path: str | Path,
    volume: ArrayLike,
    *,
    voxel: float | None = None,
    unit: str | None = None,
    record: Mapping[str, Any] | None = None,
    bits: Literal[32, 16] = 32,
) -> Path:
    """Write a volume whole or not at all.

    Parameters
    ----------
    path : path
        Ends in ``.npy``, ``.tif``, ``.h5`` or ``.zarr`` (OME-Zarr). An older file of that name is replaced once
        the new one is complete.
    volume : array, shape (z, y, x) or (y, x)
        float32 values.
    voxel : float, optional
        Edge of a voxel in mm; None when unknown.
    unit : str, optional
        Of the values; "mm^-1", or "per pixel" when the voxel is unknown.
    record : mapping, optional
        Record of the run, stored inside the file (beside it for ``.npy``).
    bits : {32, 16}
        16 stores a TIFF as integers with one slope and one offset for the whole volume.

    Returns
    -------
    Path

    Raises
    ------
    FewviewError
        Unknown ending, full disk, read-only folder, ...
    """
    path = Path(path)
    values = np.asarray(volume, dtype=np.float32)
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3:
        raise FewviewError(f"A volume has three axes (z, y, x), this one {values.ndim}.")
    check_output(path, values.nbytes, bits=bits)
    out = VolumeOut(values, voxel, unit or (PER_PIXEL if voxel is None else PER_MM), dict(record or {}), bits)
    writer = importlib.import_module(f".{_FORMATS[path.suffix.lower()]}", __package__)
    with written_whole(path) as temporary:
        writer.write(temporary, out)
        sidecar = getattr(writer, "sidecar", None)
        if sidecar is not None:
            with written_whole(sidecar_path(path)) as beside:
                beside.write_text(sidecar(out), encoding="utf-8")
    return path


def check_output(path: str | Path, size: int, inputs: tuple[Path, ...] = (), bits: int = 32) -> None:
    """Refuse an output that cannot be written, before a run and not after it.

    Parameters
    ----------
    path : str or Path
        Volume to write.
    size : int
        Bytes that it will take.
    inputs : tuple[Path, ...], optional
        Files that the run reads.
    bits : int, optional
        Of the values, 32 or 16.

    Raises
    ------
    FewviewError
        Unknown ending, missing or read-only folder, full disk, or a name that belongs to an input.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise FewviewError(
            f"The ending '{path.suffix}' of {path} is not known.",
            "End the name of the output in .npy, .tif, .h5 or .zarr.",
        )
    if bits == 16 and not suffix.startswith(".tif"):
        raise FewviewError(f"16 bits per value are for TIFF, not for {path.name}.", "Write a .tif, or leave 32 bits.")
    check_writable(path, size, inputs)


def beside(path: str | Path, name: str) -> Path:
    """Where a further volume of a run lies: ``volume.tif`` and "std" give ``volume.std.tif``."""
    path = Path(path)
    return path.with_name(f"{path.stem}.{name}{path.suffix}")


def sidecar_path(path: Path) -> Path:
    """Where the record of a format without room for one lies."""
    return path.with_name(path.name + ".json")
