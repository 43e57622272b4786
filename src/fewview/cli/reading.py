"""What the user says about a scan file: the flags that `info` and `reconstruct` share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..options import Options
from ..runs.recipe import ReaderChoices


def flag(options: type[Options], name: str, *names: str) -> Any:
    """A flag for one of the options, whose help is what the option says of itself.

    Parameters
    ----------
    options : type of Options
    name : str
        Of the option.
    *names : str
        "--bin", where it is not that of the parameter.
    """
    return typer.Option(*names, help=options.model_fields[name].description)


Angles = Annotated[str | None, flag(ReaderChoices, "angles")]
Layout = Annotated[str | None, flag(ReaderChoices, "layout")]
Kind = Annotated[str | None, flag(ReaderChoices, "kind")]
Pixel = Annotated[float | None, flag(ReaderChoices, "pixel")]
Flats = Annotated[str | None, flag(ReaderChoices, "flats")]
Darks = Annotated[str | None, flag(ReaderChoices, "darks")]
Dataset = Annotated[str | None, flag(ReaderChoices, "dataset")]
Exclude = Annotated[str | None, flag(ReaderChoices, "exclude")]
ReverseAngles = Annotated[bool, flag(ReaderChoices, "reverse_angles", "--reverse-angles")]
Mirror = Annotated[bool, flag(ReaderChoices, "mirror", "--mirror")]
HorizontalAxis = Annotated[bool, flag(ReaderChoices, "horizontal_axis", "--horizontal-axis")]
Geometry = Annotated[str | None, flag(ReaderChoices, "geometry")]


def said(flags: Mapping[str, Any]) -> dict[str, Any]:
    """What the flags of a command say of it, checked: the keywords of :func:`fewview.read_scan`."""
    given = {name: flags[name] for name in ReaderChoices.model_fields}
    return ReaderChoices.parse({k: v for k, v in given.items() if v is not None and v is not False}).given()
