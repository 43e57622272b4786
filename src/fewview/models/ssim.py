"""Structural similarity with gradients: of slices, and of volumes as the mean over their three planes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SIGMA = 1.5
REACH = 5
"""The Gaussian window of 11 x 11 pixels of Wang et al. (IEEE TIP 2004), as in :func:`fewview.quality.ssim`."""


def similarity(x: Tensor, reference: Tensor) -> Tensor:
    """Similarity map of images.

    Parameters
    ----------
    x, reference : Tensor, shape (images, y, x)
        Images of the same shape, between 0 and 1; gradients flow to both.

    Returns
    -------
    Tensor, shape (images, y, x)
        1 where the images agree; beyond the border they are taken to be reflected.
    """
    stacked = torch.stack([x, reference, x * x, reference * reference, x * reference])
    mean_x, mean_r, square_x, square_r, product = _blurred(stacked)
    var_x, var_r, covariance = square_x - mean_x**2, square_r - mean_r**2, product - mean_x * mean_r
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_r + c1) / (mean_x**2 + mean_r**2 + c1)
    result: Tensor = luminance * (2 * covariance + c2) / (var_x + var_r + c2)
    return result


def ssim3d(x: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean similarity of two volumes over their axial, coronal and sagittal planes (DiffNR, 2025).

    Parameters
    ----------
    x, reference : Tensor, shape (z, y, x)
        Planes along an axis shorter than the window are left out, for they hold no structure to compare.
    mask : Tensor, shape (z, y, x), optional
        How much each voxel counts; all alike when not given. Constant air is similar to anything that is
        constant and would drown what matters.

    Returns
    -------
    Tensor
        A scalar, 1 for equal volumes.
    """
    weight = torch.ones_like(reference) if mask is None else mask
    total, planes = x.new_zeros(()), 0
    for axis in range(3):
        sides = [n for i, n in enumerate(x.shape) if i != axis]
        if min(sides) <= REACH and axis:
            continue
        a, b, w = (values.movedim(axis, 0) for values in (x, reference, weight))
        total = total + (similarity(a, b) * w).sum() / w.sum().clamp(min=1e-12)
        planes += 1
    return total / planes


def _blurred(images: Tensor) -> Tensor:
    """Gaussian mean of (..., y, x), one axis after the other."""
    offsets = torch.arange(-REACH, REACH + 1, dtype=images.dtype, device=images.device)
    taps = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    taps = taps / taps.sum()
    flat = images.reshape(-1, 1, *images.shape[-2:])
    height, width = flat.shape[-2:]
    # Reflection needs more pixels than it adds: shorter sides go on with their last value.
    flat = F.pad(flat, (0, 0, REACH, REACH), "reflect" if height > REACH else "replicate")
    flat = F.conv2d(flat, taps[None, None, :, None])
    flat = F.pad(flat, (REACH, REACH, 0, 0), "reflect" if width > REACH else "replicate")
    return F.conv2d(flat, taps[None, None, None, :]).reshape(images.shape)
