"""Stripes of a sinogram, which become rings: algotom's methods, and tomopy's where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MethodUnavailable, OptionError, choices

FEW_VIEWS = 90  # below, the filters along the angle find no stripes but invent them

_ALGOTOM: dict[str, tuple[str, dict[str, Any]]] = {
    "sorting": ("remove_stripe_based_sorting", {"size": 21}),
    "filtering": ("remove_stripe_based_filtering", {"sigma": 3, "size": 21}),
    "fitting": ("remove_stripe_based_fitting", {"order": 2, "sigma": 10}),
    "wavelet-fft": ("remove_stripe_based_wavelet_fft", {}),
    "large": ("remove_large_stripe", {"snr": 3.0, "size": 51}),
    "dead": ("remove_dead_stripe", {"snr": 3.0, "size": 51}),
    "all": ("remove_all_stripe", {"snr": 3.0, "la_size": 51, "sm_size": 21}),
}
# Munch's filter takes the sample's own mean along the angle for a stripe at all scales wider than stripes are: with
# tomopy's default, all of them, a tooth's sinogram comes out with 4 times the error that the stripes made.
_TOMOPY: dict[str, tuple[str, dict[str, Any]]] = {
    "tomopy-fw": ("remove_stripe_fw", {"level": 3, "sigma": 1}),
    "tomopy-ti": ("remove_stripe_ti", {}),
    "tomopy-sf": ("remove_stripe_sf", {}),
}


def remove_stripes(
    values: NDArray[np.float32], method: str, tick: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """Clean the sinogram of each detector row.

    Parameters
    ----------
    values : array, shape (angle, v, u)
        Line integrals.
    method : str
        "sorting", "filtering", "fitting", "wavelet-fft", "large", "dead" or "all" (Vo et al. 2018); "tomopy-fw"
        (Munch et al. 2009), "tomopy-ti" (Titarenko 2010) or "tomopy-sf" where tomopy is installed.
    tick : callable
        Called for each row; what it raises ends the work.

    Returns
    -------
    ndarray
        Shape of the line integrals.

    Raises
    ------
    MethodUnavailable
        A method of tomopy, and no tomopy.
    """
    if method in _TOMOPY:
        return _with_tomopy(values, *_TOMOPY[method])
    if method not in _ALGOTOM:
        raise OptionError(f"There is no stripe removal '{method}'.", choices(method, [*_ALGOTOM, *_TOMOPY]))
    from algotom.prep import removal

    name, settings = _ALGOTOM[method]
    clean = np.empty_like(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        for row in range(values.shape[1]):
            tick()
            clean[:, row] = getattr(removal, name)(values[:, row], **settings)
    # Columns that are 0 throughout (ideal air) have no stripe, and algotom divides by them.
    return np.where(np.isfinite(clean), clean, values)


def load_tomopy() -> Any:
    """The package tomopy.

    Raises
    ------
    MethodUnavailable
        It is not installed, or its compiled libraries are missing.
    """
    try:
        import tomopy
    except (ImportError, OSError) as error:  # the latter of a compiled library
        raise MethodUnavailable(
            f"tomopy cannot be used: {error}.", "conda install -c conda-forge tomopy, or use another method."
        ) from error
    return tomopy


def _with_tomopy(values: NDArray[np.float32], name: str, settings: dict[str, Any]) -> NDArray[np.float32]:
    return np.asarray(getattr(load_tomopy(), name)(values, **settings), np.float32)
