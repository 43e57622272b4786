"""Single-distance phase filter of projections (Paganin-like), through algotom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def phase_filter(transmission: NDArray[np.float32], ratio: float) -> NDArray[np.float32]:
    """Low-pass each projection with the Fresnel propagator (Vo et al. 2021; a simpler form of Paganin 2002).

    Parameters
    ----------
    transmission : array, shape (angle, v, u)
        Positive; masked pixels filled.
    ratio : float
        Strength; larger smooths more.
    """
    from algotom.prep.filtering import fresnel_filter

    pad = min(150, *transmission.shape[1:])
    filtered = [fresnel_filter(view, ratio, dim=2, pad=pad, apply_log=False) for view in transmission]
    return np.asarray(filtered, dtype=np.float32)
