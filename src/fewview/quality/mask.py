"""Where the object is, and where the scan can see at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_volume, require_finite


def object_mask(volume: Any) -> NDArray[np.bool_]:
    """Support of the object: Otsu's threshold on the smoothed volume, holes filled slice by slice, a margin added.

    The margin of 2 pixels all around has the edge of the object count.

    Parameters
    ----------
    volume : array or tensor, shape (z, y, x) or (y, x)
        Attenuation; the background is taken to be lower than the object.

    Returns
    -------
    array of bool, shape (z, y, x)
        All true where the volume is constant: then nothing tells object from background.
    """
    from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter
    from skimage.filters import threshold_otsu

    array = as_volume(volume, "volume").astype(np.float32)
    require_finite(array, "volume")
    smooth = gaussian_filter(array, (0, 2, 2))
    if np.ptp(smooth) == 0:
        return np.ones(array.shape, dtype=bool)
    mask = smooth > threshold_otsu(smooth)
    return np.stack([binary_dilation(binary_fill_holes(m), iterations=2) for m in mask])


def field_of_view(grid: int, columns: int, axis: float) -> NDArray[np.bool_]:
    """Pixels of a slice (grid x grid, at the detector's pitch) that every view sees.

    Parameters
    ----------
    grid : int
        Pixels on a side of the slice.
    columns : int
        Detector columns.
    axis : float
        0-based column of the rotation axis.

    Returns
    -------
    ndarray of bool, shape (grid, grid)
        True within the circle about the axis.
    """
    radius = min(axis + 0.5, columns - 0.5 - axis)
    offset = np.arange(grid) - (grid - 1) / 2
    result: NDArray[np.bool_] = np.hypot(offset[:, None], offset[None, :]) <= radius
    return result
