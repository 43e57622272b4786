"""Single outlying pixels: gamma hits and hot pixels, as neutron cameras have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NORMAL_MAD = 0.6745
_SLIGHT = 0.1  # of the local median: a smaller excess is no zinger, however quiet the detector


def find_zingers(
    frame: NDArray[np.float32], threshold: float = 6.0, size: int = 5, *, dark_too: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Pixels that stand out of the median of their neighbourhood.

    Noise is taken to grow with the square root of the counts, as Poisson noise does; its scale comes from the frame.

    Parameters
    ----------
    frame : array, shape (v, u)
        Counts; values that are not numbers are nobody's zinger.
    threshold : float
        Standard deviations.
    size : int
        Side of the window; spots up to about half of it are found.
    dark_too : bool
        Dark outliers as well.

    Returns
    -------
    found : array of bool, shape (v, u)
    median : array, shape (v, u)
        What to put in their place.
    """
    from scipy.ndimage import median_filter

    finite = np.isfinite(frame)
    clean = np.where(finite, frame, np.float32(np.median(frame[finite])) if finite.any() else np.float32(0))
    median = median_filter(clean, size=size, mode="nearest")
    excess = clean - median
    root = np.sqrt(np.maximum(median, 1.0))
    scale = np.median(np.abs(excess / root)) / _NORMAL_MAD
    limit = np.maximum(threshold * scale * root, _SLIGHT * np.abs(median))
    found = (excess > limit) | (dark_too & (excess < -limit))
    return found & finite, median
