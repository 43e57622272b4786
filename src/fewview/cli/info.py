"""`fewview info`: what a scan file holds, what was assumed, what is missing."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from . import reading

NEEDS_AN_ANSWER = 3


def info(
    scan: Annotated[str, typer.Argument(help="File or folder of the scan.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    angles: reading.Angles = None,
    layout: reading.Layout = None,
    kind: reading.Kind = None,
    pixel: reading.Pixel = None,
    flats: reading.Flats = None,
    darks: reading.Darks = None,
    dataset: reading.Dataset = None,
    exclude: reading.Exclude = None,
    reverse_angles: reading.ReverseAngles = False,
    mirror: reading.Mirror = False,
    horizontal_axis: reading.HorizontalAxis = False,
    geometry: reading.Geometry = None,
) -> None:
    """Show what a scan holds, what was assumed and what is missing.

    Shape, angles, flats, axis and units, and what the pixels tell. The exit status is 0 for a scan that would
    reconstruct, 3 for one that needs an answer (a flag), 2 for what no flag makes a scan.
    """
    from ..errors import FewviewError
    from ..io import inspect

    chosen = reading.said(locals())
    found = inspect(scan, **chosen, find_axis=True)
    typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(found.lines()))
    if found.hopeless:
        raise FewviewError(found.missing[0].problem, found.missing[0].remedy)
    if not found.ready:
        raise typer.Exit(NEEDS_AN_ANSWER)
