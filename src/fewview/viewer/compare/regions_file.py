"""Regions as files: our CSV (names and pixel spans), and the Shapes CSV that napari itself writes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import FewviewError
from ...quality import Region

COLUMNS = ("name", "y_start", "y_stop", "x_start", "x_stop")
NAPARI = ("index", "shape-type", "vertex-index", "axis-0", "axis-1")

Named = tuple[str, Region]


def write_regions(path: str | Path, regions: Sequence[Named]) -> None:
    """Write regions, one per line, in pixels of the slice: ``[start, stop)``."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((name, *region.y, *region.x) for name, region in regions)


def read_regions(path: str | Path) -> list[Named]:
    """Read regions from our CSV or from napari's Shapes CSV (each shape's bounding box, in pixels).

    Raises
    ------
    FewviewError
        Another kind of file, or a line that is no region.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FewviewError(f"The regions {path} cannot be read: {error}.", "Choose a CSV file of regions.") from None
    header = tuple(lines[0]) if lines else ()
    try:
        if set(COLUMNS) <= set(header):
            return [_ours(line) for line in lines]
        if set(NAPARI) <= set(header):
            return _napari(lines)
    except (ValueError, TypeError, KeyError) as error:
        raise FewviewError(f"{path} holds a line that is no region: {error}.", "Mend or remove that line.") from None
    raise FewviewError(
        f"{path} is not a list of regions.", f"Its first line should be '{','.join(COLUMNS)}', or napari's for shapes."
    )


def _ours(line: dict[str, str]) -> Named:
    y, x = (int(line["y_start"]), int(line["y_stop"])), (int(line["x_start"]), int(line["x_stop"]))
    if not (y[0] < y[1] and x[0] < x[1]):
        raise ValueError(f"'{line['name']}' is empty")
    return line["name"], Region(y, x)


def _napari(lines: list[dict[str, str]]) -> list[Named]:
    corners: dict[int, list[tuple[float, float]]] = {}
    for line in lines:
        point = float(line["axis-0"]), float(line["axis-1"])
        corners.setdefault(int(float(line["index"])), []).append(point)
    return [(f"R{index + 1}", box_region(np.array(points))) for index, points in sorted(corners.items())]


def box_region(corners: np.ndarray) -> Region:
    """Region of the pixels whose centres lie within the bounding box of corners (n, 2), in pixel coordinates."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    spans = [
        (int(np.ceil(a - 1e-6)), max(int(np.ceil(a - 1e-6)) + 1, int(np.floor(b + 1e-6)) + 1))
        for a, b in zip(low, high, strict=True)
    ]
    return Region(spans[0], spans[1])


def region_box(region: Region) -> np.ndarray:
    """Corners (4, 2) of a rectangle on the outer edges of a region's pixels, in pixel coordinates."""
    (y0, y1), (x0, x1) = region.y, region.x
    top, bottom, left, right = y0 - 0.5, y1 - 0.5, x0 - 0.5, x1 - 0.5
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def inside(region: Region, shape: tuple[int, ...]) -> Region | None:
    """The part of a region that lies within an image of ``shape`` (..., y, x); None if there is none."""
    height, width = shape[-2:]
    y = max(0, region.y[0]), min(height, region.y[1])
    x = max(0, region.x[0]), min(width, region.x[1])
    return Region(y, x) if y[0] < y[1] and x[0] < x[1] else None
