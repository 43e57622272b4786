"""Line integrals for simulated measurements by the Fourier slice theorem.

On purpose unlike the projectors that reconstruct: the spectrum of square pixels is evaluated exactly on radial lines
and integrated over detector columns, at twice the resolution of the truth. Nothing is shared with
:mod:`fewview.operators`, so a reconstruction cannot profit from inverting its own model (the inverse crime).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

_FINE = 4  # samples per pixel between the inverse transform and the integration over columns


def project(volume: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float32]:
    """Parallel-beam line integrals, averaged over each detector column.

    Parameters
    ----------
    volume : ndarray
        (slices, n, n), n even; the axis passes through the middle.
    angles : ndarray
        (views,), radians; the view at t integrates along lines of constant ``X cos t + Y sin t``.

    Returns
    -------
    ndarray
        (slices, views, n), in the unit of the volume times pixels.
    """
    out = np.empty((len(volume), len(angles), volume.shape[2]), np.float32)
    steep = np.abs(np.sin(angles)) > np.abs(np.cos(angles))
    if (~steep).any():
        rows = np.arange(volume.shape[1], dtype=np.float64)
        across = (volume.shape[1] - 1) / 2 - rows
        out[:, ~steep] = _sheared(volume, across, np.cos(angles[~steep]), np.tan(angles[~steep]))
    if steep.any():
        turned = np.ascontiguousarray(volume[:, ::-1].transpose(0, 2, 1))  # (slice, x, y upwards)
        across = np.arange(volume.shape[2]) - (volume.shape[2] - 1) / 2
        out[:, steep] = _sheared(turned, across, np.sin(angles[steep]), 1 / np.tan(angles[steep]))
    return out


def _sheared(
    volume: NDArray[np.float32], across: NDArray[np.float64], scale: NDArray[np.float64], shear: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Sum the rows of each slice, row i shifted by ``across[i] * shear``; then go from pixels to detector columns."""
    width = volume.shape[2]
    length = 2 * width
    pad = (length - width) // 2
    spectrum = rfft(np.pad(volume, ((0, 0), (0, 0), (pad, pad))), axis=2)  # (slice, row, frequency)
    frequency = np.arange(spectrum.shape[2]) / length
    phase = np.exp(-2j * np.pi * frequency[:, None, None] * across[:, None] * shear).astype(np.complex64)
    # One small matrix product per frequency: (slice, row) times (row, view).
    radial = np.matmul(spectrum.transpose(2, 0, 1), phase)  # (frequency, slice, view)
    box = np.sinc(frequency)[:, None] * np.sinc(frequency[:, None] * shear)  # spectrum of a square pixel
    radial *= box[:, None, :].astype(np.float32)
    profile = irfft(radial.transpose(1, 2, 0), n=_FINE * length, axis=2) * _FINE
    total = np.cumsum(profile, axis=2, dtype=np.float64) / _FINE  # integral up to the end of each fine sample
    edges = (np.arange(width + 1) - width / 2)[None, :] / scale[:, None]  # of the columns, along the profile
    place = (edges + (width - 1) / 2 + pad) * _FINE - 0.5
    place = np.clip(place, 0, total.shape[2] - 2)
    low = place.astype(np.int64)
    rest = place - low
    index = np.broadcast_to(low[None], (len(volume), *low.shape))
    at = np.take_along_axis(total, index, 2) * (1 - rest) + np.take_along_axis(total, index + 1, 2) * rest
    # Over the stretched profile a column is 1 / scale wide, and a ray is 1 / scale longer than its row spacing.
    result: NDArray[np.float32] = (np.diff(at, axis=2) * np.sign(scale)[:, None]).astype(np.float32)
    return result
