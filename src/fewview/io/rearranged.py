"""Images whose axes are not (angle, v, u): sinograms, and arrays that put the detector first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import FrameSource, Span


@dataclass(frozen=True, eq=False)
class Rearranged:
    """A view of another source with its axes in another order. Lazy: the same pixels leave the disk.

    Parameters
    ----------
    source : FrameSource
        Axes as stored.
    order : tuple of int
        For each of (angle, v, u), the axis of the source that holds it, as in :func:`numpy.transpose`.
    """

    source: FrameSource
    order: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        a, b, c = (self.source.shape[axis] for axis in self.order)
        return a, b, c

    @property
    def dtype(self) -> np.dtype:
        """Type on disk."""
        return self.source.dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        wanted = [np.asarray(frames), np.arange(*rows), np.arange(*columns)]
        stored = [wanted[self.order.index(axis)] for axis in range(3)]
        spans = [(int(index.min()), int(index.max()) + 1) if len(index) else (0, 0) for index in stored[1:]]
        raw = self.source.read(stored[0], spans[0], spans[1])
        raw = raw[:, stored[1] - spans[0][0]][:, :, stored[2] - spans[1][0]]
        return np.ascontiguousarray(raw.transpose(self.order))
