"""Quality against the size of the region, at places that the reference alone chooses: no reconstruction has a say.

Crops as in DINR: nested, around the same centres; the data range stays that of the whole reference. Places full of
structure are what the analysis is about; random and flat ones are its controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from .mask import object_mask
from .metrics import data_range
from .region import Span
from .regions import SCALES, scale_curve

REGIONS = 10  # at most, over all slices

Centre = tuple[int, int, int]
Kind = Literal["rich", "random", "flat"]


def region_centres(
    reference: NDArray[np.float32], count: int = REGIONS, kind: Kind = "rich", seed: int = 0
) -> list[Centre]:
    """Centres (z, y, x) of regions within the object.

    The largest of DINR's regions of at most half a side is laid where the reference scatters most within it, then where
    it scatters most at least half a region away, and so on: so that there is a choice. Larger regions around the same
    places are moved inside the image; they still hold the smaller ones.

    Parameters
    ----------
    reference : array, shape (slices, y, x)
    count : int
        At most.
    kind : {"rich", "random", "flat"}
        Where the reference scatters most; anywhere; where it scatters least.
    seed : int
        Of the random ones.

    Returns
    -------
    list of (int, int, int)
        In voxels, the best first; fewer than ``count`` where there is no more room.
    """
    rows, columns = reference.shape[1:]
    fitting = [size for size in SCALES if size[0] <= rows and size[1] <= columns]
    if not fitting:
        return []
    small = [size for size in fitting if 2 * size[0] <= rows and 2 * size[1] <= columns]
    height, width = small[0] if small else fitting[-1]
    values = reference.astype(np.float64)
    mean, square = (uniform_filter(v, (0, height, width)) for v in (values, values**2))
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    allowed = object_mask(reference)
    top, left = height // 2, width // 2
    inside = np.zeros_like(allowed)
    inside[:, top : rows - top + 1, left : columns - left + 1] = True
    worth = {"rich": spread, "random": np.random.default_rng(seed).random(spread.shape), "flat": -spread}[kind]
    out = -np.inf
    worth = np.where(allowed & inside, worth, out)
    if kind == "rich":
        worth[spread <= 0] = out
    centres: list[Centre] = []
    while len(centres) < count and worth.max() > out:
        z, y, x = (int(i) for i in np.unravel_index(np.argmax(worth), worth.shape))
        centres.append((z, y, x))
        worth[z, max(0, y - top + 1) : y + top, max(0, x - left + 1) : x + left] = out
    return centres


def curves_at(
    volume: NDArray[np.float32], reference: NDArray[np.float32], centres: Sequence[Centre]
) -> list[list[tuple[Span, float, float | None]]]:
    """Of each region the size (y, x), PSNR and SSIM at every scale that fits, the largest first.

    Parameters
    ----------
    volume : ndarray of float32, shape (z, y, x)
    reference : ndarray of float32, shape (z, y, x)
    centres : sequence of Centre
        (z, y, x) of each region.

    Returns
    -------
    list of list of (size (y, x), psnr, ssim)
        One list for each region. PSNR in dB; SSIM None where a side is shorter than 7 pixels.
    """
    scale = data_range(reference)
    return [scale_curve(volume, reference, (y, x), z, value_range=scale) for z, y, x in centres]


def mean_curve(
    volume: NDArray[np.float32], reference: NDArray[np.float32], centres: Sequence[Centre]
) -> list[list[Any]]:
    """``[rows, columns, psnr, ssim]`` per scale, means over the regions; ``ssim`` is None where it does not apply.

    Parameters
    ----------
    volume : ndarray of float32, shape (z, y, x)
    reference : ndarray of float32, shape (z, y, x)
    centres : sequence of Centre
        (z, y, x) of each region.

    Returns
    -------
    list of [int, int, float, float or None]
        The largest scale first; PSNR in dB.
    """
    curves = curves_at(volume, reference, centres)
    out: list[list[Any]] = []
    for column in zip(*curves, strict=True):
        similar = [ssim for _, _, ssim in column if ssim is not None]
        psnr = round(float(np.mean([value for _, value, _ in column])), 3)
        out.append([*column[0][0], psnr, round(float(np.mean(similar)), 4) if similar else None])
    return out
