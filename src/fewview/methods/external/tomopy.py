"""Gridrec of tomopy, the synchrotron's standard, brought onto our grid and to its unit."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...operators import Operator
from ...operators.fbp import by_halves, require_parallel
from ...operators.filters import FilterName, padded_length, ramp_filter
from ...operators.quadrature import angle_weights
from ...options import option
from ...prepare.stripes import load_tomopy
from ..budget import OnePassOptions
from ..classical.fbp import SLICES, on_seen_views
from ..interface import Estimate, Method, Problem
from ..inverse.masking import measured, relative

BLOBS = 7  # along a row: enough to follow how gridrec's amplitude grows outwards


class GridrecOptions(OnePassOptions):
    """Options of gridrec."""

    filter: Literal["ram-lak", "shepp-logan", "cosine", "hann"] = option(
        "shepp-logan",
        "Filter",
        "The filter of the projections: Ram-Lak is the sharpest and the noisiest, and Shepp-Logan, cosine and "
        "Hann are smoother in this order.",
    )


def missing() -> str | None:
    """Why tomopy cannot be used here, and how to get it."""
    if importlib.util.find_spec("tomopy") is None:
        return "tomopy is not installed. It is not on PyPI: conda install -c conda-forge tomopy."
    return None


@torch.no_grad()
def solve(problem: Problem, options: GridrecOptions) -> Iterator[Estimate]:
    """Gridrec, some slices at a time; unusable pixels are bridged along the detector as in FBP."""
    A = problem.operator
    require_parallel(A, "tomopy's gridrec")
    y, weights = measured(problem, weighted=False)
    volume = A.zeros(len(y))
    filtering = partial(_reconstruct, kind=options.filter)
    starts = range(0, len(y), SLICES)
    for step, start in enumerate(starts, start=1):
        part = slice(start, start + SLICES)
        usable = None if weights is None else weights[part]
        volume[part] = on_seen_views(A, y[part], usable, partial(by_halves, reconstruct=filtering))
        scalars = {}
        if step == len(starts):
            scalars["data_residual"] = relative(A(volume) - y, y, weights)
        yield Estimate(volume, step, len(starts), "filtering", scalars)


def _reconstruct(A: Operator, y: Tensor, kind: FilterName) -> Tensor:
    """Slices in the operator's unit.

    tomopy 1.15 leaves three things to mend: values are wrong in the middle and ever more outwards, how much depends on
    the size (its convolution is narrower than the correction for it believes, which also lies a pixel aside), the mean
    of the image is lost, and views count alike however their angles lie.
    """
    weights = torch.from_numpy(angle_weights(A.angles)).to(y)[:, None]
    volume = gridrec(y * (len(A.angles) / math.pi * weights), A.angles, A.geometry.centre, A.grid, kind)
    length = _length(A.columns, A.grid)
    growth = response(length, A.grid).to(y)
    volume /= growth.flip(0)[:, None] * growth  # tomopy turns the rows upside down at the end
    volume += (y * weights).sum(dim=(1, 2), keepdim=True) * (_ramp(length, kind)[0] / length)
    return volume / A.volume.voxel


def gridrec(y: Tensor, angles: NDArray[np.float64], axis: float, grid: int, kind: FilterName) -> Tensor:
    """tomopy's gridrec of zero-padded views, with the axis in the middle of the image.

    The filter is ours: tomopy's ramps are sampled in frequency, and its Hann and Hamming pass the highest frequencies
    whole, as their period is half of what it should be.

    Parameters
    ----------
    y : Tensor, shape (slices, angles, columns)
    angles : array of float
        Radians.
    axis : float
        Column.
    grid : int
    kind : str
        See :func:`fewview.operators.filters.ramp_filter`.

    Returns
    -------
    Tensor, shape (slices, grid, grid)
        In 1/pixel.
    """
    tomopy = load_tomopy()
    length = _length(y.shape[-1], grid)
    # tomopy has the axis at this column, counted from the left and, for rows, from the bottom.
    column = length // 2 - (length - grid) // 2
    shift = ((grid - 1) / 2 - column) * (np.cos(angles) + np.sin(angles))
    phase = torch.from_numpy(np.exp(-2j * np.pi * np.fft.rfftfreq(length) * shift[:, None]))
    waves = torch.fft.rfft(y.float().cpu(), length)
    moved = torch.fft.irfft(waves.mul_(phase.to(waves)), length)
    del waves  # before tomopy takes its own
    image = tomopy.recon(
        moved.numpy(),
        angles,
        center=axis,
        sinogram_order=True,
        algorithm="gridrec",
        filter_name="custom",
        filter_par=2 * _ramp(length, kind)[:-1],
        num_gridx=grid,
        num_gridy=grid,
        ncore=torch.get_num_threads(),
    )
    return torch.from_numpy(np.asarray(image, dtype=np.float32)).to(y)


@lru_cache(maxsize=4)
def response(length: int, grid: int) -> Tensor:
    """How much too large gridrec makes an image, per axis: measured on Gaussian blobs along a row.

    Parameters
    ----------
    length : int
        Of the padded views.
    grid : int

    Returns
    -------
    Tensor, shape (grid,)
        The image is to be divided by it along columns and, turned round, along rows.
    """
    width = max(2.0, length / 128)
    angles = np.arange(256) * np.pi / 256
    place = np.linspace(-0.45, 0.45, BLOBS) * grid
    axis = (length // 2 - 1) / 2
    beside = np.arange(length // 2) - axis - place[:, None, None] * np.cos(angles)[:, None]
    views = math.sqrt(2 * math.pi) * width * np.exp(-((beside / width) ** 2) / 2).sum(axis=0)
    image = gridrec(torch.from_numpy(views[None]), angles, axis, grid, "ram-lak")[0].numpy()
    x = np.arange(grid) - (grid - 1) / 2
    blobs = np.exp(-(((x - place[:, None]) / width) ** 2) / 2)
    shapes = [np.outer(blobs[BLOBS // 2], blob).ravel() for blob in blobs]
    found = np.linalg.lstsq(np.stack([*shapes, np.ones(grid**2)], axis=1), image.ravel(), rcond=None)[0][:-1]
    curve = np.polynomial.polynomial.polyfit(place / length, np.log(found), 4)
    curve[0] /= 2  # the row's own factor and the middle's are in every blob
    return torch.from_numpy(np.exp(np.polynomial.polynomial.polyval(x / length, curve)))


def _ramp(length: int, kind: FilterName) -> NDArray[np.float64]:
    """For views padded to ``length``."""
    return ramp_filter(length // 2, kind)


def _length(columns: int, grid: int) -> int:
    """Of the padded views: tomopy takes a power of two, and the image repeats itself at that distance."""
    return padded_length(max(columns, grid))


METHOD = Method(
    name="tomopy-gridrec",
    title="tomopy gridrec",
    family="external",
    summary="tomopy's Fourier method for many evenly spaced views.",
    source="Dowd et al., Proc. SPIE 3772 (1999) 224; Gursoy et al., J. Synchrotron Rad. 21 (2014) 1188",
    options=GridrecOptions,
    solve=solve,
    missing=missing,
    buffers=(3.0, 12.0),
    beside=lambda options, size: 8 * _length(size.grid, size.grid) ** 2 * torch.get_num_threads(),
    resumable=False,
)
