"""Any other HDF5 file, by the names of its datasets; MATLAB 7.3 files are HDF5 with the axes reversed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .hdf5 import dangling, datasets, members, open_hdf5, reach, unit_of
from .hdf5_frames import HDF5Frames
from .named_variables import Variables, read_named
from .rearranged import Rearranged
from .scan_facts import Found
from .units import text


def read(path: Path, dataset: str | None) -> Found:
    """Facts of an HDF5 file without a known layout."""
    return _read(path, "HDF5", dataset, reverse=False)


def read_matlab73(path: Path, dataset: str | None) -> Found:
    """Facts of a MATLAB 7.3 file. MATLAB stores columns first, so every array appears transposed in HDF5."""
    return _read(path, "MATLAB 7.3", dataset, reverse=True)


def _read(path: Path, title: str, dataset: str | None, *, reverse: bool) -> Found:
    import h5py

    dataset = None if dataset is None else dataset.strip("/")
    with open_hdf5(path) as file:
        if dataset is not None and file.get(dataset, getlink=True) is not None:
            broken = dangling(file, dataset, path)
            if broken is not None:
                return Found(title, (path,), refusal=broken)
        arrays: dict[str, Any] = {}
        units: dict[str, str] = {}

        for name, node in datasets(file).items():
            if name.startswith("#"):  # "#refs#" is MATLAB's own
                continue
            if h5py.check_string_dtype(node.dtype) is not None and node.size == 1:
                arrays[name] = text(node[()])
            elif node.attrs.get("MATLAB_class", b"") == b"char":
                arrays[name] = "".join(chr(int(code)) for code in node[()].reshape(-1))
            else:
                arrays[name] = node
            units[name] = unit_of(node)

        if not any(getattr(array, "ndim", 0) >= 2 for array in arrays.values()):
            broken = _dangling_anywhere(file, path)
            if broken is not None:
                return Found(title, (path,), refusal=broken)

        def frames(name: str) -> HDF5Frames | Rearranged:
            stored = HDF5Frames.of(path, file, name)
            if not reverse:
                return stored
            return Rearranged(stored, (0, 2, 1) if arrays[name].ndim == 2 else (2, 1, 0))

        return read_named(path, title, Variables(arrays, frames, units), dataset)


def _dangling_anywhere(file: Any, path: Path) -> Any:
    """The first link in the file that leads nowhere."""
    import h5py

    seen = set()  # links may lead back

    def walk(group: Any) -> Any:
        if group in seen:
            return None
        seen.add(group)
        for name in members(group):
            node = reach(group, name)
            found = walk(node) if isinstance(node, h5py.Group) else dangling(group, name, path)
            if found is not None:
                return found
        return None

    return walk(file)
