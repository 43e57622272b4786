"""Stripes of a sinogram, which become rings of the slice: methods of algotom, and tomopy's where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ..errors import MethodUnavailable, OptionError

Sinogram = NDArray[np.float32]

ALGOTOM = ("sorting", "filtering", "fitting", "interpolation", "wavelet", "all")
TOMOPY = ("tomopy-fw", "tomopy-ti", "tomopy-sf")


def why_not(views: int, fewest: int) -> str | None:
    """Reason to leave stripes alone, or None.

    A stripe filter tells detector from object by the object's change over the angle. Between few views the object
    changes so much that its own features get hurt (seen as mirrors and bands; algotom issue 21).
    """
    if views >= fewest:
        return None
    return f"left out with {views} views, fewer than {fewest}: a stripe filter would take features for stripes"


def remove_stripes(values: NDArray[np.float32], method: str, size: int = 21) -> NDArray[np.float32]:
    """Remove stripes sinogram by sinogram.

    Parameters
    ----------
    values : array, shape (angle, v, u)
        Line integrals without gaps.
    method : str
        One of :data:`ALGOTOM` (Vo et al., Opt. Express 26, 28396, 2018) or :data:`TOMOPY`.
    size : int
        Window of the filter in pixels, where the method has one.

    Raises
    ------
    MethodUnavailable
        A method of tomopy where it is not installed.
    OptionError
        An unknown method.
    """
    if method in TOMOPY:
        return _tomopy(values, method, size)
    if method not in ALGOTOM:
        raise OptionError(f"There is no stripe method '{method}'.", f"Known: {', '.join(ALGOTOM + TOMOPY)}.")
    clean = _algotom(method, size)
    out = np.empty_like(values)
    for row in range(values.shape[1]):
        out[:, row] = clean(values[:, row])
    return out


def _algotom(method: str, size: int) -> Callable[[Sinogram], Sinogram]:
    from algotom.prep import removal

    if method == "sorting":
        return lambda sinogram: removal.remove_stripe_based_sorting(sinogram, size=size)
    if method == "filtering":
        return lambda sinogram: removal.remove_stripe_based_filtering(sinogram, size=size)
    if method == "fitting":
        return lambda sinogram: removal.remove_stripe_based_fitting(sinogram)
    if method == "interpolation":
        return lambda sinogram: removal.remove_stripe_based_interpolation(sinogram, size=size)
    if method == "wavelet":
        return lambda sinogram: removal.remove_stripe_based_wavelet_fft(sinogram)
    # Large stripes need a window wider than they are: algotom's own ratio of the two.
    return lambda sinogram: removal.remove_all_stripe(sinogram, la_size=2 * size + 9, sm_size=size)


def _tomopy(values: NDArray[np.float32], method: str, size: int) -> NDArray[np.float32]:
    if find_spec("tomopy") is None:
        raise MethodUnavailable(
            f"Stripe method '{method}' needs tomopy, which is not installed.",
            "Install it with: conda install -c conda-forge tomopy. Or use one of: " + ", ".join(ALGOTOM) + ".",
        )
    from tomopy.prep import stripe

    if method == "tomopy-fw":
        return stripe.remove_stripe_fw(values)
    if method == "tomopy-ti":
        return stripe.remove_stripe_ti(values)
    return stripe.remove_stripe_sf(values, size=size)
