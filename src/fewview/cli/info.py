"""`fewview info`: what a scan file holds, what was assumed, what is missing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .reading import reading
from .shared_flags import takes
from .values import json_text

NEEDS_AN_ANSWER = 3


@takes("said", reading)
def info(
    *,
    scan: Annotated[str, typer.Argument(help="File or folder of the scan.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    said: dict[str, Any],
) -> None:
    """Show what a scan holds, what was assumed and what is missing.

    Shape, angles, flats, axis and units, and what the pixels tell. The exit status is 0 for a scan that would
    reconstruct, 3 for one that needs an answer (a flag), 2 for what no flag makes a scan.
    """
    from ..errors import AnswerNeeded, FewviewError
    from ..io import inspect

    try:
        found = inspect(scan, **said, find_axis=True)
    except AnswerNeeded as error:  # before it is known what the file holds
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(NEEDS_AN_ANSWER) from None
    typer.echo(json_text(found.to_dict()) if as_json else "\n".join(found.lines()))
    if found.hopeless:
        raise FewviewError(found.missing[0].problem, found.missing[0].remedy)
    if not found.ready:
        raise typer.Exit(NEEDS_AN_ANSWER)
