"""`fewview demo`: see it work on a measured scan that travels with the package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FewviewError


def demo(
    screenshot: Annotated[Path | None, typer.Option(help="Save the picture here too, as PNG.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Table, picture and volumes, without a viewer.")] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the volumes.")] = Path("demo-output"),
) -> None:
    """Reconstruct a measured tooth from 45 of its 181 views by FBP, CGLS and TV."""
    from rich.console import Console

    from ..demo import classical_demo, table

    if screenshot is not None and not screenshot.resolve().parent.is_dir():
        raise FewviewError(f"The folder of {screenshot} does not exist.", "Make it, or choose another one.")
    rows = classical_demo(output, say=lambda text: typer.echo(text, err=True))
    Console().print(table(rows))
    picture = output / "comparison.png"
    if screenshot is not None:
        shutil.copyfile(picture, screenshot)
        picture = screenshot
    typer.echo(f"Volumes in {output}, picture: {picture}")
