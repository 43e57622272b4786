"""What frames hold, told from a few rows of them: counts, transmission or attenuation. And bytes in wrong order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..frames import FrameSource
from ..scan import Kind

_ROWS = 8
_FRAMES = 3
_LARGEST = 20.0  # -log of a transmission of 2e-9: no detector goes further


def sample(frames: FrameSource) -> NDArray[np.float32]:
    """A few rows from the middle of a few frames: enough to judge, and quick on any scan."""
    count, rows, columns = frames.shape
    picks = np.unique(np.linspace(0, count - 1, _FRAMES).round().astype(np.intp))
    start = max((rows - _ROWS) // 2, 0)
    return frames.read(picks, (start, min(start + _ROWS, rows)), (0, columns))


def guess_kind(values: NDArray[np.float32], dtype: np.dtype, has_flats: bool) -> tuple[Kind, str]:
    """Kind and the reason for it. Beside the sample, transmission is 1 and attenuation 0.

    Parameters
    ----------
    values : ndarray of float32
        Some pixels.
    dtype : np.dtype
        As stored.
    has_flats : bool
        Whether there are flats.

    Returns
    -------
    kind : {"counts", "transmission", "attenuation"}
    reason : str
        What in the values speaks for it.
    """
    if dtype.kind in "iub":
        return "counts", "whole numbers"
    if has_flats:
        return "counts", "there are flats"
    usable = values[np.isfinite(values)]
    if not usable.size:
        return "attenuation", "no usable value to judge by"
    low, high = np.percentile(usable, (0.5, 99.5))
    edge = max(values.shape[2] // 20, 1)
    beside = np.nanmedian(np.concatenate([values[..., :edge], values[..., -edge:]], axis=-1))
    if low > -0.1 and high < 1.3 and beside > 0.5:
        return "transmission", f"values {low:.2g} to {high:.2g}, about {beside:.2g} beside the sample"
    if low > 0 and high > 2 and beside > 0.8 * high:  # brightest beside the sample: no line integrals
        return "counts", f"values {low:.3g} to {high:.3g}, {beside:.3g} beside the sample"
    return "attenuation", f"values {low:.3g} to {high:.3g}, about {beside:.2g} beside the sample"


def scale_note(values: NDArray[np.float32], kind: Kind) -> str | None:
    """What is odd about the size of the values, if anything."""
    finite = values[np.isfinite(values)]
    high = float(np.percentile(finite, 99.5)) if finite.size else 0.0
    if kind == "attenuation" and high > _LARGEST:
        return (
            f"Values up to {high:.4g} are too large for line integrals (-log): their scale is arbitrary. "
            "If they are counts, say --kind counts and give --flats."
        )
    if kind == "transmission" and high > 2:
        return (
            f"Values up to {high:.4g} are too large for a transmission. If they are counts of a scan without flats, "
            "--prepare dose=edges scales each view to the open beam beside the sample."
        )
    return None


def swapped(values: NDArray[np.float32], dtype: np.dtype) -> bool:
    """Whether 16-bit pixels are far smoother with their bytes exchanged: then the file's byte order is wrong."""
    if dtype.kind not in "iu" or dtype.itemsize != 2 or values.size < 64:
        return False
    stored = values.astype(dtype.newbyteorder("="))
    return _roughness(stored) > 20 * _roughness(stored.byteswap()) > 0


def _roughness(values: NDArray[Any]) -> float:
    """Mean step between neighbours relative to the mean level."""
    pixels = values.astype(np.float64)
    return float(np.abs(np.diff(pixels, axis=2)).mean() / max(np.abs(pixels).mean(), 1e-12))
