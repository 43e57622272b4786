"""numpy's own format. It has no room for metadata: they lie beside it, in ``NAME.npy.json``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .volume_out import VolumeOut


def write(path: Path, volume: VolumeOut) -> None:
    """Write the values as float32 (z, y, x)."""
    with path.open("wb") as file:
        np.save(file, volume.values)


def sidecar(volume: VolumeOut) -> str:
    """Scale, unit and record, as JSON."""
    about = {"voxel_mm": volume.voxel, "unit": volume.unit, "axes": "zyx", "record": volume.record}
    return json.dumps(about, indent=2) + "\n"
