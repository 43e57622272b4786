"""HDF5: dataset ``/volume`` (z, y, x) with attributes ``voxel_mm``, ``unit``, ``axes`` and ``record`` (JSON)."""

from __future__ import annotations

import json
from pathlib import Path

from ..atomic_write import reserve
from .volume_out import VolumeOut

OVERHEAD = 1 << 16  # bytes of HDF5's own


def write(path: Path, volume: VolumeOut) -> None:
    """Write the values as float32, one slice per chunk."""
    import h5py

    text = json.dumps(volume.record)
    reserve(path, volume.values.nbytes + len(text) + OVERHEAD)  # HDF5 crashes where it cannot write on closing
    with h5py.File(path, "w") as file:
        data = file.create_dataset("volume", data=volume.values, chunks=(1, *volume.values.shape[1:]))
        data.attrs["axes"] = "zyx"
        data.attrs["unit"] = volume.unit
        if volume.voxel is not None:
            data.attrs["voxel_mm"] = volume.voxel
        # A long record does not fit into the 64 kB of a compact attribute: a dataset of its own.
        file.create_dataset("record", data=text)
