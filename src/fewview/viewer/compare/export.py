"""The HTML report of what the Compare dock shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.layers import contrast, facts
from ..workbench import Workbench
from .pictures import slice_png
from .presenter import Comparison
from .report import Picture, html_report, record_of
from .value_units import in_short


def report_of(dock: Any) -> str:
    """Report of a Compare dock, as it stands."""
    bench: Workbench = dock.bench
    comparison: Comparison = dock.comparison
    boxes = dock.regions.boxes()
    unit = in_short(comparison.unit)
    truth = comparison.truth
    limits = common_limits([c.image for c in comparison.candidates], None if truth is None else truth.image)
    pictures = []
    if truth is not None:
        pictures.append(Picture(f"{truth.name} (reference)", slice_png(truth.image, limits)))
    for candidate in comparison.candidates:
        parts = [(name, candidate.region(corners)) for name, corners in boxes]
        regions = [(name, region) for name, region in parts if region is not None]
        pictures.append(Picture(candidate.name, slice_png(candidate.image, limits, regions)))
    records = {layer.name: record_of(facts(layer.metadata)) for layer in dock.compared()}
    notes = [f"Grey from {limits[0]:.4g} to {limits[1]:.4g} {unit} in every picture.", *comparison.notes]
    if truth is None:
        notes.append("No reference was given: nothing here measures the error against a truth.")
    title = f"Comparison of {Path(bench.scan.path).name}" if bench.scan.path else "Comparison"
    return html_report(title, pictures, dock.columns, dock.rows, records, notes, unit)


def common_limits(images: list[NDArray[Any]], truth: NDArray[Any] | None) -> tuple[float, float]:
    """One grey range for all pictures: that of the reference, else of all slices together."""
    if truth is not None and np.isfinite(truth).any():
        return contrast(truth)
    return contrast(np.concatenate([image.ravel() for image in images])[None]) if images else (0.0, 1.0)
