"""The reference on the pixels of a layer: as it is, averaged where its voxels are finer, or not at all. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...frames import bin_mean
from .grids import Placed, same_grid

WHOLE_NUMBER = 0.01  # how far the ratio of two voxel sizes may be from a whole number
ASIDE = 0.2  # pixels by which the edges of two grids may differ


def truth_on(one: Placed, image: NDArray[Any], truth: Placed, z: float) -> tuple[NDArray[Any] | None, str]:
    """The reference at height ``z`` on the pixels of a layer, and a sentence where there is none, or a guess.

    Parameters
    ----------
    one : Placed
        The layer.
    image : ndarray, shape (y, x)
        Its slice.
    truth : Placed
        The reference.
    z : float
        In world units.

    Returns
    -------
    truth : ndarray, shape (y, x), or None
        In the unit of the reference.
    note : str
        Empty where there is nothing to say.
    """
    name = truth.layer.name
    z = one.place.centre(z) if one.layer.ndim == 3 else z  # between two slices of the layer, the reference has others
    same = truth.plane(z)
    if same is not None and same_grid(image, one.place, same, truth.place):
        flat = truth.layer.ndim == 2 and one.layer.ndim == 3 and len(one.layer.data) > 1
        return same, f"The reference “{name}” is one image; every slice is compared with it." if flat else ""
    finer = np.array(one.place.step) / np.array(truth.place.step)
    factor = round(finer[-1])
    if factor > 1 and np.all(np.abs(finer[1:] - factor) < WHOLE_NUMBER):
        binned = _binned(one, image.shape, truth, z, factor)
        if binned is not None:
            return binned, f"The voxels of the reference “{name}” were averaged {factor} by {factor} by {factor}."
    sizes = " and ".join(f"{place.step[-1]:.4g} {place.unit}" for place in (one.place, truth.place))
    shapes = f"{image.shape[0]} × {image.shape[1]} and {truth.layer.data.shape[-2]} × {truth.layer.data.shape[-1]}"
    return None, (
        f"“{one.layer.name}” and the reference “{name}” lie on different grids ({shapes} pixels of {sizes}): no PSNR, "
        "no SSIM. Bring the reference to the grid of the layer first, for instance with Registration."
    )


def _binned(one: Placed, shape: tuple[int, ...], truth: Placed, z: float, factor: int) -> NDArray[Any] | None:
    """The reference averaged over blocks of ``factor`` voxels that fill the pixels of the layer; None if they do not.

    Where a layer has pixels beyond the last whole block of the reference, or less of them, the grids are not one.
    """
    data = truth.layer.data if truth.layer.ndim == 3 else truth.layer.data[None]
    fine = np.array(truth.place.step)
    edge = np.array(one.place.origin) - np.array(one.place.step) / 2 - np.array(truth.place.origin) + fine / 2
    if np.any(np.abs(edge[1:] / fine[1:]) > ASIDE) or (data.shape[1] // factor, data.shape[2] // factor) != shape:
        return None
    slices = data[:1]
    if len(data) > 1:
        top = round((z - one.place.step[0] / 2 - truth.place.origin[0]) / fine[0] + 0.5)
        slices = data[max(0, top) : top + factor]
    return None if not len(slices) else bin_mean(np.asarray(slices, dtype=np.float32), factor).mean(axis=0)
