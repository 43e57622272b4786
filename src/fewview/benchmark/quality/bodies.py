"""Bodies, dark or bright, that an image shows and the object does not have: what a prior invents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .case import Array

LEAST = 12
"""Pixels of a body; smaller ones may be noise."""
CONTRAST = 0.2
"""Of a body against its surroundings, in parts of the truth's range; half of it counts as a body of the truth."""
AROUND = 21
"""Side of the window whose median are the surroundings, in pixels of 128 across; wider images have it wider."""
OVERLAP = 0.25
"""Of a body's pixels: if fewer lie on a body of the truth of the same sign, it is invented."""


def invented_bodies(image: Array, truth: Array) -> tuple[int, int]:
    """Count bodies that are shown without being there.

    A body is a connected region of at least 12 pixels of a slice that stands out of the median of its surroundings by
    a fifth of the truth's range, the image smoothed by one pixel.

    Parameters
    ----------
    image, truth : array, shape (slices, y, x)

    Returns
    -------
    invented, shown : int
        Bodies of ``image`` without one of ``truth``, and all bodies of ``image``, over all slices.
    """
    from scipy.ndimage import label

    limit = CONTRAST * float(np.ptp(truth))
    invented = shown = 0
    for seen, true in zip(_contrast(image), _contrast(truth), strict=True):
        for sign in (1, -1):
            there = sign * true > limit / 2
            regions, count = label(sign * seen > limit)
            for index in range(1, count + 1):
                body = regions == index
                if body.sum() >= LEAST:
                    shown += 1
                    invented += bool(there[body].mean() < OVERLAP)
    return invented, shown


def _contrast(volume: Array) -> NDArray[np.float32]:
    """Of each pixel against its surroundings, slice by slice."""
    from scipy.ndimage import gaussian_filter, median_filter

    smooth = gaussian_filter(np.asarray(volume, dtype=np.float32), (0, 1, 1))
    side = max(AROUND, round(AROUND * volume.shape[-1] / 128))
    contrast: NDArray[np.float32] = smooth - median_filter(smooth, (1, side, side))
    return contrast
