"""Noise and sharpness of an image without a reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_numpy, as_volume, require_finite

MAD = 0.6744897501960817  # median absolute deviation of a unit normal
FLAT = 0.25  # the flattest quarter of an image is taken for flat
EDGE_REACH = 12  # px on each side of an edge that its profile is taken over
EDGE_OVER_NOISE = 6.0  # an edge lower than this many standard deviations is not called an edge


def noise(volume: Any) -> float:
    """Standard deviation of the noise where the image is flat, in the unit of the volume.

    The flattest quarter of each slice is chosen by its smoothed gradient; there the median absolute deviation of
    the high-pass [1, -2, 1] x [1, -2, 1] (which no plane reaches) is scaled to a standard deviation. White noise
    is assumed: a reconstruction smooths noise, and then the figure compares images rather than measuring counts.
    """
    from scipy.ndimage import convolve, gaussian_filter

    array = as_volume(volume, "volume").astype(np.float64)
    require_finite(array, "volume")
    line = np.array([1.0, -2.0, 1.0])
    kernel = np.outer(line, line)  # gain sqrt(sum k^2) = 6 on white noise
    values = []
    for image in array:
        smooth = gaussian_filter(image, 2.0)
        slope = np.hypot(*np.gradient(smooth))
        flat = slope <= np.quantile(slope, FLAT)
        values.append(np.abs(convolve(image, kernel)[flat]))
    return float(np.median(np.concatenate(values)) / (6.0 * MAD))


def edge_width(image: Any) -> float | None:
    """10-90 % width of the strongest edge in an image (y, x), in pixels.

    The profile runs along the gradient through the point of steepest (smoothed) slope and is averaged over
    lines on both sides of it. One pixel is the least that sampling can tell; None where no edge stands out from
    the noise, or where the image is too small to show both sides of one.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    values = np.asarray(as_numpy(image), dtype=np.float64)
    if values.ndim != 2 or min(values.shape) < 7 or not np.all(np.isfinite(values)) or np.ptp(values) == 0:
        return None
    smooth = gaussian_filter(values, 1.5)
    slope_y, slope_x = np.gradient(smooth)
    slope = np.hypot(slope_y, slope_x)
    # Not beside the border, where there is no room for both sides of an edge.
    margin = max(3, min(EDGE_REACH, min(values.shape) // 4))
    inner = slope[margin:-margin, margin:-margin]
    at = np.array(np.unravel_index(int(np.argmax(inner)), inner.shape), dtype=np.float64) + margin
    row, column = int(at[0]), int(at[1])
    across = np.array([slope_y[row, column], slope_x[row, column]]) / max(slope[row, column], 1e-300)
    along = np.array([-across[1], across[0]])
    reach = min(EDGE_REACH, *(int(v) for v in (row, column, values.shape[0] - 1 - row, values.shape[1] - 1 - column)))
    distance = np.arange(-reach, reach + 1e-9, 0.25)
    offsets = np.arange(-2.0, 3.0)
    points = at[:, None, None] + along[:, None, None] * offsets[None, :, None] + across[:, None, None] * distance
    lines = map_coordinates(values, points, order=1, mode="nearest")
    return _width(distance, lines.mean(axis=0), float(noise(values)) / np.sqrt(len(offsets)))


def _width(distance: NDArray[np.float64], profile: NDArray[np.float64], sigma: float) -> float | None:
    """10-90 % width of a rising profile between its levels on both sides; None without an edge above the noise."""
    middle = len(profile) // 2
    # The levels are those where the rise through the middle ends, not those of some other edge farther away.
    start, stop = middle, middle
    while start > 0 and profile[start - 1] < profile[start]:
        start -= 1
    while stop < len(profile) - 1 and profile[stop + 1] > profile[stop]:
        stop += 1
    low, high = profile[start], profile[stop]
    if stop - start < 2 or high - low <= EDGE_OVER_NOISE * sigma or high <= low:
        return None
    rise = (profile[start : stop + 1] - low) / (high - low)
    ten, ninety = np.interp([0.1, 0.9], rise, distance[start : stop + 1])
    return float(ninety - ten)
