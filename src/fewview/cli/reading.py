"""What the user says about a scan file: the flags that `info` and `reconstruct` share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

Angles = Annotated[
    str | None,
    typer.Option(
        help="Arc of the views, START:STOP in degrees: equal steps, and STOP is no view unless :endpoint follows. "
        "Or a file of angles: one per line, or a table with a column of that name."
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        help="What each image of the file is: `projections` of the whole detector, or a `sinogram` of one detector row."
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help="What the values are: raw `counts`, `transmission` (I/I0), or `attenuation`, line integrals -log(I/I0)."
    ),
]
Pixel = Annotated[
    float | None,
    typer.Option(
        help="Size of a detector pixel in mm; behind a lens, in the plane of the sample. Without it values are per "
        "pixel."
    ),
]
Flats = Annotated[
    str | None,
    typer.Option(
        help="Open-beam frames: a file, a folder, a dataset as FILE.h5:/PATH, a pattern in quotes such as 'ob_*.tif', "
        "or another scan, whose flats are then used."
    ),
]
Darks = Annotated[str | None, typer.Option(help="Frames without beam, named in the same ways as the flats.")]
Dataset = Annotated[
    str | None,
    typer.Option(help="Path of the frames, or name of the entry, within a file that holds several."),
]
Exclude = Annotated[
    str | None,
    typer.Option(help="Views to leave out, counted from 0, for instance 3,7,10:20 (10 to 19)."),
]
ReverseAngles = Annotated[
    bool, typer.Option("--reverse-angles", help="The stage turned the other way: every angle gets the other sign.")
]
Mirror = Annotated[
    bool,
    typer.Option("--mirror", help="The detector shows a mirror image: its columns are reversed."),
]
HorizontalAxis = Annotated[
    bool,
    typer.Option("--horizontal-axis", help="The rotation axis lies along the rows: frames are turned by 90 degrees."),
]
Geometry = Annotated[
    str | None,
    typer.Option(
        help="Text file (JSON or YAML) with the geometry as ASTRA words it, lengths in mm: for a fan beam that the "
        "scan does not describe."
    ),
]


def said(flags: Mapping[str, Any]) -> dict[str, Any]:
    """What the flags of a command say of it, checked: the keywords of :func:`fewview.read_scan`."""
    from ..runs.recipe import ReaderChoices

    given = {name: flags[name] for name in ReaderChoices.model_fields}
    return ReaderChoices.parse({k: v for k, v in given.items() if v is not None and v is not False}).given()
