"""TIFF stacks that ImageJ opens with the right scale: float32, or 16 bit with one slope and offset per volume.

A slope per slice makes an empty slice as bright as bone; a single pair keeps grey values comparable. It is stored as
ImageJ's own calibration (``c0`` offset, ``c1`` slope), so that ImageJ shows values in mm^-1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .volume_out import VolumeOut

LARGEST = 65535
IMAGEJ_LIMIT = 2**32 - 2**25  # ImageJ's own TIFFs end at 4 GiB; beyond, BigTIFF


def write(path: Path, volume: VolumeOut) -> None:
    """Write a stack with axes ZYX, spacing, unit, calibration and record."""
    import tifffile

    metadata: dict[str, Any] = {"axes": "ZYX"}
    about = {"voxel_mm": volume.voxel, "unit": volume.unit, "record": volume.record}
    values: NDArray[Any] = volume.values
    if volume.bits == 16:
        slope, offset = scaling(values)
        values = to_uint16(values, slope, offset)
        about |= {"slope": slope, "offset": offset}
        metadata |= {"cf": 0, "c0": offset, "c1": slope, "vunit": volume.unit}
    resolution = None
    if volume.voxel is not None:
        metadata |= {"unit": "mm", "spacing": volume.voxel}
        resolution = (1 / volume.voxel, 1 / volume.voxel)
    if values.nbytes < IMAGEJ_LIMIT:
        metadata["Info"] = json.dumps(about)
        tifffile.imwrite(path, values, imagej=True, resolution=resolution, metadata=metadata)
    else:
        description = json.dumps({**metadata, "fewview": about})
        tifffile.imwrite(path, values, bigtiff=True, resolution=resolution, description=description, metadata=None)


def scaling(values: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and offset that spread a whole volume over 16 bits: value = offset + slope * stored."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return ((high - low) / LARGEST if high > low else 1.0), low


def to_uint16(values: NDArray[np.float32], slope: float, offset: float) -> NDArray[np.uint16]:
    """Rounded to the nearest step, slice by slice to spare memory.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
    slope : float
        What one step is worth, in the unit of the values.
    offset : float
        What 0 stands for.

    Returns
    -------
    ndarray of uint16
        Shape (z, y, x).
    """
    stored = np.empty(values.shape, dtype=np.uint16)
    for index, image in enumerate(values):
        stored[index] = np.clip(np.rint((image.astype(np.float64) - offset) / slope), 0, LARGEST)
    return stored
