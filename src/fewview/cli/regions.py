"""`fewview regions`: PSNR and SSIM of volumes against the size of the region."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .values import json_text

if TYPE_CHECKING:
    import numpy as np

KINDS = {
    "rich": "regions where the reference has most structure",
    "random": "control: random regions of the object",
    "flat": "control: regions where the reference has least structure",
}


def regions(
    volumes: Annotated[list[Path], typer.Argument(help="Volumes to compare, as .npy, .tif, .h5 or .zarr.")],
    reference: Annotated[
        Path, typer.Option(help="Volume that counts as the truth, of the same shape; it alone chooses the regions.")
    ],
    count: Annotated[
        int, typer.Option(min=1, help="Number of regions of each kind, at most; more narrow the intervals.")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Number that the choice of random regions follows from.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print all values as JSON.")] = False,
) -> None:
    """Compare volumes in regions of 64 x 96 down to 8 x 8 pixels around the same places.

    PSNR takes its data range from the whole reference. Behind the first volume, each shows what it is better or worse
    by than the first, with the 95 % interval of that difference over the regions.
    """
    from ..errors import FewviewError
    from ..io import read_volume
    from ..runs.volume_grid import apart

    volume = read_volume(reference)
    truth = volume.values
    volumes = list(dict.fromkeys(volumes))
    names = _names(volumes)
    read = {}
    for name, path in zip(names, volumes, strict=True):
        one = read_volume(path)
        read[name] = one.values
        if read[name].shape != truth.shape:
            shapes = " and ".join(" x ".join(map(str, v.shape)) for v in (read[name], truth))
            raise FewviewError(
                f"{path} and the reference {reference} have other shapes: {shapes}.", "Compare volumes of one grid."
            )
        if why := apart(one, volume):
            raise FewviewError(f"{path} and the reference {reference}: {why}.", "Compare volumes of one grid.")
    rows = [row for kind in KINDS for row in scale_rows(read, truth, kind, count, seed)]
    if not rows:
        raise FewviewError(
            f"{reference} has no region of 8 x 8 pixels within an object.", "Give a larger reference, or another one."
        )
    typer.echo(json_text(rows) if as_json else "\n".join(_lines(rows, names)))


def scale_rows(
    volumes: dict[str, np.ndarray], reference: np.ndarray, kind: str, count: int, seed: int
) -> list[dict[str, Any]]:
    """One row per size and volume: mean PSNR (dB) and SSIM over the regions, and the difference to the first volume.

    Parameters
    ----------
    volumes : dict, shape (z, y, x) each
        By name; the first is compared with.
    reference : ndarray, shape (z, y, x)
    kind : str
        How regions are chosen.
    count : int
        Regions at most.
    seed : int
        Of random regions.

    Returns
    -------
    list of dict
        Empty where no region fits into the volume.
    """
    import numpy as np

    from ..benchmark.statistics import paired
    from ..quality.region_scales import curves_at, region_centres

    centres = region_centres(reference, count, kind, seed)  # type: ignore[arg-type]
    if not centres:
        return []
    found = {name: curves_at(volume, reference, centres) for name, volume in volumes.items()}
    first = next(iter(found.values()))
    rows = []
    for scale, (size, _, _) in enumerate(first[0]):
        base = {(k, 0): curve[scale][1] for k, curve in enumerate(first)}
        for name, curves in found.items():
            values = {(k, 0): curve[scale][1] for k, curve in enumerate(curves)}
            similar = [curve[scale][2] for curve in curves]
            both = {k: v for k, v in values.items() if math.isfinite(v) and math.isfinite(base[k])}
            apart = paired(both, base)  # None: one of the two is without error in all regions
            rows.append(
                {
                    "regions": kind,
                    "rows": size[0],
                    "columns": size[1],
                    "volume": name,
                    "psnr": round(float(np.mean(list(values.values()))), 3),
                    "ssim": None
                    if None in similar
                    else round(float(np.mean([s for s in similar if s is not None])), 4),
                    "difference": None if apart is None else round(apart.mean, 3),
                    "low": None if apart is None or apart.low is None else round(apart.low, 3),
                    "high": None if apart is None or apart.high is None else round(apart.high, 3),
                    "places": len(centres),
                }
            )
    return rows


def _names(paths: list[Path]) -> list[str]:
    """File names, or whole paths where two have the same."""
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else [str(path) for path in paths]


def _lines(rows: list[dict[str, Any]], names: list[str]) -> list[str]:
    lines = []
    for kind, words in KINDS.items():
        own = [row for row in rows if row["regions"] == kind]
        if not own:
            continue
        lines += ["", f"{words[0].upper()}{words[1:]} ({own[0]['places']}), PSNR in dB"]
        sizes = list(dict.fromkeys((row["rows"], row["columns"]) for row in own))
        lines.append(" " * 8 + "  ".join(f"{name:>24}" for name in names))
        for size in sizes:
            cells = [_cell(row, names[0]) for row in own if (row["rows"], row["columns"]) == size]
            lines.append(f"{size[0]:>3}x{size[1]:<4}" + "  ".join(f"{cell:>24}" for cell in cells))
    return lines[1:]


def _cell(row: dict[str, Any], first: str) -> str:
    if row["volume"] == first or row["difference"] is None:
        return f"{row['psnr']:.2f}"
    spread = "" if row["low"] is None else f" [{row['low']:+.2f}, {row['high']:+.2f}]"
    return f"{row['psnr']:.2f} ({row['difference']:+.2f}{spread})"
