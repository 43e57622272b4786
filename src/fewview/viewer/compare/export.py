"""The HTML report of what the Compare dock shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..common.layers import facts
from ..workbench import Workbench
from .pictures import slice_png
from .report import Picture, html_report, record_of


def report_of(dock: Any) -> str:
    """Report of a Compare dock, as it stands."""
    bench: Workbench = dock.bench
    reference = dock.reference()
    layers = [*([reference] if reference is not None else []), *dock.compared()]
    boxes = dock.regions.boxes()
    pictures = []
    for layer in layers:
        candidate = dock.presenter.candidate(layer, dock.z)
        if candidate is None:
            continue
        parts = [(name, candidate.region(corners)) for name, corners in boxes]
        regions = [(name, region) for name, region in parts if region is not None]
        limits = (float(layer.contrast_limits[0]), float(layer.contrast_limits[1]))
        caption = f"{layer.name} (grey from {limits[0]:.4g} to {limits[1]:.4g})"
        pictures.append(Picture(caption, slice_png(candidate.image, limits, regions)))
    records = {layer.name: record_of(facts(layer.metadata)) for layer in dock.compared()}
    notes = []
    if reference is None:
        notes.append("No reference was given: nothing here measures the error against a truth.")
    title = f"Comparison of {Path(bench.scan.path).name}" if bench.scan.path else "Comparison"
    return html_report(title, pictures, dock.columns, dock.rows, records, notes)
