"""What a registration came to: a transform in plain values, its quality, and the volume that it puts on the grid."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from .quality import Quality
from .transform import Grid, Similarity, resample

METHOD = "Mattes mutual information, multi-resolution, similarity"


@dataclass(frozen=True)
class Registration:
    """A transform from the neutron grid to the X-ray volume, and how far to believe it. Plain values, JSON-able.

    ``q = matrix @ p + translation``, positions (z, y, x) counted from the centre of the first voxel of the whole
    detector, in ``unit``.

    Parameters
    ----------
    matrix : 3 x 3 floats
        Rotation times scale.
    translation : 3 floats
    scale : float
    unit : {"mm", "px"}
        px: of the neutron detector, unbinned.
    metric : float
        Normalised mutual information within the sample.
    quality : Quality
    method : str
    """

    matrix: tuple[tuple[float, float, float], ...]
    translation: tuple[float, float, float]
    scale: float
    unit: str
    metric: float
    quality: Quality
    method: str = METHOD

    @property
    def transform(self) -> Similarity:
        """As a transform."""
        return Similarity.of(np.array(self.matrix) / self.scale, self.scale, self.translation)

    @property
    def vertical_deg(self) -> float:
        """Turn about the rotation axis, in degrees, -180 to 180."""
        return math.degrees(math.atan2(self.matrix[2][1], self.matrix[1][1]))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values = {**asdict(self), "good": self.quality.good}
        quality = {**values["quality"], "reasons": list(self.quality.reasons)}
        return {**values, "matrix": [list(row) for row in self.matrix], "translation": list(self.translation)} | {
            "quality": quality
        }


class RegistrationFailed(FewviewError):
    """The volumes could not be registered well enough to be used; ``result`` is the attempt."""

    def __init__(self, result: Registration) -> None:
        self.result = result
        super().__init__(
            f"The X-ray volume could not be registered: {'; '.join(result.quality.reasons)}.",
            "Check that it is the same sample, give more neutron views or rows, or start from clicked point pairs.",
        )


def registered(
    moving: NDArray[Any], moving_grid: Grid, registration: Registration, onto: Grid, order: int = 3
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The X-ray volume on the neutron grid, interpolated once, and where it was seen (both (z, y, x)); 0 elsewhere.

    Parameters
    ----------
    moving : ndarray, shape (z, y, x)
    moving_grid : Grid
    registration : Registration
    onto : Grid
        Grid of the result.
    order : int, optional
        Of the interpolation: 1 linear, 3 cubic.

    Returns
    -------
    values : ndarray of float32, shape (z, y, x) of ``onto``
    mask : ndarray of bool, same shape
    """
    return resample(moving, moving_grid, registration.transform, onto, order=order)
