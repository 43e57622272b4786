"""Regions of a volume and what is read off in them: the table and the scale curve of the Compare dock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_pair, as_volume, require_finite
from .metrics import data_range, psnr, ssim
from .region import Region, Span
from .sharpness import edge_width

SCALES = ((64, 96), (48, 64), (48, 48), (32, 48), (32, 32), (24, 24), (16, 16), (8, 8))  # DINR's, (y, x)


@dataclass(frozen=True)
class RegionRow:
    """What one region of one volume shows. None: not applicable, or no reference.

    Parameters
    ----------
    psnr : float
        dB, with the data range of the whole reference.
    ssim : float
        None under 7 pixels a side.
    mean, std : float
        In the unit of the volume.
    cnr : float
        Contrast to noise: distance of the mean from that of the background, over the background's standard deviation.
    edge_width : float
        10-90 % width of the sharpest edge, in pixels; None where no edge stands out.
    difference : float
        Mean of volume - reference.
    """

    mean: float
    std: float
    cnr: float | None
    edge_width: float | None
    psnr: float | None = None
    ssim: float | None = None
    difference: float | None = None


def region_row(
    volume: Any,
    region: Region,
    reference: Any = None,
    *,
    value_range: float | None = None,
) -> RegionRow:
    """Measure one region.

    Parameters
    ----------
    volume : array or tensor, shape (z, y, x) or (y, x)
    region : Region
    reference : array or tensor, same shape, optional
    value_range : float, optional
        ``data_range(reference)`` when it is known already.

    Returns
    -------
    RegionRow
        Mean, standard deviation and difference in the unit of the volume, PSNR in dB, edge width in pixels; what needs
        a reference is None without one.
    """
    array = as_volume(volume, "volume")
    inside = region.crop(array).astype(np.float64)
    require_finite(inside, "region")
    around = _frame(array, region)
    spread = float(np.std(around)) if around.size else 0.0
    contrast = abs(float(inside.mean()) - float(around.mean())) / spread if spread > 0 else None
    row = {
        "mean": float(inside.mean()),
        "std": float(inside.std()),
        "cnr": contrast,
        "edge_width": edge_width(inside[inside.shape[0] // 2]),
    }
    if reference is None:
        return RegionRow(**row)  # type: ignore[arg-type]
    array, truth = as_pair(array, reference)
    scale = data_range(truth) if value_range is None else value_range
    return RegionRow(
        **row,  # type: ignore[arg-type]
        psnr=psnr(array, truth, region=region, value_range=scale),
        ssim=ssim(array, truth, region=region, value_range=scale),
        difference=float(np.mean(inside - region.crop(truth))),
    )


def scale_curve(
    volume: Any,
    reference: Any,
    point: tuple[float, float],
    z: int | Span | None = None,
    *,
    value_range: float | None = None,
) -> list[tuple[Span, float, float | None]]:
    """PSNR and SSIM around a point at DINR's scales, largest first.

    Scales larger than the image are left out; boxes near a border are moved inside.

    Parameters
    ----------
    volume : Any, shape (z, y, x)
    reference : Any, shape (z, y, x)
    point : tuple[float, float]
        (y, x) of the centre.
    z : int or Span, optional
        Slice, or first slice and the one after the last; None for all.
    value_range : float, optional
        Of the PSNR; that of the reference where it is not given.

    Returns
    -------
    list of (size (y, x), psnr, ssim)
    """
    array, truth = as_pair(volume, reference)
    scale = data_range(truth) if value_range is None else value_range
    rows = []
    for size in SCALES:
        if size[0] > truth.shape[1] or size[1] > truth.shape[2]:
            continue
        region = Region.around(point, size, truth.shape, z)
        rows.append(
            (
                size,
                psnr(array, truth, region=region, value_range=scale),
                ssim(array, truth, region=region, value_range=scale),
            )
        )
    return rows


def _frame(array: NDArray[Any], region: Region) -> NDArray[np.float64]:
    """Pixels around the region, up to half its size away."""
    planes, rows, columns = region.window(array.shape)
    margin_y, margin_x = (max(1, n // 2) for n in region.size)
    top, left = max(0, rows.start - margin_y), max(0, columns.start - margin_x)
    wide = array[planes, top : rows.stop + margin_y, left : columns.stop + margin_x].astype(np.float64)
    outside = np.ones(wide.shape[1:], dtype=bool)
    outside[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = False
    values = wide[:, outside].ravel()
    return values[np.isfinite(values)]
