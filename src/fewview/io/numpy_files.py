"""NumPy files: ``.npy`` as a memory map, ``.npz`` by the names of its arrays."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import ArrayFrames
from .damaged import reading
from .named_variables import Variables, read_named
from .scan_facts import Found, layout_of_name


def read_npy(path: Path) -> Found:
    """A single array: images ``(n, v, u)``, or one image. Nothing leaves the disk yet."""
    array = open_npy(path)
    return Found("NumPy array", (path,), ArrayFrames(array), layout_of_name(path.name))


def open_npy(path: Path) -> NDArray[Any]:
    """Memory map of a ``.npy`` file as ``(n, v, u)``.

    Raises
    ------
    ScanError
        Damaged, or not a stack of images.
    """
    with reading(path, "a NumPy array"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    return as_images(array, path.name)


def as_images(array: NDArray[Any], name: str) -> NDArray[Any]:
    """An array as images ``(n, v, u)``.

    Raises
    ------
    ScanError
        Other than two or three dimensions, or no real numbers.
    """
    if array.ndim not in (2, 3) or array.dtype.kind not in "iufb" or array.size == 0:
        shape = " x ".join(map(str, array.shape))
        raise ScanError(
            f"{name} holds an array of shape ({shape}) and type {array.dtype}.",
            "A scan has the shape (angle, row, column), or (angle, column) for a sinogram.",
        )
    return array if array.ndim == 3 else array[None]


class _Heard(io.BufferedReader):
    """A file that tells of each piece that is read."""

    def __init__(self, path: Path, tick: Callable[[], None]) -> None:
        super().__init__(io.FileIO(path))
        self._tick = tick

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._tick()
        return super().read(size)


def load_npz(path: Path, tick: Callable[[], None] = lambda: None) -> dict[str, NDArray[Any]]:
    """All arrays of an archive.

    Parameters
    ----------
    path : Path
    tick : callable
        Called before each piece that is read; what it raises ends the reading.

    Raises
    ------
    ScanError
        Damaged, or with pickled objects in it.
    """
    with (
        reading(path, "a NumPy archive"),
        _Heard(path, tick) as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return {name: archive[name] for name in archive.files}


def read_npz(path: Path, dataset: str | None) -> Found:
    """The arrays of an archive, told apart by name and shape."""
    arrays = load_npz(path)
    variables = Variables(arrays, lambda name: ArrayFrames(as_images(arrays[name], f"{path.name}: {name}")))
    return read_named(path, "NumPy archive", variables, dataset)
