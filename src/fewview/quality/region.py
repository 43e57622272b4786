"""A box in a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from .arrays import as_volume

Span = tuple[int, int]


@dataclass(frozen=True)
class Region:
    """A box in the plane of the slices, in one slice, in some, or in all.

    Parameters
    ----------
    y, x : pair of int
        Rows and columns ``[start, stop)``.
    z : int, pair of int or None
        One slice, slices ``[start, stop)``, or all.
    """

    y: Span
    x: Span
    z: int | Span | None = None

    @classmethod
    def around(
        cls, point: tuple[float, float], size: Span, shape: tuple[int, ...], z: int | Span | None = None
    ) -> Region:
        """The box of ``size`` (y, x) centred at ``point`` (y, x), moved inside an image of ``shape`` (..., y, x).

        A box larger than the image is cut to it.

        Parameters
        ----------
        point : tuple[float, float]
        size : Span
            In pixels.
        shape : tuple[int, ...]
        z : int or Span, optional
            Slice, or first slice and the one after the last; None for all.

        Returns
        -------
        Region
            In whole pixels.
        """
        spans = []
        for centre, length, limit in zip(point, size, shape[-2:], strict=True):
            length = min(length, limit)
            start = int(np.clip(round(centre - (length - 1) / 2), 0, limit - length))
            spans.append((start, start + length))
        return cls(spans[0], spans[1], z)

    @property
    def size(self) -> Span:
        """Rows and columns."""
        return self.y[1] - self.y[0], self.x[1] - self.x[0]

    def window(self, shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
        """Slices that cut the region out of a volume of ``shape`` (z, y, x).

        Raises
        ------
        FewviewError
            If the region is empty or leaves the volume.
        """
        z = (0, shape[0]) if self.z is None else (self.z, self.z + 1) if isinstance(self.z, int) else self.z
        for name, (start, stop), size in (("z", z, shape[0]), ("y", self.y, shape[1]), ("x", self.x, shape[2])):
            if not 0 <= start < stop <= size:
                raise FewviewError(
                    f"The region's {name} = {start}:{stop} does not lie within 0:{size}.",
                    "Draw the region inside the volume.",
                )
        return slice(*z), slice(*self.y), slice(*self.x)

    def crop(self, volume: Any) -> NDArray[Any]:
        """The region of a volume (z, y, x), as a numpy array."""
        array = as_volume(volume, "volume")
        return array[self.window(array.shape)]
