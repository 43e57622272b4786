"""The comparison table: region by layer, which numbers apply, which of them is best. No Qt.

Without a reference there is no PSNR, no SSIM and no difference: the columns are gone, not filled with something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...quality import Region, region_row
from ..common.words import number
from .regions_file import box_region, inside

Better = Literal["high", "low", ""]


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    key, title, tooltip : str
    better : {"high", "low", ""}
        Which end is better; empty where neither is.
    needs_reference : bool
    digits : int
    """

    key: str
    title: str
    tooltip: str
    better: Better = ""
    needs_reference: bool = False
    digits: int = 4


COLUMNS = (
    Column(
        "psnr", "PSNR dB", "Against the reference; data range of the whole reference. Higher is better.", "high", True
    ),
    Column(
        "ssim",
        "SSIM",
        "Against the reference, Gaussian window; n/a under 7 pixels a side. Higher is better.",
        "high",
        True,
        3,
    ),
    Column("difference", "Diff.", "Mean of layer minus reference, in the unit of the layer.", "low", True, 3),
    Column("mean", "Mean", "Mean of the region, in mm⁻¹ (per pixel where the pixel size is unknown)."),
    Column("std", "Std", "Standard deviation within the region.", digits=3),
    Column("cnr", "CNR", "Contrast to the surroundings over their noise. Higher is better.", "high", digits=3),
    Column(
        "edge_width", "Edge px", "10-90 % width of the sharpest edge, in pixels. Lower is sharper.", "low", digits=3
    ),
    Column(
        "heldout_error",
        "Held-out",
        "Error of predicting views that were held out; of the whole run. Lower is better.",
        "low",
        digits=3,
    ),
    Column(
        "data_residual",
        "Residual",
        "Relative misfit to the measured views; of the whole run. Too low is overfitted.",
        digits=3,
    ),
)
BEST_MARK = "★"


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
    """

    name: str
    image: NDArray
    origin: tuple[float, float] = (0.0, 0.0)
    step: tuple[float, float] = (1.0, 1.0)
    version: int = 0
    scores: dict[str, float] = field(default_factory=dict)

    def region(self, corners: NDArray) -> Region | None:
        """The pixels that a box (n corners, 2), in world coordinates, covers on this layer; None if none."""
        return inside(box_region((corners - np.array(self.origin)) / np.array(self.step)), self.image.shape)


@dataclass(frozen=True, eq=False)
class Truth:
    """The reference: its slice, and the data range of all of it."""

    name: str
    image: NDArray
    value_range: float


@dataclass(frozen=True)
class Row:
    """One line of the table; ``best`` names the columns in which it wins within its region."""

    region: str
    layer: str
    values: dict[str, float | None]
    best: frozenset[str] = frozenset()

    def text(self, column: Column) -> str:
        """Cell in words, the best one marked by a star, not by colour alone."""
        mark = f"{BEST_MARK} " if column.key in self.best else ""
        return mark + number(self.values.get(column.key), column.digits)


class Table:
    """Measures regions of layers; remembers what has not changed."""

    def __init__(self) -> None:
        self._known: dict[tuple, dict[str, float | None]] = {}

    def columns(self, reference: bool) -> list[Column]:
        """Columns that apply."""
        return [column for column in COLUMNS if reference or not column.needs_reference]

    def rows(
        self,
        regions: Sequence[tuple[str, NDArray]],
        layers: Sequence[Candidate],
        truth: Truth | None = None,
        plane: float = 0,
    ) -> list[Row]:
        """All lines, region by region.

        Parameters
        ----------
        regions : sequence of (name, array (n, 2))
            Corners (y, x) in world coordinates.
        layers : sequence of Candidate
        truth : Truth, optional
        plane : float
            Position of the slice that the images are of; part of what is remembered.
        """
        known: dict[tuple, dict[str, float | None]] = {}
        lines: list[Row] = []
        scale = None if truth is None else (truth.name, truth.value_range)
        for name, corners in regions:
            block = []
            for layer in layers:
                region = layer.region(corners)
                key = (layer.name, layer.version, region, plane, scale)
                values = self._known.get(key)
                if values is None:
                    values = _measure(layer, region, truth)
                known[key] = values
                block.append(Row(name, layer.name, {**values, **layer.scores}))
            lines += _with_best(block)
        self._known = known
        return lines


def as_csv(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The table as CSV, full precision; empty where a number does not apply."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["region", "layer", *(column.key for column in columns)])
    for row in rows:
        values = (row.values.get(column.key) for column in columns)
        writer.writerow([row.region, row.layer, *("" if value is None else repr(float(value)) for value in values)])
    return out.getvalue()


def _measure(layer: Candidate, part: Region | None, truth: Truth | None) -> dict[str, float | None]:
    if part is None:
        return {}
    comparable = truth is not None and truth.image.shape == layer.image.shape
    reference, scale = (truth.image, truth.value_range) if truth is not None and comparable else (None, None)
    row = region_row(layer.image, part, reference, value_range=scale)
    return {column.key: getattr(row, column.key) for column in COLUMNS if hasattr(row, column.key)}


def _with_best(block: list[Row]) -> list[Row]:
    if len(block) < 2:
        return block
    best: list[set[str]] = [set() for _ in block]
    for column in COLUMNS:
        if not column.better:
            continue
        values = [row.values.get(column.key) for row in block]
        present = [abs(value) if column.key == "difference" else value for value in values if value is not None]
        if len(present) < 2 or len(set(present)) < 2:
            continue
        winner = max(present) if column.better == "high" else min(present)
        for index, value in enumerate(values):
            if value is not None and (abs(value) if column.key == "difference" else value) == winner:
                best[index].add(column.key)
    return [Row(row.region, row.layer, row.values, frozenset(keys)) for row, keys in zip(block, best, strict=True)]
