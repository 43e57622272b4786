"""What every HDF5 reader shares: opening, links that lead nowhere, and frames of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from .images import COPY_AGAIN
from .units import text

_RUN = 64  # frames in one request: few calls, and no more than 64 frames in the library's hands


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
        reason = "truncated" if "truncated" in str(error) else "damaged, cut off or being written"
        raise ScanError(f"{path.name} cannot be read as HDF5: it is {reason} ({error}).", COPY_AGAIN) from None
    with file:
        yield file


def reach(group: Any, name: str) -> Any:
    """A group or dataset; None where there is none, or where its link leads nowhere."""
    try:
        return group[name]
    except (KeyError, OSError):
        return None


def dangling(group: Any, name: str, path: Path) -> ScanError | None:
    """Why a dataset is not there although the file names it: the missing file or path that its link points to.

    Virtual datasets count too: HDF5 fills in zeros, silently, for every source file that is not there.
    """
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        target = Path(link.filename)
        target = target if target.is_absolute() else path.parent / target
        if not target.is_file():
            return _missing_file(path, name, link.filename)
    if isinstance(link, h5py.SoftLink) and name not in group:
        parent, _, last = link.path.rpartition("/")
        if parent in ("", "/") or parent in group:
            further = dangling(group[parent or "/"], last, path) if last in (group[parent or "/"]) else None
            if further is not None:
                return further
        return ScanError(f"{path.name}: {name} is a link to {link.path}, which is not in the file.", COPY_AGAIN)
    try:
        node = group[name]
    except KeyError as error:
        return ScanError(f"{path.name}: {name} cannot be opened: {error}.", COPY_AGAIN)
    if isinstance(node, h5py.Dataset) and node.is_virtual:
        for source in node.virtual_sources():
            if source.file_name != "." and not (path.parent / source.file_name).is_file():
                return _missing_file(path, name, source.file_name)
    return None


def _missing_file(path: Path, name: str, target: str) -> ScanError:
    return ScanError(
        f"{path.name} holds no pixels: its dataset '{name}' is a link to the file {target}, which is not there.",
        f"Copy {Path(target).name} from where it was measured to that place, or name it instead of {path.name}.",
    )


@dataclass(frozen=True, eq=False)
class HDF5Frames:
    """Some frames of a dataset. The file is open only while it reads, so a scan travels to other processes.

    Parameters
    ----------
    path : Path
    dataset : str
    shape : (int, int, int)
        Of these frames; a two-dimensional dataset counts as one frame.
    dtype : numpy.dtype
    picks : array of int, optional
        Which frames of the dataset; all by default.
    """

    path: Path
    dataset: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    picks: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, path: Path, group: Any, name: str, picks: NDArray[np.intp] | None = None) -> HDF5Frames:
        """Frames of a dataset with two or three dimensions in a group of an open file.

        The dataset is remembered by the way it was reached: behind a link its own name belongs to another file.
        """
        dataset = group[name]
        *many, height, width = dataset.shape
        if len(many) > 1:
            raise ScanError(
                f"{path.name}: {name} has {dataset.ndim} dimensions {dataset.shape}.",
                "Save one scan with the dimensions (angle, row, column).",
            )
        if dataset.dtype.kind not in "iufb":
            raise ScanError(f"{path.name}: {name} holds {dataset.dtype}, no real numbers.", "Name the frames.")
        count = (many[0] if many else 1) if picks is None else len(picks)
        if not count * height * width:
            shape = " x ".join(map(str, dataset.shape))
            raise ScanError(f"{path.name}: {name} is empty ({shape}).", "Was the scan ended before its first frame?")
        return cls(path, f"{group.name}/{name}", (count, height, width), dataset.dtype, picks)

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        wanted = np.asarray(frames) if self.picks is None else self.picks[np.asarray(frames)]
        out = np.empty((len(wanted), rows[1] - rows[0], columns[1] - columns[0]), dtype=np.float32)
        window = (slice(*rows), slice(*columns))
        with open_hdf5(self.path) as file:
            dataset = file[self.dataset]
            try:
                if dataset.ndim == 2:
                    out[:] = dataset[window]
                    return out
                for start, stop, first, last, step in _runs(wanted):
                    out[start:stop] = dataset[(slice(first, last + 1, step), *window)]
            except OSError as error:
                raise ScanError(f"{self.path.name}: {self.dataset} cannot be read: {error}.", COPY_AGAIN) from None
        return out


def _runs(wanted: NDArray[np.intp]) -> Iterator[tuple[int, int, int, int, int]]:
    """Cut indices into runs of equal positive step, which HDF5 reads in one go: (start, stop, first, last, step)."""
    start = 0
    while start < len(wanted):
        stop = start + 1
        step = int(wanted[stop] - wanted[start]) if stop < len(wanted) else 1
        if step > 0:
            while stop < len(wanted) and stop - start < _RUN and wanted[stop] - wanted[stop - 1] == step:
                stop += 1
        yield start, stop, int(wanted[start]), int(wanted[stop - 1]), max(step, 1)
        start = stop


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
