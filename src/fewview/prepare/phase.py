"""Single-distance phase retrieval (Paganin) as a filter of projections, through algotom."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def phase_filter(transmission: NDArray[np.float32], ratio: float) -> NDArray[np.float32]:
    """Divide the transform of each projection by 1 + ratio f^2, f in cycles per pixel.

    Paganin et al., J. Microsc. 206, 33 (2002), for an object of a single material.

    Parameters
    ----------
    transmission : array, shape (angle, v, u)
        Positive; masked pixels filled.
    ratio : float
        Strength in square pixels, pi x wavelength x distance x delta/beta / pixel^2; larger smooths more.
    """
    from algotom.prep.filtering import fresnel_filter

    # Padded here: algotom pads its window along the frequencies, and the strength would depend on the padding. The
    # filter's kernel decays over sqrt(ratio) / 2 pi pixels.
    pad = min(int(np.ceil(2 * math.sqrt(ratio))) + 8, 512)
    inside = (slice(pad, -pad), slice(pad, -pad))
    out = np.empty_like(transmission)
    for view, frame in enumerate(transmission):
        padded = np.pad(frame, pad, mode="edge")
        out[view] = fresnel_filter(padded, ratio, dim=2, pad=0, apply_log=False)[inside]
    return out
