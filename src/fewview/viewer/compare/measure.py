"""What is measured in one region of one slice; of pixels that are no numbers only the others count. No Qt."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...quality import Region, psnr, region_row

Measured = tuple[dict[str, float | None], str]  # values by column, and what to know about them


def measure(image: NDArray[Any], part: Region, reference: NDArray[Any] | None, value_range: float | None) -> Measured:
    """Values of a region, and a note where not all of it could be measured.

    Parameters
    ----------
    image : array, shape (y, x)
    part : Region
        Within the image.
    reference : array, shape (y, x), optional
        On the same pixels.
    value_range : float, optional
        ``data_range`` of the whole reference.

    Returns
    -------
    values : dict of str to float or None
        By column: means in the unit of the image, PSNR in dB; only some of them where pixels were left out.
    note : str
        Empty where nothing was left out.
    """
    inside = part.crop(image[None])[0]
    truth = None if reference is None else part.crop(reference[None])[0]
    good = np.isfinite(inside)
    if good.all() and (truth is None or np.isfinite(truth).all()):
        return dict(asdict(region_row(image, part, reference, value_range=value_range))), ""
    bad = int((~good).sum())
    note = f"{bad} of {good.size} pixels are not numbers and were left out" if bad else ""
    values: dict[str, float | None] = {}
    if good.any():
        numbers = inside[good].astype(np.float64)
        values |= {"mean": float(numbers.mean()), "std": float(numbers.std())}
    if truth is not None:
        both = good & np.isfinite(truth)
        lost = int((good & ~both).sum())
        if lost:
            note = "; ".join(filter(None, (note, f"{lost} pixels of the reference are not numbers")))
        if both.any():
            x, y = (array[both].astype(np.float64)[None] for array in (inside, truth))
            values |= {"psnr": psnr(x, y, value_range=value_range), "difference": float((x - y).mean())}
    return values, note
