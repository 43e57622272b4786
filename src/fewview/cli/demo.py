"""`fewview demo`: see it work on a measured scan that travels with the package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FewviewError
from .values import check_folder


def demo(
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture of the viewer to this PNG file, and end.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Write a table, a picture and volumes, and open no viewer.")
    ] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder that the headless demo writes to.")] = Path(
        "demo-output"
    ),
) -> None:
    """Open a viewer with sample data and a run in progress; or compare methods on a measured tooth (--headless)."""
    from ..doctor import has_viewer

    check_folder(screenshot)
    if headless:
        _compare(output, screenshot)
        return
    if not has_viewer():
        raise FewviewError("The viewer is not installed.", "pip install 'fewview[all]', or use --headless.")
    from ..viewer.demo import run

    picture = run(screenshot)
    if picture is not None:
        typer.echo(f"Picture of the viewer: {picture}")


def _compare(output: Path, screenshot: Path | None) -> None:
    from rich.console import Console

    from ..demo import classical_demo, table

    rows = classical_demo(output, say=lambda text: typer.echo(text, err=True))
    Console().print(table(rows))
    picture = output / "comparison.png"
    if screenshot is not None:
        shutil.copyfile(picture, screenshot)
        picture = screenshot
    typer.echo(f"Volumes in {output}, picture: {picture}")
