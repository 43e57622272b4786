"""Whether the values of layers can be compared: 1/mm is not "per pixel", and what another program wrote may be either.

No Qt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...io.volume_out import PER_MM, PER_PIXEL
from ..common.layers import facts
from ..common.words import plain
from .grids import PIXEL, Placed

SHORT = {PER_MM: "mm⁻¹", PER_PIXEL: "px⁻¹"}  # behind a number, and in headings
FACTOR = 3.0  # between the levels of two volumes of one sample in one unit, however they were made
OTHER_PIXEL = re.compile(rf"{re.escape(PER_MM)} of a pixel of (\S+) mm")  # told wrong when it was reconstructed
LEVEL = 99.0  # percentile that stands for the level of a slice


def unit_of(layer: Any) -> str | None:
    """Unit of a layer's values, where it is known: a layer of a run, or of a file that says so."""
    about = facts(layer.metadata)
    known = about.get("unit") or about.get("record", {}).get("unit")
    if known in (PER_MM, PER_PIXEL) or made_with(known) is not None:
        return str(known)
    return None


def made_with(unit: str | None) -> float | None:
    """mm of the pixel for which values in this unit hold, where the scan has another one by now; None else."""
    found = OTHER_PIXEL.fullmatch(unit or "")
    return None if found is None else float(found[1])


def in_short(unit: str) -> str:
    """A unit as it stands in headings; empty where it is not known."""
    made = made_with(unit)
    return SHORT.get(unit, "") if made is None else f"{SHORT[PER_MM]} ({made:g} mm px)"


def by_pixel(unit: str, before: float | None, edge: float | None) -> str:
    """Unit of values that nobody touches while the pixel size of their scan is corrected.

    Parameters
    ----------
    unit : str
        Until now.
    before, edge : float or None
        mm of a pixel of the scan's volume until now, and from now on; None where nobody knows.

    Returns
    -------
    str
        "mm^-1 of a pixel of 0.3 mm" where they were reconstructed with another one than that of now.
    """
    made = made_with(unit) or (before if unit == PER_MM else None)
    if made is None:
        return unit
    return PER_MM if edge is not None and abs(made / edge - 1) < 1e-6 else f"{PER_MM} of a pixel of {made:.7g} mm"


def one_unit(layers: Sequence[Any]) -> tuple[list[Any], str, list[str]]:
    """Layers whose values are in one unit, that unit, and a sentence on each of the others, or on a doubtful one.

    mm^-1 goes before all else; a layer that does not say its unit stays, with a warning where its level is far off.
    """
    units = {id(layer): unit_of(layer) for layer in layers}
    said = [unit for unit in units.values() if unit is not None]
    wanted = PER_MM if PER_MM in said else next(iter(said), None)
    notes = []
    again = "Reconstruct it again with the pixel size of the Scan dock."
    agreed = []
    for layer in layers:
        unit = units[id(layer)]
        if unit not in (None, wanted):
            notes.append(f"“{layer.name}” is in {unit}, others are in {wanted}: it is left out. {again}")
            continue
        if made_with(unit) is not None:
            notes.append(f"“{layer.name}” is in {unit}, which is another one by now. {again}")
        agreed.append(layer)
    known = [layer for layer in agreed if units[id(layer)] is not None]
    for layer in agreed:
        level = _level(layer)
        if units[id(layer)] is None and known and level > 0:  # of nothing there is no unit
            ratio = level / max(_level(known[-1]), 1e-30)
            if not 1 / FACTOR < ratio < FACTOR:
                notes.append(
                    f"“{layer.name}” does not say the unit of its values, and they are {plain(ratio)} times those of "
                    f"“{known[-1].name}” (in {wanted}). If it is in another unit, scale it first."
                )
    return agreed, wanted or "", notes


def larger_pixels(one: Placed, pixel: float, unit: str) -> float:
    """How many times as large as ``pixel`` those of a layer are, where its values are per pixel; 1 for mm^-1.

    Parameters
    ----------
    one : Placed
    pixel : float
        The smallest of those that are compared, in pixels of the detector.
    unit : str
        Of the values.

    Returns
    -------
    float
        What values are divided by, to be those of the smallest pixel.
    """
    larger = one.place.step[-1] / pixel
    return 1.0 if unit != PER_PIXEL or one.place.unit != PIXEL or abs(larger - 1) < 1e-6 else larger


def _level(layer: Any) -> float:
    middle = layer.data if layer.data.ndim == 2 else layer.data[len(layer.data) // 2]
    values = np.abs(np.asarray(middle, dtype=np.float32))
    values = values[np.isfinite(values)]
    return float(np.percentile(values, LEVEL)) if values.size else 0.0
