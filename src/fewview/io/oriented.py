"""Frames of a detector that lay on its side or showed a mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..frames import FrameSource, Span


@dataclass(frozen=True, eq=False)
class Oriented:
    """Frames turned by a right angle, so that a horizontal rotation axis stands upright, or with columns reversed.

    Parameters
    ----------
    source : FrameSource
        As stored.
    horizontal : bool
        Turn by 90 degrees: the last column becomes the first row. A turn, unlike a transposition, mirrors nothing.
    mirror : bool
        Reverse the columns, after the turn.
    """

    source: FrameSource
    horizontal: bool = False
    mirror: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        n, v, u = self.source.shape
        return (n, u, v) if self.horizontal else (n, v, u)

    @property
    def dtype(self) -> np.dtype:
        """Type on disk."""
        return self.source.dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        _, height, width = self.shape
        if self.mirror:
            columns = (width - columns[1], width - columns[0])
        if self.horizontal:
            stored = self.source.read(frames, columns, (height - rows[1], height - rows[0]))
            stored = np.rot90(stored, axes=(1, 2))
        else:
            stored = self.source.read(frames, rows, columns)
        return np.ascontiguousarray(stored[:, :, ::-1] if self.mirror else stored)
