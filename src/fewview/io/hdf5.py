"""What every HDF5 reader shares: opening, links that lead nowhere, and small values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScanError
from .damaged import COPY_AGAIN, reading, unreadable
from .units import text

_LISTED = 6  # names that a message shows


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """An HDF5 file, read only.

    Raises
    ------
    ScanError
        Damaged, cut off, or being written at this moment.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        state = "truncated" if "truncated" in str(error) else "damaged, cut off or being written"
        raise unreadable(path, "HDF5", error, state) from None
    with reading(path, "HDF5"), file:
        yield file


def members(group: Any) -> list[str]:
    """Names of what lies in a group; those that are no text, as where LabVIEW wrote Latin-1, are left out."""
    return [name for name in group if isinstance(name, str)]


def datasets(group: Any) -> dict[str, Any]:
    """All datasets in a group and below it, by their paths in it."""
    import h5py

    found: dict[str, Any] = {}

    def collect(name: str | bytes, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and isinstance(name, str):
            found[name] = node

    group.visititems(collect)
    return found


def reach(group: Any, name: str) -> Any:
    """A group or dataset; None where there is none, or where its link leads nowhere."""
    try:
        return group[name]
    except (KeyError, OSError):
        return None


def dangling(group: Any, name: str, path: Path, what: str = "holds no pixels") -> ScanError | None:
    """Why a dataset is not there although the file names it: the missing file or path that its link points to.

    Virtual datasets count too: HDF5 fills in zeros, silently, for every source file that is not there. Their sources
    lie beside the file that holds the virtual dataset, which may be another one behind a link.

    Parameters
    ----------
    group : Any
        Open group that names the dataset.
    name : str
        Of the dataset.
    path : Path
        Of the file.
    what : str, optional
        What follows from it, in words.

    Returns
    -------
    ScanError or None
        None where the dataset is there.
    """
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        target = Path(link.filename)
        target = target if target.is_absolute() else path.parent / target
        if not target.is_file():
            return _missing_file(path, name, link.filename, what)
        with open_hdf5(target) as other:
            if reach(other, link.path) is None:
                problem = f"{path.name} {what}: '{name}' is a link to {link.path} in {target.name}, which has no such."
                return ScanError(problem, COPY_AGAIN)
            parent, _, last = link.path.rstrip("/").rpartition("/")
            return dangling(other[parent or "/"], last, target, what) if last else None
    if isinstance(link, h5py.SoftLink) and name not in group:
        parent, _, last = link.path.rpartition("/")
        if parent in ("", "/") or parent in group:
            further = dangling(group[parent or "/"], last, path, what) if last in (group[parent or "/"]) else None
            if further is not None:
                return further
        return ScanError(f"{path.name} {what}: {name} is a link to {link.path}, which is not in the file.", COPY_AGAIN)
    try:
        node = group[name]
    except KeyError as error:
        return ScanError(f"{path.name}: {name} cannot be opened: {error}.", COPY_AGAIN)
    if isinstance(node, h5py.Dataset) and node.is_virtual:
        beside = Path(node.file.filename).parent
        for source in node.virtual_sources():
            if source.file_name != "." and not (beside / source.file_name).is_file():
                return _missing_file(path, name, source.file_name, what)
    return None


def _missing_file(path: Path, name: str, target: str, what: str) -> ScanError:
    return ScanError(
        f"{path.name} {what}: its dataset '{name}' is a link to the file {target}, which is not there.",
        f"Copy {Path(target).name} from where it was measured to that place"
        + (f", or name it instead of {path.name}." if what == "holds no pixels" else "."),
    )


def unit_of(dataset: Any) -> str:
    """The unit attribute of a dataset, empty without one."""
    for name in ("units", "unit"):
        if name in dataset.attrs:
            return text(dataset.attrs[name])
    return ""


def number(dataset: Any) -> float | None:
    """The single number in a dataset; None when it is not one."""
    if dataset is None or not hasattr(dataset, "shape") or dataset.size != 1 or dataset.dtype.kind not in "iuf":
        return None
    return float(np.asarray(dataset[()]).reshape(-1)[0])


def attribute(node: Any, name: str) -> float:
    """The number in an attribute; nan where it holds something else."""
    try:
        return float(np.asarray(node.attrs[name]).reshape(-1)[0])
    except (ValueError, TypeError, IndexError):
        return float("nan")


def listed(names: Iterable[str]) -> str:
    """A few names for a message of one line, and how many more there are."""
    names = list(names)
    shown = ", ".join(names[:_LISTED]) or "none"
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
