"""Frames that stay on disk until asked for, and the window of them that a scan looks through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Span = tuple[int, int]


@runtime_checkable
class FrameSource(Protocol):
    """Detector frames ``(n, v, u)`` of any origin; one reader module each implements it.

    Only what is asked for may leave the disk.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type on disk."""
        ...

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """Frames with these indices within a detector window, as float32 ``(len(frames), v, u)``.

        Parameters
        ----------
        frames : ndarray of intp, shape (count,)
            Indices.
        rows : Span
            First detector row, and the one after the last.
        columns : Span
            The same of columns.

        Returns
        -------
        ndarray of float32, shape (count, v, u)
            Values as stored, in the order of ``frames``.
        """
        ...


@dataclass(frozen=True, eq=False)
class ArrayFrames:
    """Frames that are in memory already (or in anything that slices like an array: memmap, h5py, zarr).

    Parameters
    ----------
    array : array, shape (n, v, u)
    """

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        n, v, u = self.array.shape
        return n, v, u

    @property
    def dtype(self) -> np.dtype:
        """Type of the array."""
        return self.array.dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`FrameSource`."""
        window = self.array[:, rows[0] : rows[1], columns[0] : columns[1]]
        stored = window[frames]
        return as_float32(stored, np.empty(stored.shape, dtype=np.float32))


def as_float32(values: NDArray[Any], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values written to ``out``, of the same shape; those beyond what float32 holds become endless."""
    with np.errstate(over="ignore"):
        out[...] = values
    return out


@dataclass(frozen=True, eq=False)
class Window:
    """Which frames, rows and columns of a source are looked at, and how they are binned.

    ``rows`` and ``columns`` count pixels of the source, before binning.
    """

    frames: NDArray[np.intp]
    rows: Span
    columns: Span
    bin: int = 1

    @classmethod
    def whole(cls, shape: tuple[int, int, int]) -> Self:
        """All of a source of this shape."""
        return cls(np.arange(shape[0], dtype=np.intp), (0, shape[1]), (0, shape[2]))

    def select(self, frames: ArrayLike) -> Self:
        """Fewer frames: indices (or a mask) into those of this window."""
        return replace(self, frames=self.frames[np.asarray(frames)])

    def crop(self, rows: Span, columns: Span) -> Self:
        """A part of this window, in its own binned pixels."""
        return replace(
            self,
            rows=(self.rows[0] + rows[0] * self.bin, min(self.rows[0] + rows[1] * self.bin, self.rows[1])),
            columns=(self.columns[0] + columns[0] * self.bin, self.columns[0] + columns[1] * self.bin),
        )

    def binned(self, factor: int) -> Self:
        """A coarser window; what does not fill a bin falls off at the end, unless it is all there is of rows."""
        size = self.bin * factor
        rows = self.rows[1] - self.rows[0]
        rows = rows // size * size or rows
        columns = (self.columns[1] - self.columns[0]) // size * size
        return replace(
            self,
            rows=(self.rows[0], self.rows[0] + rows),
            columns=(self.columns[0], self.columns[0] + columns),
            bin=size,
        )

    def read(self, source: FrameSource, *, binned: bool = True) -> NDArray[np.float32]:
        """Frames of ``source`` through this window, float32 ``(n, v, u)``; ``binned=False`` leaves full pixels."""
        raw = source.read(self.frames, self.rows, self.columns)
        return bin_mean(raw, self.bin) if binned else raw


def bin_mean(frames: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Mean over ``factor`` x ``factor`` pixels of frames ``(n, v, u)``; fewer rows than ``factor`` become one."""
    if factor == 1:
        return np.asarray(frames, dtype=np.float32)
    n, v, u = frames.shape
    high = min(factor, v)
    blocks = frames[:, : v // high * high, : u // factor * factor]
    blocks = blocks.reshape(n, v // high, high, u // factor, factor)
    result: NDArray[np.float32] = blocks.mean(axis=(2, 4), dtype=np.float64).astype(np.float32)
    return result
