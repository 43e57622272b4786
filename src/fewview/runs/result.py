"""What a run leaves: volumes and their record, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.write_volume import beside, check_output, write_volume


@dataclass(frozen=True, eq=False)
class Result:
    """What a run leaves.

    Parameters
    ----------
    volume : array, shape (slices, y, x), float32
    voxel : float or None
        mm.
    record : mapping
        Plain values, ready for JSON.
    extra : mapping of str to array, shape (slices, y, x) or a whole number of times as fine, float32
        Further volumes: "std", how far samples scatter.
    inputs : tuple of Path
        Files that were read, which no output may take the name of.
    """

    volume: NDArray[np.float32]
    voxel: float | None
    record: Mapping[str, Any]
    extra: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()

    def write(self, path: str | Path, bits: int = 32) -> Path:
        """Write the volume with scale, unit and record inside, and each further volume beside it.

        ``volume.tif`` gets a ``volume.std.tif``, in its format and unit, with the same record and its name as the
        "quantity".
        """
        written = self._write(path, self.volume, self.record, bits)
        for name, values in self.extra.items():
            other = beside(path, name)
            check_output(other, values.nbytes, self.inputs, bits)
            self._write(
                other, values, {**self.record, "quantity": name}, bits, values.shape[-1] // self.volume.shape[-1]
            )
        return written

    def _write(
        self, path: str | Path, values: NDArray[np.float32], record: Mapping[str, Any], bits: int, finer: int = 1
    ) -> Path:
        voxel = None if self.voxel is None else self.voxel / finer
        return write_volume(path, values, voxel=voxel, record=record, bits=16 if bits == 16 else 32)
