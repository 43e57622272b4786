"""Sources made of other ones: some of the frames, several in a row, integers read as unsigned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import FrameSource, Span


@dataclass(frozen=True, eq=False)
class Picked:
    """Only these frames of a source."""

    source: FrameSource
    frames: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        return (len(self.frames), *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Type on disk."""
        return self.source.dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        return self.source.read(self.frames[np.asarray(frames)], rows, columns)


@dataclass(frozen=True, eq=False)
class Unsigned:
    """16-bit integers that were written as signed ones, read as what they are."""

    source: FrameSource

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype:
        """The type that holds them."""
        return np.dtype(np.uint16)

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        stored = self.source.read(frames, rows, columns)
        return np.where(stored < 0, stored + np.float32(65536), stored)


@dataclass(frozen=True, eq=False)
class Joined:
    """Several sources with frames of one size, one behind the other."""

    parts: tuple[FrameSource, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """A type that holds those of all parts."""
        return np.result_type(*(part.dtype for part in self.parts))

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        wanted = np.asarray(frames)
        out = np.empty((len(wanted), rows[1] - rows[0], columns[1] - columns[0]), dtype=np.float32)
        first = 0
        for part in self.parts:
            here = (wanted >= first) & (wanted < first + part.shape[0])
            if here.any():
                out[here] = part.read(wanted[here] - first, rows, columns)
            first += part.shape[0]
        return out
