"""Whether the values of layers can be compared: 1/mm is not "per pixel", and what another program wrote may be either.

No Qt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...io.volume_out import PER_MM, PER_PIXEL
from ..common.layers import facts, plane_at

TITLES = {PER_MM: "/ mm⁻¹", PER_PIXEL: "per pixel"}  # of an axis of a plot
FACTOR = 3.0  # between the levels of two volumes of one sample in one unit, however they were made
LEVEL = 99.0  # percentile that stands for the level of a slice


def unit_of(layer: Any) -> str | None:
    """Unit of a layer's values, where it is known: a layer of a run, or of a file that says so."""
    about = facts(layer.metadata)
    known = about.get("unit") or about.get("record", {}).get("unit")
    if known in (PER_MM, PER_PIXEL):
        return str(known)
    if "recipe" in about:  # a run in progress has no record yet
        return PER_PIXEL if str(layer.units[-1]) == "pixel" else PER_MM
    return None


def unit_warning(layers: Sequence[Any]) -> str:
    """What is wrong with comparing these layers, and what to do; empty when nothing is."""
    units = {layer.name: unit_of(layer) for layer in layers}
    for unit in (PER_MM, PER_PIXEL):
        others = [name for name, known in units.items() if known is not None and known != unit]
        here = [name for name, known in units.items() if known == unit]
        if here and others:
            return (
                f"{here[0]} is in {unit}, {others[0]} is not: their values cannot be compared. "
                "Give the pixel size in the Scan dock and run again, or compare layers of one unit."
            )
    known = [layer for layer in layers if units[layer.name] is not None]
    for layer in layers:
        if units[layer.name] is None and known:
            ratio = _level(layer) / max(_level(known[-1]), 1e-30)
            if not 1 / FACTOR < ratio < FACTOR:
                return (
                    f"{layer.name} does not say the unit of its values, and they are {ratio:.2g} times those of "
                    f"{known[-1].name} (in {units[known[-1].name]}). If it is in another unit, scale it first."
                )
    return ""


def _level(layer: Any) -> float:
    plane = plane_at(layer.data, len(layer.data) // 2)
    values = np.abs(np.zeros(1) if plane is None else plane.image)
    return float(np.nanpercentile(values, LEVEL))
