"""PSNR and SSIM, in the one convention of fewview.

The data range is max - min of the whole reference volume, also for a region; PSNR comes from the mean squared
error of the volume, in float64; SSIM is Wang's (Gaussian 11 x 11, sigma 1.5, population covariance), per slice,
averaged over slices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from .arrays import as_pair, as_volume, require_finite

if TYPE_CHECKING:
    from .region import Region

SSIM_SIGMA = 1.5  # px, of the window
SSIM_REACH = 5  # radius of the 11 x 11 window
SSIM_MINIMUM = 7  # px a side: below this a window statistic says nothing about the region


def data_range(reference: Any) -> float:
    """Max - min of the finite values of a reference volume.

    Raises
    ------
    FewviewError
        If the reference is constant, or holds no numbers: no metric can be scaled by it.
    """
    values = as_volume(reference, "reference")
    low, high = float(np.min(values)), float(np.max(values))
    if not np.isfinite(low) or not np.isfinite(high):
        finite = values[np.isfinite(values)]
        if not finite.size:
            raise FewviewError(
                "The reference holds no numbers (all of it is NaN or infinite), so nothing can be measured against it.",
                "Choose a reference that shows the object.",
            )
        low, high = float(finite.min()), float(finite.max())
    if not high > low:
        raise FewviewError(
            "The reference is constant, so PSNR and SSIM have no scale.",
            "Choose a reference that shows the object.",
        )
    return high - low


def psnr(
    x: Any,
    reference: Any,
    *,
    region: Region | None = None,
    mask: Any = None,
    value_range: float | None = None,
) -> float:
    """Peak signal-to-noise ratio in dB, from the mean squared error of the volume.

    Parameters
    ----------
    x, reference : array or tensor, shape (z, y, x) or (y, x)
    region : Region, optional
        Only there; the data range stays that of the whole reference.
    mask : boolean array, shape of the reference, optional
        Only where true, for instance within the object.
    value_range : float, optional
        ``data_range(reference)`` when it is known already.

    Returns
    -------
    float
        Infinite for equal volumes.

    Raises
    ------
    FewviewError
        Shapes that differ, values that are not numbers, a constant reference, an empty mask.
    """
    volume, truth = as_pair(x, reference)
    scale = data_range(truth) if value_range is None else value_range
    inside = None if mask is None else np.broadcast_to(as_volume(mask, "mask").astype(bool), truth.shape)
    if region is not None:
        window = region.window(truth.shape)
        volume, truth = volume[window], truth[window]
        inside = None if inside is None else inside[window]
    if inside is not None:
        if not inside.any():
            raise FewviewError("The mask leaves no pixel to compare.", "Widen the mask or the region.")
        volume, truth = volume[inside], truth[inside]
    require_finite(volume, "volume")
    require_finite(truth, "reference")
    error = float(np.mean((volume.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(scale**2 / error))


def ssim(x: Any, reference: Any, *, region: Region | None = None, value_range: float | None = None) -> float | None:
    """Structural similarity (Wang et al. 2004), averaged over the slices.

    Of a region: the mean of the slice's similarity map over the region's pixels, so that an 8 x 8 region has a
    value although the window is 11 x 11.

    Parameters
    ----------
    x, reference : array or tensor, shape (z, y, x) or (y, x)
    region : Region, optional
        Only there; the data range stays that of the whole reference.
    value_range : float, optional
        ``data_range(reference)`` when it is known already.

    Returns
    -------
    float or None
        None ("n/a") where a side is shorter than 7 pixels.

    Raises
    ------
    FewviewError
        As :func:`psnr`.
    """
    volume, truth = as_pair(x, reference)
    scale = data_range(truth) if value_range is None else value_range
    if region is None:
        planes, rows, columns = (slice(0, n) for n in truth.shape)
    else:
        planes, rows, columns = region.window(truth.shape)
    if min(rows.stop - rows.start, columns.stop - columns.start) < SSIM_MINIMUM:
        return None
    near = (planes, _widened(rows, truth.shape[1]), _widened(columns, truth.shape[2]))
    a, b = volume[near], truth[near]
    require_finite(a, "volume")
    require_finite(b, "reference")
    inner = (
        _within(rows, near[1], truth.shape[1]),
        _within(columns, near[2], truth.shape[2]),
    )
    means = [float(_similarity(p, q, scale)[inner].mean()) for p, q in zip(a, b, strict=True)]
    return float(np.mean(means))


def _widened(span: slice, size: int) -> slice:
    """The span and the window's reach around it, so that the map within the span is that of the whole slice."""
    return slice(max(0, span.start - SSIM_REACH), min(size, span.stop + SSIM_REACH))


def _within(span: slice, near: slice, size: int) -> slice:
    """The span in coordinates of ``near``, without the slice's border, where the window would reflect.

    A slice (or a region in a corner) that has no such interior keeps its border.
    """
    start, stop = max(span.start, SSIM_REACH), min(span.stop, size - SSIM_REACH)
    if start >= stop:
        start, stop = span.start, span.stop
    return slice(start - near.start, stop - near.start)


def _similarity(a: NDArray[Any], b: NDArray[Any], scale: float) -> NDArray[np.float64]:
    """Similarity map of two slices, float64."""
    from scipy.ndimage import gaussian_filter

    def blur(image: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = gaussian_filter(image, SSIM_SIGMA, radius=SSIM_REACH)
        return result

    p, q = a.astype(np.float64), b.astype(np.float64)
    mean_p, mean_q = blur(p), blur(q)
    var_p = blur(p * p) - mean_p**2
    var_q = blur(q * q) - mean_q**2
    covariance = blur(p * q) - mean_p * mean_q
    c1, c2 = (0.01 * scale) ** 2, (0.03 * scale) ** 2
    luminance = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
    return luminance * (2 * covariance + c2) / (var_p + var_q + c2)
