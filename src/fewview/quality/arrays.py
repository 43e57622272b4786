"""Arrays of either library as float64 volumes, checked once for all metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError


def as_numpy(values: Any) -> NDArray[Any]:
    """A numpy array of ``values``: a numpy array, a torch tensor on any device, or nested lists."""
    if hasattr(values, "detach"):  # a tensor, recognised without importing torch
        values = values.detach().cpu().numpy()
    return np.asarray(values)


def as_volume(values: Any, name: str) -> NDArray[Any]:
    """``values`` as an array of shape (z, y, x); an image (y, x) becomes a volume of one slice."""
    array = as_numpy(values)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.size == 0:
        raise FewviewError(f"The {name} has shape {array.shape}.", "Give a volume (z, y, x) or an image (y, x).")
    return array


def as_pair(values: Any, reference: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Volume and reference, of one shape."""
    volume, truth = as_volume(values, "volume"), as_volume(reference, "reference")
    if volume.shape != truth.shape:
        raise FewviewError(
            f"The volume is {_size(volume)} and the reference {_size(truth)} pixels (z, y, x).",
            "Bring both to one grid before comparing them.",
        )
    return volume, truth


def require_finite(array: NDArray[Any], name: str) -> None:
    """Refuse NaN and infinity, with their number: a metric of them would be NaN without a word."""
    bad = int(array.size - np.count_nonzero(np.isfinite(array)))
    if bad:
        raise FewviewError(f"The {name} holds {bad} values that are not numbers.", "Mask them, or choose a region.")


def _size(array: NDArray[Any]) -> str:
    return " x ".join(str(n) for n in array.shape)
