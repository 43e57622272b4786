"""Values along a line through slices, for the profile plot. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def line_profile(
    image: NDArray[Any], start: ArrayLike, stop: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance (pixels) and value (linear interpolation) along a line of an image (y, x).

    Parameters
    ----------
    image : array, shape (y, x)
    start, stop : pair of float
        Ends (y, x) in pixels; points outside the image give NaN.

    Returns
    -------
    distance, value : ndarray of float64, shape (points,)
        About one point per pixel.
    """
    from scipy.ndimage import map_coordinates

    first, last = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
    length = float(np.hypot(*(last - first)))
    count = max(2, int(np.ceil(length)) + 1)
    along = np.linspace(0, 1, count)
    points = first[:, None] + (last - first)[:, None] * along
    values = map_coordinates(np.asarray(image, dtype=np.float64), points, order=1, mode="constant", cval=np.nan)
    return along * length, values
