"""OME-Zarr 0.5 (zarr format 3): a pyramid of resolutions with scale and unit; the record in the attributes.

Source: OME-NGFF specification 0.5, "multiscales" metadata, https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .volume_out import VolumeOut

SMALLEST = 256  # levels are added until the longest side is no more than this
CHUNK = (16, 256, 256)


def write(path: Path, volume: VolumeOut) -> None:
    """Write all levels, and ``ome`` and ``fewview`` attributes."""
    import zarr

    group = zarr.create_group(path, zarr_format=3)
    level, factors = volume.values, np.ones(3)
    datasets: list[dict[str, Any]] = []
    while True:
        name = str(len(datasets))
        chunks = tuple(min(size, most) for size, most in zip(level.shape, CHUNK, strict=True))
        array = group.create_array(
            name, shape=level.shape, dtype="float32", chunks=chunks, dimension_names=("z", "y", "x")
        )
        array[:] = level
        datasets.append({"path": name, "coordinateTransformations": transformations(factors, volume.voxel)})
        if max(level.shape) <= SMALLEST:
            break
        steps = tuple(2 if size > 1 else 1 for size in level.shape)
        level, factors = halved(level, steps), factors * steps
    axes: list[dict[str, str]] = [{"name": name, "type": "space"} for name in "zyx"]
    if volume.voxel is not None:
        axes = [{**axis, "unit": "millimeter"} for axis in axes]
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"name": "volume", "axes": axes, "datasets": datasets, "type": "mean"}],
    }
    group.attrs["fewview"] = {"voxel_mm": volume.voxel, "unit": volume.unit, "record": volume.record}


def transformations(factors: NDArray[Any], voxel: float | None) -> list[dict[str, Any]]:
    """Scale and shift of a level whose voxels stand for ``factors`` voxels of the full one, in mm if known."""
    size = 1.0 if voxel is None else voxel
    return [
        {"type": "scale", "scale": [float(f) * size for f in factors]},
        # The centre of a coarse voxel is the mean of the centres that it covers.
        {"type": "translation", "translation": [float(f - 1) / 2 * size for f in factors]},
    ]


def halved(level: NDArray[np.float32], steps: tuple[int, ...]) -> NDArray[np.float32]:
    """Mean over blocks; a side that does not divide is closed with its last plane."""
    short = [(0, -size % step) for size, step in zip(level.shape, steps, strict=True)]
    padded = np.pad(level, short, mode="edge")
    blocks = [n for size, step in zip(padded.shape, steps, strict=True) for n in (size // step, step)]
    result: NDArray[np.float32] = padded.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)
    return result
