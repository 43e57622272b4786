"""Bring back what was saved: scan, settings, regions and volumes of a run record, or of a whole session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from ..errors import FewviewError
from ..runs.recipe import Recipe
from .common.layers import METADATA, facts, spatial
from .common.names import with_prefix
from .common.notify import complain, tell
from .compare.regions_layer import Regions
from .files.layer_files import files_of, layer_of
from .files.records import read_record
from .kept_results import as_described
from .scan.presenter import ScanPresenter
from .scan.samples import volume_layer


def open_record(bench: Any, path: str) -> None:
    """Open the record at ``path``: its scan beside those that are open, with the settings of its run.

    Parameters
    ----------
    bench : Workbench
    """
    try:
        restored = read_record(path)
        scan = scan_of_recipe(restored.recipe)
        scan.reference = restored.reference
    except FewviewError as error:
        complain(error)
        return
    take(bench, scan, restored.regions, [{"file": restored.volume}] if restored.volume else [])
    tell(f"{Path(path).name}: the scan and its regions are back, and its settings are in the Reconstruct dock.")
    bench.restored.emit(restored.recipe)


def scan_of_recipe(recipe: Recipe) -> ScanPresenter:
    """A scan as a recipe uses it.

    Raises
    ------
    FewviewError
        The file is gone, or another one by now.
    """
    scan = ScanPresenter()
    scan.load(recipe.scan, **recipe.reader.given())
    scan.use_like(recipe)
    scan.auxiliary, scan.reference = recipe.auxiliary, recipe.reference
    if recipe.axis != "auto":
        scan.set_axis(recipe.axis, recipe.axis_origin or "given: by the record")
    return scan


def take(
    bench: Any,
    scan: ScanPresenter,
    regions: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    names: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Show a scan with its other volumes, its results and its regions.

    Parameters
    ----------
    bench : Any
        The workbench.
    scan : ScanPresenter
    regions : sequence of Mapping[str, Any]
        As :func:`regions_of` gave them.
    results : sequence of Mapping[str, Any]
        Files of results, and what their layers were, as :func:`~fewview.viewer.kept_results.described` gave it.
    names : Mapping[str, str], optional
        Of the layers of the other volumes.
    """
    bench.take_in(scan)
    bench.add_volumes(scan)
    for role, name in names.items():
        layer = layer_of(bench.viewer.layers, getattr(scan, role))
        if layer is not None:
            layer.name = with_prefix(facts(layer.metadata).get("prefix", ""), name)
    known = {file for layer in bench.viewer.layers for file in files_of(layer)}
    for entry in results:
        if entry["file"] not in known:
            _show(bench, scan, entry)
    if not results:
        bench.show_projections(True)
    if regions:
        put_regions(bench.viewer, scan, regions)
    bench.scans.reset_view()
    bench.scan_changed.emit()


def regions_of(layers: Iterable[Any], scan: ScanPresenter) -> list[dict[str, Any]]:
    """Regions of a scan as plain values: name, kind of shape, corners (y, x) and their unit.

    Parameters
    ----------
    layers : iterable of napari layers
    scan : ScanPresenter
    """
    from .compare.grids import place_of

    found = Regions(SimpleNamespace(layers=list(layers)))
    found.scan = scan.path
    if found.layer is None:
        return []
    unit, kinds = place_of(found.layer).unit, found.layer.shape_type
    return [
        {"name": name, "kind": str(kind), "unit": unit, "corners": corners.tolist()}
        for (name, corners), kind in zip(found.boxes(), kinds, strict=True)
    ]


def put_regions(viewer: Any, scan: ScanPresenter, regions: Sequence[Mapping[str, Any]]) -> None:
    """Draw regions that :func:`regions_of` gave.

    Parameters
    ----------
    viewer : Any
        napari's.
    scan : ScanPresenter
    regions : sequence of Mapping[str, Any]
    """
    layer = Regions(viewer)
    layer.scan = scan.path
    grid = spatial((1, 1), scan.edge)
    slice_of = np.broadcast_to(np.float32(0), (1, scan.shape[2]))  # as wide as the lines are to be thin
    place = {key: np.array(grid[key]) for key in ("scale", "translate")}
    layer.make(SimpleNamespace(**place, units=grid["units"], data=slice_of))
    factor = scan.edge or 1.0
    for region in regions:
        corners = np.asarray(region["corners"], dtype=float)
        in_mm = region.get("unit") == "mm"
        scaled = corners * (factor if scan.edge and not in_mm else 1.0)
        layer.add_box(str(region["name"]), scaled, str(region.get("kind", "rectangle")))


def _show(bench: Any, scan: ScanPresenter, entry: Mapping[str, Any]) -> None:
    try:
        data, keywords, _ = volume_layer(entry["file"], of=scan.path)
    except FewviewError as error:
        complain(error)
        return
    about = keywords["metadata"][METADATA]
    record = about["record"]
    about["prefix"] = bench.scans.prefix(scan)
    about["unit"] = entry.get("unit") or about["unit"]  # the pixel size may have been corrected since it was written
    if record.get("recipe"):
        about |= {"recipe": record["recipe"], "title": record.get("title", "")}
        keywords["name"] = record.get("title") or keywords["name"]
    data, keywords = as_described(data, keywords, entry)
    keywords["name"] = with_prefix(about["prefix"], keywords["name"])
    bench.viewer.add_image(data, **keywords)
