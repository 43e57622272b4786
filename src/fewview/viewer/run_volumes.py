"""X-ray volume and reference of a run, as their layers are when it starts: changed layers, and layers that do not fit.

No Qt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import FewviewError
from ..runs.recipe import Recipe
from .common.layers import spatial
from .compare.grids import Place, grid_of, placed
from .compare.value_units import made_with, unit_of
from .files.layer_files import file_of, layer_of
from .scan.presenter import ScanPresenter

ROLES = ("auxiliary", "reference")  # of the other volumes of a scan
ASIDE = 0.2  # voxels by which two grids may differ


def follow_layers(layers: Iterable[Any], scan: ScanPresenter) -> None:
    """Name the files that hold X-ray volume and reference of a scan as their layers are now.

    Raises
    ------
    FewviewError
        A changed layer cannot be written.
    """
    shown = list(layers)
    for role in ROLES:
        layer = layer_of(shown, getattr(scan, role))
        if layer is not None:
            setattr(scan, role, file_of(layer, scan.path))


def fitted(recipe: Recipe, layers: Iterable[Any], scan: ScanPresenter) -> tuple[Recipe, str]:
    """A recipe without a reference that the run cannot be measured against, and the sentence that says so.

    Parameters
    ----------
    recipe : Recipe
        Of the run.
    layers : iterable of napari layers
    scan : ScanPresenter
        That the run is on.

    Returns
    -------
    recipe : Recipe
        As given, or without its reference.
    note : str
        Empty where nothing was left out.

    Raises
    ------
    FewviewError
        The layer of the X-ray volume lies elsewhere than the volume to come: a guide must not.
    """
    shown = list(layers)
    guide = layer_of(shown, recipe.auxiliary)
    if guide is not None and recipe.registration is None and (why := misfit(guide, recipe, scan)):
        raise FewviewError(f"“{guide.name}” cannot guide this run: {why}", "Bring it onto the grid with Registration.")
    truth = layer_of(shown, recipe.reference)
    why = "" if truth is None else misfit(truth, recipe, scan) or _no_scale(truth)
    if not why:
        return recipe, ""
    return recipe.model_copy(update={"reference": None}), f"Not scored against “{truth.name}”: {why}"


def misfit(layer: Any, recipe: Recipe, scan: ScanPresenter) -> str:
    """Why a layer is not on the grid of a run, nor on that of the whole detector; empty where it is.

    Parameters
    ----------
    layer : napari layer
    recipe : Recipe
        Of the run.
    scan : ScanPresenter
        That it is on.

    Returns
    -------
    str
        A clause that says what does not fit.
    """
    whole = scan.scan
    assert whole is not None  # else there would be no recipe
    rows, run = recipe.rows or (0, whole.geometry.rows), whole
    if recipe.rows is not None:
        run = run.rows(*recipe.rows)
    if recipe.bin > 1:
        run = run.bin(recipe.bin)
    shape = layer.data.shape if layer.ndim == 3 else (1, *layer.data.shape)
    wanted = (run.geometry.rows, *run.geometry.volume.shape)
    full = (whole.geometry.rows, *whole.geometry.volume.shape)
    if shape != wanted and (shape[0] < rows[1] or shape[1:] != full[1:]):
        sizes = [" × ".join(map(str, one)) for one in (shape, wanted)]
        return f"it has {sizes[0]} voxels (z, y, x), the run makes {sizes[1]}."
    known, _ = placed([layer], grid_of(scan))
    if not known:
        return "it was turned or sheared in the viewer."
    place = known[0].place
    if (place.unit == "mm") != (scan.edge is not None):  # nobody knows where it lies: its shape has to do
        return ""
    start = spatial(wanted, None if scan.edge is None else scan.edge * recipe.bin, rows[0], recipe.bin)
    edge = scan.edge or 1.0
    places = [(wanted, Place(start["translate"], start["scale"], place.unit))]
    places.append((full, Place((0.0,) * 3, (edge,) * 3, place.unit)))
    if any(shape[1:] == size[1:] and _same(place, other, shape, layer.ndim) for size, other in places):
        return ""
    return "it lies elsewhere than the run: its scale or translation, or its rows, are others."


def _same(one: Place, other: Place, shape: tuple[int, ...], ndim: int) -> bool:
    axes = slice(3 - ndim, 3)  # an image is a slice of every height
    step = np.array(other.step)[axes]
    far = np.abs(np.array(one.origin) - np.array(other.origin))[axes]
    across = np.abs(np.array(one.step)[axes] - step) * np.array(shape)[axes]
    return bool((far + across < ASIDE * step).all())


def _no_scale(layer: Any) -> str:
    """Why nothing can be measured against the values of a layer."""
    if made_with(unit := unit_of(layer)) is not None:
        return f"it is in {unit}, which is another one by now."
    parts = [np.asarray(part, dtype=np.float32) for part in (layer.data if layer.ndim == 3 else [layer.data])]
    bad = sum(int(np.count_nonzero(~np.isfinite(part))) for part in parts)
    if bad:
        return f"{bad} of its {layer.data.size} voxels are not numbers."
    constant = max(part.max() for part in parts) == min(part.min() for part in parts)
    return "all of its voxels have the same value." if constant else ""
