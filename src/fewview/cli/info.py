"""`fewview info`: what a scan file holds, what was assumed, what is missing."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def info(
    scan: Annotated[str, typer.Argument(help="Scan file or folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    angles: Annotated[str | None, typer.Option(help="START:STOP[:endpoint] in degrees, or a file of angles.")] = None,
    layout: Annotated[str | None, typer.Option(help="projections or sinogram.")] = None,
    kind: Annotated[str | None, typer.Option(help="counts, transmission or attenuation.")] = None,
    pixel: Annotated[float | None, typer.Option(help="Detector pixel size in mm.")] = None,
    flats: Annotated[str | None, typer.Option(help="Open-beam frames: file, folder or pattern.")] = None,
    darks: Annotated[str | None, typer.Option(help="Beam-off frames: file, folder or pattern.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Path of the frames within an HDF5 or MATLAB file.")] = None,
) -> None:
    """Show shape, angles, flats, axis, units of a scan; what was assumed and what is missing."""
    from ..io import inspect
    from ..runs.recipe import ReaderChoices

    values = {
        "angles": angles,
        "layout": layout,
        "kind": kind,
        "pixel": pixel,
        "flats": flats,
        "darks": darks,
        "dataset": dataset,
    }
    found = inspect(scan, **ReaderChoices.parse(values).given())
    typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(found.lines()))
