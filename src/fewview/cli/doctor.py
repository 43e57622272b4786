"""`fewview doctor`: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .values import json_text

MARKS = {"ok": "ok     ", "optional": "without", "broken": "BROKEN "}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """Check the installation. Ends with status 0 when fewview works here, whatever optional part is missing."""
    from ..doctor import examine

    findings = examine()
    broken = [finding for finding in findings if finding.state == "broken"]
    if as_json:
        typer.echo(json_text({"works": not broken, "findings": [asdict(f) for f in findings]}))
    else:
        for finding in findings:
            typer.echo(f"{MARKS[finding.state]}  {finding.name:12} {finding.found}")
            if finding.remedy:
                typer.echo(f"{'':23}{finding.remedy}")
        typer.echo("fewview does not work here yet: see BROKEN." if broken else "fewview works on this machine.")
    if broken:
        raise typer.Exit(1)
