"""What the Compare dock computes from layers and regions: candidates, truth, table, scale curve, profiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...quality import data_range, scale_curve
from ..common.layers import facts, plane_at
from ..files.layer_files import is_volume
from .profile import line_profile
from .table import Candidate, Row, Table, Truth

RUN_SCORES = ("heldout_error", "data_residual")


class ComparePresenter:
    """Reads layers (anything with data, scale, translate, name, metadata) at one position along z."""

    def __init__(self) -> None:
        self.table = Table()
        self._versions: dict[str, int] = {}
        self._ranges: dict[tuple[str, int], float] = {}

    def touch(self, name: str) -> None:
        """Say that a layer's data has changed."""
        self._versions[name] = self._versions.get(name, 0) + 1

    def candidate(self, layer: Any, z: float, live: dict[str, dict[str, float]] | None = None) -> Candidate | None:
        """A layer at the world position ``z``; None where it has no slice there."""
        plane = plane_at(layer.data, index_at(layer, z))
        if plane is None:
            return None
        origin, step = (tuple(float(v) for v in values[-2:]) for values in (layer.translate, layer.scale))
        return Candidate(
            layer.name,
            plane.image,
            origin,  # type: ignore[arg-type]
            step,  # type: ignore[arg-type]
            self._versions.get(layer.name, 0),
            (live or {}).get(layer.name) or run_scores(layer),
        )

    def truth(self, layer: Any, z: float) -> Truth | None:
        """The reference at ``z``; None without one, without a slice there, or if it is constant."""
        if layer is None:
            return None
        plane = plane_at(layer.data, index_at(layer, z))
        if plane is None:
            return None
        key = (layer.name, self._versions.get(layer.name, 0))
        if key not in self._ranges:
            values = np.asarray(layer.data)
            self._ranges = {key: data_range(values) if float(np.ptp(values)) > 0 else 0.0}
        scale = self._ranges[key]
        return Truth(layer.name, plane.image, scale) if scale > 0 else None

    def rows(
        self,
        layers: list[Any],
        regions: list[tuple[str, NDArray]],
        reference: Any,
        z: float,
        live: dict[str, dict[str, float]] | None = None,
    ) -> tuple[list[Row], Truth | None]:
        """Lines of the table, and the truth they were measured against."""
        truth = self.truth(reference, z)
        candidates = [self.candidate(layer, z, live) for layer in layers]
        present = [candidate for candidate in candidates if candidate is not None]
        return self.table.rows(regions, present, truth, z), truth

    def scale_curves(self, layers: list[Any], reference: Any, point: tuple[float, float], z: float) -> dict[str, Any]:
        """PSNR against region size (DINR's scales) around a world point (y, x), per layer."""
        truth = self.truth(reference, z)
        curves: dict[str, Any] = {}
        if truth is None:
            return curves
        for layer in layers:
            candidate = self.candidate(layer, z)
            if candidate is None or candidate.image.shape != truth.image.shape:
                continue
            pixel = (np.asarray(point) - candidate.origin) / candidate.step
            if not all(0 <= p < n for p, n in zip(pixel, candidate.image.shape, strict=True)):
                continue
            rows = scale_curve(candidate.image, truth.image, (pixel[0], pixel[1]), value_range=truth.value_range)
            sizes = [float(np.sqrt(size[0] * size[1])) for size, _, _ in rows]
            curves[layer.name] = (sizes, [value for _, value, _ in rows])
        return curves

    def profiles(self, layers: list[Any], line: tuple[NDArray, NDArray], z: float) -> dict[str, Any]:
        """Values along a line (world coordinates) on every layer; distances in world units."""
        curves: dict[str, Any] = {}
        for layer in layers:
            candidate = self.candidate(layer, z)
            if candidate is None:
                continue
            start, stop = ((end - candidate.origin) / candidate.step for end in line)
            distance, values = line_profile(candidate.image, start, stop)
            curves[layer.name] = (distance * candidate.step[0], values)
        return curves


def comparable(layers: Any, reference_name: str) -> list[Any]:
    """Image layers that can be compared: volumes and slices, without projections and without the reference."""
    return [
        layer
        for layer in layers
        if is_volume(layer) and layer.name != reference_name and not facts(layer.metadata).get("swipe")
    ]


def index_at(layer: Any, z: float) -> int:
    """Index of the slice of a layer at a world position."""
    if layer.ndim < 3:
        return 0
    return round((z - float(layer.translate[0])) / float(layer.scale[0]))


def run_scores(layer: Any) -> dict[str, float]:
    """Held-out error and data residual that the run of a layer ended with."""
    record = facts(layer.metadata).get("record", {})
    history = facts(layer.metadata).get("history", {})
    scores = {}
    for name in RUN_SCORES:
        value = record.get(name)
        if value is None and history.get(name):
            value = history[name][-1][1]  # it was stopped, or failed: the last value that was told
        if value is not None:
            scores[name] = float(value)
    return scores
