"""Bring back what was saved: scan, settings, regions and volumes of a run record, or of a whole session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import FewviewError
from ..runs.recipe import Recipe
from .common.layers import METADATA, spatial
from .common.notify import complain, tell
from .compare.regions_layer import Regions
from .files.layer_files import files_of
from .files.records import read_record
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
    take(bench, scan, restored.regions, [restored.volume] if restored.volume else [])
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


def take(bench: Any, scan: ScanPresenter, regions: Sequence[Mapping[str, Any]], volumes: Sequence[str]) -> None:
    """Show a scan with its other volumes, its results and its regions.

    Parameters
    ----------
    bench : Any
        The workbench.
    scan : ScanPresenter
    regions : sequence of Mapping[str, Any]
        As :func:`regions_of` gave them.
    volumes : sequence of str
        Files of results.
    """
    bench.take_in(scan)
    bench.add_volumes(scan)
    known = {file for layer in bench.viewer.layers for file in files_of(layer)}
    for path in volumes:
        if path not in known:
            _show(bench, scan, path)
    if not volumes:
        bench.show_projections(True)
    if regions:
        put_regions(bench.viewer, scan, regions)
    bench.scans.reset_view()
    bench.scan_changed.emit()


def regions_of(viewer: Any, scan: ScanPresenter) -> list[dict[str, Any]]:
    """Regions of a scan as plain values: name, corners (y, x) and their unit."""
    from .compare.grids import place_of

    found = Regions(viewer)
    found.scan = scan.path
    if found.layer is None:
        return []
    unit = place_of(found.layer).unit
    return [{"name": name, "unit": unit, "corners": corners.tolist()} for name, corners in found.boxes()]


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
    layer.make(SimpleNamespace(**{key: np.array(grid[key]) for key in ("scale", "translate")}, units=grid["units"]))
    factor = scan.edge or 1.0
    for region in regions:
        corners = np.asarray(region["corners"], dtype=float)
        in_mm = region.get("unit") == "mm"
        layer.add_box(str(region["name"]), corners * (factor if scan.edge and not in_mm else 1.0))


def _show(bench: Any, scan: ScanPresenter, path: str) -> None:
    try:
        data, keywords, _ = volume_layer(path, of=scan.path)
    except FewviewError as error:
        complain(error)
        return
    about = keywords["metadata"][METADATA]
    record = about["record"]
    prefix = bench.scans.prefix(scan)
    about["prefix"] = prefix
    if record.get("recipe"):
        about |= {"recipe": record["recipe"], "title": record.get("title", "")}
        keywords["name"] = record.get("title") or keywords["name"]
    keywords["name"] = prefix + keywords["name"]
    bench.viewer.add_image(data, **keywords)
