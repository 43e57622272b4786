"""Quality against the size of the region: where the reference is richest, so that no reconstruction has a say.

Crops as in DINR: nested, around the same centres; the data range stays that of the whole reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from ...quality import SCALES, data_range, object_mask, scale_curve

REGIONS = 10  # at most, over all slices

Centre = tuple[int, int, int]


def region_centres(reference: NDArray[np.float32], count: int = REGIONS) -> list[Centre]:
    """Centres (z, y, x) of regions with much structure, the richest first.

    The largest of DINR's regions that fits is laid where the reference scatters most within it, then where it
    scatters most at least half a region away, and so on; centres lie within the object.
    """
    fitting = [size for size in SCALES if size[0] <= reference.shape[1] and size[1] <= reference.shape[2]]
    if not fitting:
        return []
    height, width = fitting[0]
    values = reference.astype(np.float64)
    mean, square = (uniform_filter(v, (0, height, width)) for v in (values, values**2))
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    allowed = object_mask(reference)
    top, left = height // 2, width // 2  # boxes stay inside the image, or their crops would not be nested
    inside = np.zeros_like(allowed)
    inside[:, top : reference.shape[1] - top + 1, left : reference.shape[2] - left + 1] = True
    spread = np.where(allowed & inside, spread, -1.0)
    centres: list[Centre] = []
    while len(centres) < count and spread.max() > 0:
        z, y, x = (int(i) for i in np.unravel_index(np.argmax(spread), spread.shape))
        centres.append((z, y, x))
        spread[z, max(0, y - top + 1) : y + top, max(0, x - left + 1) : x + left] = -1.0
    return centres


def mean_curve(
    volume: NDArray[np.float32], reference: NDArray[np.float32], centres: Sequence[Centre]
) -> list[list[Any]]:
    """``[rows, columns, psnr, ssim]`` per scale, means over the regions; ``ssim`` is None where it does not apply."""
    scale = data_range(reference)
    curves = [scale_curve(volume, reference, (y, x), z, value_range=scale) for z, y, x in centres]
    out: list[list[Any]] = []
    for column in zip(*curves, strict=True):
        similar = [ssim for _, _, ssim in column if ssim is not None]
        psnr = round(float(np.mean([value for _, value, _ in column])), 3)
        out.append([*column[0][0], psnr, round(float(np.mean(similar)), 4) if similar else None])
    return out
