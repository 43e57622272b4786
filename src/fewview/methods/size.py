"""How large a run is, or a slab of it: what a forecast of memory goes by."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """Of the run, or the slab, whose memory is forecast.

    Parameters
    ----------
    slices, views, columns : int
        Of the line integrals.
    grid : int
        Pixels along each side of a slice.
    device : str
        cpu or cuda.
    weighted : bool
        Whether the line integrals have weights of their own.
    """

    slices: int
    views: int
    columns: int
    grid: int
    device: str = "cpu"
    weighted: bool = False

    @property
    def image(self) -> int:
        """Bytes of one slice, float32."""
        return 4 * self.grid**2
