"""What the Registration dock knows: two volumes, the transform between them so far, and what it looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...errors import FewviewError
from ...io import write_volume
from ...registration import Grid, Registration, RegistrationOptions, registered
from ...registration.metric import Body
from ...registration.register import Step, registration_steps
from ...registration.transform import Similarity
from ..files.places import folder_of

FIELDS = 8  # of the checkerboard, along the longer side
_SHOWN = 256  # voxels a side of the copy that is drawn while the registration goes on


class RegistrationPresenter:
    """Two volumes and the way from one to the other.

    Parameters
    ----------
    neutron, xray : array, shape (z, y, x) or (y, x)
    neutron_grid, xray_grid : Grid
    in_mm : bool
        Whether both grids are in mm; else they cannot be compared, and the scale is searched.
    options : RegistrationOptions
    pairs : (array, array), shapes (n, 3), optional
        Positions clicked in both.
    """

    def __init__(
        self,
        neutron: NDArray[Any],
        neutron_grid: Grid,
        xray: NDArray[Any],
        xray_grid: Grid,
        *,
        in_mm: bool,
        options: RegistrationOptions,
        pairs: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> None:
        self.neutron, self.neutron_grid = neutron, neutron_grid
        self.xray, self.xray_grid = xray, xray_grid
        self.in_mm, self.options, self.pairs = in_mm, options, pairs
        self.transform: Similarity | None = None
        self.result: Registration | None = None
        self.error: FewviewError | None = None
        self.share = 0.0
        self._quick: Body | None = None

    def steps(self) -> Iterator[Step]:
        """Register; belongs into a thread of its own. :meth:`take` what it yields.

        A mistake of the user ends it, and is kept as ``error``: napari would print it as a fault of ours.
        """
        if self._quick is None:
            self._quick = Body.of(self.xray, self.xray_grid).reduced(_SHOWN)
        try:
            yield from registration_steps(
                self.neutron,
                self.xray,
                self.neutron_grid,
                self.xray_grid,
                self.options,
                pairs=self.pairs,
                unit="mm" if self.in_mm else "px",
                comparable=self.in_mm,
            )
        except FewviewError as error:
            self.error = error

    def take(self, step: Step) -> None:
        """Keep what a step found."""
        self.transform, self.share = step.transform, step.share
        self.result = step.result or self.result

    def checkerboard(self, index: int) -> NDArray[np.float32] | None:
        """Slice ``index`` with fields of the neutron and of the X-ray volume in turn, both from 0 to 1."""
        if self.transform is None or self._quick is None or not 0 <= index < len(self.neutron):
            return None
        rows, columns = self.neutron.shape[1:]
        y, x = np.indices((rows, columns))
        at = self._quick.grid.index(
            self.transform(self.neutron_grid.position(np.stack([np.full_like(y, index), y, x], -1)))
        )
        if self._quick.grid.flat:
            at[..., 0] = 0
        seen = ndimage.map_coordinates(self._quick.values, np.moveaxis(at, -1, 0), order=1, cval=np.nan)
        side = max(1, max(rows, columns) // FIELDS)
        black = (y // side + x // side) % 2 == 0
        return np.where(black, _unit(self.neutron[index]), _unit(seen)).astype(np.float32)

    @property
    def words(self) -> str:
        """The figure of quality in words, or why the registration is not to be used."""
        if self.error is not None:
            return str(self.error)
        if self.result is None:
            return ""
        quality = self.result.quality
        where = f"turned by {self.result.vertical_deg:.2f} deg about the vertical, scale {self.result.scale:.4f}"
        if quality.good:
            return f"Registered: {where}; {quality}."
        return (
            f"Failed, and not used: {'; '.join(quality.reasons)}. Is it the same sample? Click point pairs to "
            "start from, or reconstruct from more views."
        )

    def apply(self, scan: str = "") -> tuple[NDArray[np.float32], str, dict[str, Any]]:
        """The X-ray volume on the neutron grid, a file beside the ``scan`` that holds it, and its record.

        Raises
        ------
        FewviewError
            There is no registration that can be believed.
        """
        if self.result is None or not self.result.quality.good:
            raise FewviewError("There is no good registration to apply.", "Register first.")
        values, _ = registered(self.xray, self.xray_grid, self.result, self.neutron_grid, self.options.order)
        record = {"registration": self.result.to_json()}
        path = folder_of(scan) / f"registered-{hashlib.sha256(values.tobytes()).hexdigest()[:16]}.npy"
        write_volume(path, values, voxel=self.neutron_grid.spacing[-1] if self.in_mm else None, record=record)
        return values, str(path), record


def layer_volume(layer: Any) -> tuple[NDArray[np.float32], Grid]:
    """A layer's values as (z, y, x) and where they lie."""
    values = np.asarray(layer.data, dtype=np.float32)
    scale, origin = [float(v) for v in layer.scale], [float(v) for v in layer.translate]
    if values.ndim == 2:
        values, scale, origin = values[None], [scale[-1], *scale], [0.0, *origin]
    return values, Grid(values.shape, tuple(scale), tuple(origin))  # type: ignore[arg-type]


def in_millimetres(layer: Any) -> bool:
    """Whether a layer's lengths are in mm."""
    return all(str(unit) in ("mm", "millimeter") for unit in layer.units)


def clicked(points: Any, grid: Grid) -> NDArray[np.float64]:
    """Positions (n, 3) of the points of a layer whose coordinates are voxels of ``grid``."""
    index = np.asarray(points.data, dtype=float)
    if index.shape[-1] == 2:
        index = np.insert(index, 0, 0.0, axis=1)
    return np.asarray(grid.position(index))


def _unit(image: NDArray[Any]) -> NDArray[Any]:
    values = image[np.isfinite(image)]
    if not values.size:
        return np.zeros_like(image)
    low, high = np.percentile(values, (1, 99.5))
    result: NDArray[Any] = np.nan_to_num(np.clip((image - low) / ((high - low) or 1.0), 0, 1))
    return result
