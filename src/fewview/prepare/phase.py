"""Single-distance phase retrieval, as a filter of the transmission."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def paganin_strength(delta_over_beta: float, wavelength: float, distance: float, pixel: float) -> float:
    """Strength of the Paganin filter in square pixels: pi x wavelength x distance x delta/beta / pixel^2.

    Parameters
    ----------
    delta_over_beta : float
        Ratio of the decrement and the absorption index of the material.
    wavelength, distance, pixel : float
        mm.
    """
    return math.pi * wavelength * distance * delta_over_beta / pixel**2


def paganin(transmission: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Divide the transform of every view by 1 + strength f^2, f in cycles per pixel.

    Paganin et al., J. Microsc. 206, 33 (2002), for a single material, through algotom's Fresnel filter.

    Parameters
    ----------
    transmission : array, shape (angle, v, u)
        Masked pixels filled: the filter spreads every value.
    strength : float
        Square pixels; see :func:`paganin_strength`.
    """
    from algotom.prep.filtering import fresnel_filter

    # The kernel falls off over sqrt(strength) / 2 pi pixels. The padding is ours: algotom pads its window in the
    # frequency plane, which makes the filter depend on the padding.
    pad = min(int(np.ceil(2 * math.sqrt(strength))) + 8, 512)
    window = (slice(pad, -pad), slice(pad, -pad))
    out = np.empty_like(transmission)
    for view, frame in enumerate(transmission):
        padded = np.pad(frame, pad, mode="edge")
        out[view] = fresnel_filter(padded, strength, dim=2, pad=0, apply_log=False)[window]
    return out
