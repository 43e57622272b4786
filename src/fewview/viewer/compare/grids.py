"""Where the layers of a comparison lie: brought to one unit, or left out with the reason in a sentence. No Qt.

Positions and sizes that one compares are in mm where the pixel size is known, else in pixels of the detector; the two
are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...io.units import millimetres

if TYPE_CHECKING:
    from ..scan.presenter import ScanPresenter

PIXEL = "pixel"


@dataclass(frozen=True)
class Place:
    """Where a layer lies.

    Parameters
    ----------
    origin, step : tuple of float, (z, y, x)
        Position of voxel (0, 0, 0) and size of a voxel, in ``unit``. An image has z of 0 and 1.
    unit : {"mm", "pixel"}
    """

    origin: tuple[float, float, float]
    step: tuple[float, float, float]
    unit: str

    def index(self, z: float) -> int:
        """Index of the slice at ``z``; outside the volume where it has none there."""
        return round((z - self.origin[0]) / self.step[0])

    def centre(self, z: float) -> float:
        """Height of the middle of the slice at ``z``."""
        return self.origin[0] + self.index(z) * self.step[0]


@dataclass(frozen=True, eq=False)
class Placed:
    """A layer, and where it lies for the comparison."""

    layer: Any
    place: Place

    def plane(self, z: float) -> NDArray[Any] | None:
        """The slice at ``z`` (y, x); None where there is none. An image is a slice of every ``z``."""
        data = self.layer.data
        if data.ndim == 2:
            return _numbers(data)
        index = self.place.index(z)
        return _numbers(data[index]) if 0 <= index < len(data) else None


def _numbers(image: Any) -> NDArray[Any]:
    """Masks and counts as floats: differences of whole numbers without a sign, or of truth values, are none."""
    values = np.asarray(image)
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def to_mm(unit: Any) -> float | None:
    """Millimetres in a unit of length; None for pixels and what is no length."""
    return millimetres(str(unit))


def place_of(layer: Any) -> Place:
    """Where a layer says it lies."""
    units = getattr(layer, "units", None)
    factor = to_mm(units[-1]) if units is not None else None
    origin, step = ([float(v) * (factor or 1.0) for v in values] for values in (layer.translate, layer.scale))
    if layer.ndim == 2:
        origin, step = [0.0, *origin], [1.0, *step]
    return Place(tuple(origin), tuple(step), PIXEL if factor is None else "mm")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shaped:
    """A grid that is known beside the layers: that of the scan."""

    name: str
    shape: tuple[int, ...]
    place: Place


def placed(layers: Sequence[Any], scan: Shaped | None = None) -> tuple[list[Placed], list[str]]:
    """Layers that can be compared with each other, and a sentence on each that cannot, or on what was assumed.

    The unit of the first layer in mm counts, else that of the first. A layer of the other unit is taken to lie on the
    grid of one that has its shape, and left out where there is none.

    Parameters
    ----------
    layers : sequence of layers
        In their order.
    scan : Shaped, optional
        Volume that the whole detector gives.
    """
    straight = [layer for layer in layers if not turned(layer)]
    notes = [
        f"“{layer.name}” was turned or sheared in the viewer, and is left out: take the turn back in its controls."
        for layer in layers
        if layer not in straight
    ]
    known = [Shaped(f"“{layer.name}”", layer.data.shape, place_of(layer)) for layer in straight]
    unit = next((one.place.unit for one in known if one.place.unit == "mm"), PIXEL)
    grids = [*([] if scan is None else [scan]), *known]
    found: list[Placed] = []
    for layer, one in zip(straight, known, strict=True):
        if one.place.unit == unit:
            found.append(Placed(layer, one.place))
            continue
        twin = next((other for other in grids if other.place.unit == unit and other.shape == one.shape), None)
        if twin is None:
            notes.append(
                f"{one.name} has no pixel size, others are in mm: it is left out, because nobody knows where it lies. "
                "Give its pixel size, or open a file that holds it."
            )
            continue
        found.append(Placed(layer, twin.place))
        notes.append(f"{one.name} has no pixel size; it has the shape of {twin.name} and is taken to lie there.")
    return found, notes


def same_grid(image: NDArray[Any], place: Place, other: NDArray[Any], other_place: Place) -> bool:
    """Whether two slices lie on one grid of pixels, to a fifth of one.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    place : Place
        Where it lies.
    other : ndarray, shape (y, x)
    other_place : Place
        Where that lies.

    Returns
    -------
    bool
        False where their shapes differ.
    """
    if image.shape != other.shape:
        return False
    step = np.array(place.step[1:])
    far = np.abs(np.array(place.origin[1:]) - np.array(other_place.origin[1:]))
    across = np.abs(step - np.array(other_place.step[1:])) * np.array(image.shape)
    return bool((far + across < 0.2 * step).all())


def turned(layer: Any) -> bool:
    """Whether a layer was turned or sheared in the viewer, which no file of ours can say."""
    affine = np.asarray(getattr(layer, "affine", np.eye(3)), dtype=float)
    rotate = np.asarray(getattr(layer, "rotate", np.eye(layer.ndim)), dtype=float)
    shear = np.asarray(getattr(layer, "shear", 0.0), dtype=float)
    return not (
        np.allclose(affine, np.eye(len(affine)))
        and (rotate.ndim < 2 or np.allclose(rotate, np.eye(len(rotate))))
        and np.allclose(shear, 0)
    )


def grid_of(scan: ScanPresenter) -> Shaped | None:
    """The volume that the whole detector gives: a reference without a pixel size is one on that grid."""
    _, rows, columns = scan.shape
    if not rows or scan.edge is None:
        return None
    return Shaped("the scan's volume", (rows, columns, columns), Place((0.0,) * 3, (scan.edge,) * 3, "mm"))


def middle_of(layer: Any) -> tuple[float, float]:
    """The middle of a slice of a layer (y, x), in its unit; the origin where there is none."""
    if layer is None:
        return 0.0, 0.0
    place = place_of(layer)
    y, x = np.array(place.origin[-2:]) + np.array(place.step[-2:]) * (np.array(layer.data.shape[-2:]) - 1) / 2
    return float(y), float(x)
