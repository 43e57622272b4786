"""What every volume writer gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PER_MM = "mm^-1"
PER_PIXEL = "per pixel"


@dataclass(frozen=True, eq=False)
class VolumeOut:
    """What a writer gets.

    Parameters
    ----------
    values : array, shape (z, y, x), float32
    voxel : float or None
        Edge of a voxel in mm; None when unknown.
    unit : str
        Of the values.
    record : mapping
        Record of the run, plain values.
    bits : {32, 16}
        Per value; 16 only for TIFF.
    """

    values: NDArray[np.float32]
    voxel: float | None
    unit: str
    record: Mapping[str, Any] = field(default_factory=dict)
    bits: Literal[32, 16] = 32
