"""Frames of an HDF5 dataset: read in pieces that fit its chunks, each of them decompressed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from .damaged import COPY_AGAIN
from .hdf5 import open_hdf5

_RUN = 64  # frames in one request: few calls, and no more than 64 frames in the library's hands
_PIECE = 128 << 20  # bytes of one request, unless a single chunk is larger
_OWN_FILTERS = 256  # filters from here on come with plugins


@dataclass(frozen=True, eq=False)
class HDF5Frames:
    """The frames of a dataset. The file is open only while it reads, so a scan travels to other processes.

    Parameters
    ----------
    path : Path
    dataset : str
    shape : (int, int, int)
        Of the frames; a two-dimensional dataset counts as one frame, all dimensions before the last two as one.
    dtype : numpy.dtype
    """

    path: Path
    dataset: str
    shape: tuple[int, int, int]
    dtype: np.dtype

    @classmethod
    def of(cls, path: Path, group: Any, name: str) -> HDF5Frames:
        """Frames of a dataset with two or more dimensions in a group of an open file.

        The dataset is remembered by the way it was reached: behind a link its own name belongs to another file.

        Parameters
        ----------
        path : Path
            Of the file.
        group : Any
            Open.
        name : str
            Of the dataset in it.

        Returns
        -------
        HDF5Frames
            Not read yet: (frames, v, u), of the dataset's own type.

        Raises
        ------
        ScanError
            No real numbers, empty, several scans in one, or compressed by a filter that is not installed.
        """
        dataset = group[name]
        *many, height, width = dataset.shape
        if len(many) > 1 and max(many) != int(np.prod(many)):
            raise ScanError(
                f"{path.name}: {name} has {dataset.ndim} dimensions {dataset.shape}.",
                "Save one scan with the dimensions (angle, row, column).",
            )
        if dataset.dtype.kind not in "iufb":
            raise ScanError(f"{path.name}: {name} holds {dataset.dtype}, no real numbers.", "Name the frames.")
        count = int(np.prod(many, dtype=int))
        if not count * height * width:
            shape = " x ".join(map(str, dataset.shape))
            raise ScanError(f"{path.name}: {name} is empty ({shape}).", "Was the scan ended before its first frame?")
        load_filters(path, dataset)
        return cls(path, f"{group.name}/{name}", (count, height, width), dataset.dtype)

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        wanted = np.asarray(frames)
        out = np.empty((len(wanted), rows[1] - rows[0], columns[1] - columns[0]), dtype=np.float32)
        with open_hdf5(self.path) as file:
            dataset = file[self.dataset]
            load_filters(self.path, dataset)
            try:
                if dataset.ndim == 2:
                    out[:] = dataset[slice(*rows), slice(*columns)]
                    return out
                lead = _long_axis(dataset.shape)
                deep = 1 if dataset.chunks is None else dataset.chunks[lead]
                if deep == 1:
                    for start, stop, first, last, step in _runs(wanted):
                        out[start:stop] = _piece(dataset, slice(first, last + 1, step), rows, columns)
                else:
                    self._read_chunks(dataset, wanted, rows, columns, deep, out)
            except OSError as error:
                raise ScanError(f"{self.path.name}: {self.dataset} cannot be read: {error}.", COPY_AGAIN) from None
        return out

    def _read_chunks(
        self, dataset: Any, wanted: NDArray[np.intp], rows: Span, columns: Span, deep: int, out: NDArray[np.float32]
    ) -> None:
        """Read what lies in chunks of several frames, a block of whole chunks at a time.

        Sinograms are stored so: each chunk holds all frames of a few rows, and reading a few frames costs as much as
        reading them all.
        """
        tall = dataset.chunks[-2]
        block = deep * max(1, _RUN // deep)
        size = block * (columns[1] - columns[0]) * dataset.dtype.itemsize
        high = tall * max(1, _PIECE // max(1, size * tall))
        for start in np.unique(wanted // block) * block:
            inside = np.flatnonzero((wanted >= start) & (wanted < start + block))
            first, last = int(wanted[inside].min()), int(wanted[inside].max()) + 1
            for top in range(rows[0] - rows[0] % tall, rows[1], high):
                part = (max(top, rows[0]), min(top + high, rows[1]))
                stored = _piece(dataset, slice(first, last), part, columns)
                out[inside, part[0] - rows[0] : part[1] - rows[0]] = (
                    stored
                    if len(inside) == last - first and _in_order(wanted[inside])
                    else stored[wanted[inside] - first]
                )


def load_filters(path: Path, dataset: Any) -> None:
    """Make the filters of a dataset known to HDF5: bitshuffle, Blosc, LZ4, Zstandard and others come with hdf5plugin.

    Raises
    ------
    ScanError
        A filter that it does not have either.
    """
    import h5py

    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    if not dataset.is_virtual and all(one[0] < _OWN_FILTERS for one in filters):
        return  # the sources of a virtual dataset have filters of their own
    import hdf5plugin  # noqa: F401  # registers its filters

    for one in filters:
        if not h5py.h5z.filter_avail(one[0]):
            name = one[3].decode("utf-8", "replace") or "unknown"
            raise ScanError(
                f"{path.name}: {dataset.name} is compressed with the HDF5 filter {one[0]} ({name}), "
                "which is not installed.",
                "Install the plugin of that filter, or save the file with gzip.",
            )


def _long_axis(shape: tuple[int, ...]) -> int:
    """Of the dimensions before the last two, the one that counts the frames: the others have length 1."""
    return int(np.argmax(shape[:-2]))


def _piece(dataset: Any, which: slice, rows: Span, columns: Span) -> NDArray[Any]:
    lead = _long_axis(dataset.shape)
    index = [slice(None)] * (dataset.ndim - 2)
    index[lead] = which
    stored = dataset[(*index, slice(*rows), slice(*columns))]
    result: NDArray[Any] = stored.reshape(-1, *stored.shape[-2:])
    return result


def _in_order(wanted: NDArray[np.intp]) -> bool:
    return bool(np.all(np.diff(wanted) == 1))


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
