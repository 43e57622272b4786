"""The comparison table: region by layer, which numbers apply, which of them is best. No Qt.

Without a reference there is no PSNR, no SSIM and no difference: the columns are gone, not filled with something else.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...quality import Region
from ..common.words import cell
from .measure import Measured, measure
from .regions_file import box_region, inside

Better = Literal["high", "low", ""]
WHOLE = "slice"  # the region that is always there
SHORTEST, LONGEST = 0.01, 1e4  # values that need no power of ten
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    key, title, tooltip : str
    better : {"high", "low", ""}
        Which end is better; empty where neither is, and no star is given.
    needs_reference : bool
    digits : int
    unit : str
        Behind the title; "value" stands for the unit of the layers.
    """

    key: str
    title: str
    tooltip: str
    better: Better = ""
    needs_reference: bool = False
    digits: int = 4
    unit: str = ""

    def heading(self, value_unit: str = "", power: int = 0) -> str:
        """Title and unit, as they head the column; of values in units of a power of ten."""
        unit = value_unit if self.unit == "value" else self.unit
        if self.unit == "value" and power:
            unit = f"10{str(power).translate(RAISED)} {unit}".rstrip()
        return f"{self.title} / {unit}" if unit else self.title


COLUMNS = (
    Column(
        "psnr",
        "PSNR",
        "Against the reference; data range of the whole reference. Higher is better.",
        "high",
        True,
        unit="dB",
    ),
    Column(
        "ssim",
        "SSIM",
        "Against the reference, Gaussian window; n/a under 7 pixels a side. Higher is better.",
        "high",
        True,
        3,
    ),
    Column("difference", "Diff.", "Mean of layer minus reference. Nearer to 0 is better.", "low", True, 3, "value"),
    Column("mean", "Mean", "Mean of the region.", unit="value"),
    Column("std", "Std", "Standard deviation within the region: noise and structure alike.", digits=3, unit="value"),
    Column("cnr", "CNR", "Contrast to the surroundings over their standard deviation.", digits=3),
    Column("edge_width", "Edge", "10-90 % width of the sharpest edge. Smaller is sharper.", digits=3, unit="px"),
    Column(
        "heldout_error",
        "Held-out",
        "Relative error of predicting views that were held out; of the whole run. Lower is better.",
        "low",
        digits=3,
    ),
    Column(
        "data_residual",
        "Residual",
        "Relative misfit to the measured views; of the whole run. Below the noise it is overfitted.",
        digits=3,
    ),
)
OF_RUNS = ("heldout_error", "data_residual")
BEST_MARK = "★"
SLICE_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """One layer as it takes part in the comparison.

    Parameters
    ----------
    name : str
    image : array, shape (y, x)
        The slice that is looked at.
    origin, step : pair of float
        World position of pixel (0, 0) and size of a pixel, (y, x).
    version : int
        Grows whenever the data changes, so that only a streaming layer is measured anew.
    scores : mapping
        ``heldout_error`` and ``data_residual`` of the run that made it, where known.
    truth : array, shape (y, x), optional
        The reference on the pixels of this layer; None where it cannot be compared with it.
    key : int
        Of the layer, whatever it is called; 0: its name serves.
    divided : float
        What its values were divided by, to compare them with those of other layers.
    """

    name: str
    image: NDArray[Any]
    origin: tuple[float, float] = (0.0, 0.0)
    step: tuple[float, float] = (1.0, 1.0)
    version: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    truth: NDArray[Any] | None = None
    key: int = 0
    divided: float = 1.0

    def region(self, corners: NDArray[Any] | None) -> Region | None:
        """The pixels that a box (n corners, 2), in world coordinates, covers on this layer; None if none.

        No corners: all pixels.
        """
        if corners is None:
            return Region((0, self.image.shape[0]), (0, self.image.shape[1]))
        if not np.isfinite(corners).all():  # drawn by a script
            return None
        return inside(self._box(corners), self.image.shape)

    def cut(self, corners: NDArray[Any] | None) -> str:
        """A note where a box reaches beyond the layer."""
        part = self.region(corners)
        beyond = corners is not None and part is not None and part != self._box(corners)
        return "reaches beyond this layer, and only the part inside is measured" if beyond else ""

    def _box(self, corners: NDArray[Any]) -> Region:
        return box_region((corners - np.array(self.origin)) / np.array(self.step))


@dataclass(frozen=True, eq=False)
class Truth:
    """The reference: its slice, the data range of all of it, and a number that grows with every change."""

    name: str
    image: NDArray[Any]
    value_range: float
    version: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table; ``best`` names the columns in which it wins within its region."""

    region: str
    layer: str
    values: dict[str, float | None]
    best: frozenset[str] = frozenset()
    key: int = 0
    note: str = ""

    def text(self, column: Column, power: int = 0) -> str:
        """Cell in words, the best one marked by a star, not by colour alone."""
        mark = f"{BEST_MARK} " if column.key in self.best else ""
        value = self.values.get(column.key)
        if value is not None and column.unit == "value":
            value /= 10**power
        return mark + cell(value, column.digits)


def power_of_ten(columns: Sequence[Column], rows: Sequence[Row]) -> int:
    """The power of ten in units of which the layers' values are short: a multiple of 3; 0 where they are so anyway."""
    values = [row.values.get(column.key) for column in columns if column.unit == "value" for row in rows]
    top = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    return 0 if top == 0 or SHORTEST <= top < LONGEST else 3 * math.floor(math.log10(top) / 3)


class Table:
    """Measures regions of layers; remembers what has not changed."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Measured] = {}
        self._slices: dict[int | str, tuple[int, float]] = {}
        self.behind = False  # whether a whole slice is measured again a little later

    def columns(self, reference: bool, rows: Sequence[Row] = ()) -> list[Column]:
        """Columns that apply: those of the reference only with one, those of whole runs only where a run told them."""
        told = {key for row in rows for key, value in row.values.items() if value is not None}
        return [
            column
            for column in COLUMNS
            if (reference or not column.needs_reference)
            and (column.key in told or not rows or column.key not in OF_RUNS)
        ]

    def rows(
        self,
        regions: Sequence[tuple[str, NDArray[Any] | None]],
        layers: Sequence[Candidate],
        truth: Truth | None = None,
        plane: float = 0,
    ) -> list[Row]:
        """All lines, region by region.

        Parameters
        ----------
        regions : sequence of (name, array (n, 2) or None)
            Corners (y, x) in world coordinates; None for the whole slice.
        layers : sequence of Candidate
        truth : Truth, optional
        plane : float
            Position of the slice that the images are of; part of what is remembered.

        Returns
        -------
        list of Row
            One for each region and layer; the best of a region are marked.
        """
        known: dict[tuple[Any, ...], Measured] = {}
        self.behind = False
        lines: list[Row] = []
        scale = None if truth is None else (truth.name, truth.value_range, truth.version)
        for name, corners in regions:
            block = []
            for layer in layers:
                region = layer.region(corners)
                version = self._slice_version(layer) if corners is None else layer.version
                key = (layer.key or layer.name, version, region, plane, scale, layer.divided)
                if key not in known:
                    known[key] = self._known.get(key) or _measured(layer, region, truth, whole=corners is None)
                values, note = known[key]
                note = "; ".join(filter(None, (note, layer.cut(corners))))
                block.append(Row(name, layer.name, {**values, **layer.scores}, key=layer.key, note=note))
            lines += with_best(block)
        self._known = known
        return lines

    def _slice_version(self, layer: Candidate) -> int:
        """Version to measure a whole slice of: its SSIM costs too much to follow every estimate of a run."""
        name, now = layer.key or layer.name, time.monotonic()
        known = self._slices.get(name)
        if known is None or (known[0] != layer.version and now - known[1] >= SLICE_SECONDS):
            known = self._slices[name] = (layer.version, now)
        self.behind = self.behind or known[0] != layer.version
        return known[0]


def as_csv(columns: Sequence[Column], rows: Sequence[Row], value_unit: str = "") -> str:
    """The table as CSV, full precision; empty where a number does not apply; the unit of the values in a column.

    Parameters
    ----------
    columns : sequence of Column
    rows : sequence of Row
    value_unit : str, optional
        Of the volumes.

    Returns
    -------
    str
        With a first line of headings.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["region", "layer", *(column.key for column in columns), "unit", "note"])
    for row in rows:
        values = (row.values.get(column.key) for column in columns)
        numbers = ("" if value is None else repr(float(value)) for value in values)
        writer.writerow([row.region, row.layer, *numbers, value_unit, row.note])
    return out.getvalue()


def _measured(layer: Candidate, part: Region | None, truth: Truth | None, whole: bool) -> Measured:
    if part is None:
        return {}, "lies outside this layer"
    scale = None if truth is None or layer.truth is None else truth.value_range
    values, note = measure(layer.image, part, layer.truth, scale)
    if whole:  # an edge of the sample against the air says nothing of the sample
        values |= {"edge_width": None, "cnr": None}
    return values, note


def with_best(block: list[Row]) -> list[Row]:
    """The rows of one region, with the best of each column in which better is defined."""
    if len(block) < 2:
        return block
    best: list[set[str]] = [set() for _ in block]
    for column in COLUMNS:
        if not column.better:
            continue
        values = [row.values.get(column.key) for row in block]
        sizes = [None if v is None else abs(v) if column.key == "difference" else v for v in values]
        present = [value for value in sizes if value is not None and not math.isnan(value)]
        if len(present) < 2 or len(set(present)) < 2:
            continue
        winner = max(present) if column.better == "high" else min(present)
        for index, value in enumerate(sizes):
            if value == winner:
                best[index].add(column.key)
    return [replace(row, best=frozenset(keys)) for row, keys in zip(block, best, strict=True)]
