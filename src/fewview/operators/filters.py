"""Ramp filters of filtered back-projection, for real FFTs."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FilterName = Literal["ram-lak", "shepp-logan", "cosine", "hann", "none"]


def ramp_filter(
    columns: int, name: FilterName = "ram-lak", cutoff: float = 1.0, pitch: float = 0.0
) -> NDArray[np.float64]:
    """Frequency response of a ramp filter.

    The ramp is sampled in space and then transformed (Kak and Slaney, Principles of Computerized Tomographic
    Imaging, eq. 3.61): a ramp sampled in frequency would lose the mean.

    Parameters
    ----------
    columns : int
        Detector columns. The response is for signals zero-padded to :func:`padded_length`.
    name : str
        ``ram-lak``: the plain ramp, sharpest and noisiest; ``shepp-logan``, ``cosine``, ``hann``: ramps ever
        more rounded off; ``none``: no filter at all.
    cutoff : float
        Fraction of the Nyquist frequency above which nothing passes, in (0, 1].
    pitch : float
        Angle between the rays to neighbouring columns of a curved detector, radians (Kak and Slaney, eq. 3.87); 0 for
        columns in a straight line.

    Returns
    -------
    array of float64, shape (padded_length // 2 + 1,)
        Unit 1/column; divide by the column's width.
    """
    if name not in get_args(FilterName):
        raise ValueError(f"filter must be one of {', '.join(get_args(FilterName))}, not {name!r}")
    if not 0 < cutoff <= 1:
        raise ValueError(f"cutoff must lie in (0, 1], not {cutoff}")
    length = padded_length(columns)
    if name == "none":
        return np.ones(length // 2 + 1)
    place = np.minimum(np.arange(length), length - np.arange(length))
    kernel = np.zeros(length)
    kernel[0] = 0.25
    odd = place % 2 == 1
    kernel[odd] = -1.0 / (np.pi * place[odd]) ** 2
    if pitch:
        angle = np.minimum(place, columns) * pitch  # farther ones meet only the padding
        kernel[1:] *= (angle[1:] / np.sin(angle[1:])) ** 2
    response = np.fft.rfft(kernel).real
    nyquist = np.linspace(0.0, 1.0, length // 2 + 1) / cutoff
    window = {
        "ram-lak": np.ones_like(nyquist),
        "shepp-logan": np.sinc(nyquist / 2),
        "cosine": np.cos(np.pi * nyquist / 2),
        "hann": 0.5 + 0.5 * np.cos(np.pi * nyquist),
    }[name]
    return response * np.where(nyquist <= 1.0, window, 0.0)


def padded_length(columns: int) -> int:
    """Power of two that holds a linear convolution of ``columns`` samples."""
    return max(64, 1 << (2 * columns - 1).bit_length())


def apply_filter(y: Tensor, response: NDArray[np.float64]) -> Tensor:
    """Filter ``y`` (..., columns) along its last axis, zero-padded; differentiable."""
    columns, length = y.shape[-1], 2 * (len(response) - 1)
    gain = torch.as_tensor(response, dtype=y.dtype, device=y.device)
    result: Tensor = torch.fft.irfft(torch.fft.rfft(y, n=length) * gain, n=length)[..., :columns]
    return result
