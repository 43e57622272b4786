"""`fewview benchmark`: measured figures, as flat rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import FewviewError, MethodUnavailable, OptionError

app = typer.Typer(help="Measure quality, speed and liveliness on this machine.")

Json = Annotated[Path | None, typer.Option("--json", help="Write the rows here.")]


@app.command()
def operators(
    json_path: Json = None,
    sizes: Annotated[list[str] | None, typer.Option("--size", help="PIXELSxVIEWS, may be repeated.")] = None,
    slices: Annotated[list[int] | None, typer.Option(help="Slices projected together, may be repeated.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of the processor.")] = 1,
    repeats: Annotated[int, typer.Option(help="Rounds.")] = 7,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Time the projectors against ASTRA's, interleaved."""
    from ..benchmark.operators import SIZES, SLICES, run
    from ..runs.problem import resolve_device

    if threads < 1 or repeats < 1 or any(count < 1 for count in slices or []):
        raise OptionError("--threads, --repeats and --slices count from 1.", "Give positive numbers.")
    _check_folder(json_path)
    run(
        sizes=[_size(text) for text in sizes] if sizes else SIZES,
        slices=slices or SLICES,
        threads=threads,
        repeats=repeats,
        device=str(resolve_device(device)),
        json_path=json_path,
        progress=_print,
    )


@app.command()
def quality() -> None:
    """Measure the methods on known data (not available yet)."""
    raise MethodUnavailable("The quality benchmark is not available yet.", "`fewview benchmark operators` is.")


@app.command()
def live(
    json_path: Json = None,
    updates: Annotated[int, typer.Option(help="Estimates shown.")] = 500,
) -> None:
    """Measure the viewer while a run streams into it: lag, gaps, memory, stop, exit."""
    from ..doctor import has_viewer

    if updates < 1:
        raise OptionError("--updates counts from 1.", "Give a positive number.")
    _check_folder(json_path)
    if not has_viewer():
        raise FewviewError("The viewer is not installed.", "pip install 'fewview[all]'.")
    from ..benchmark.live import run

    run(json_path, updates, say=typer.echo)


def _check_folder(path: Path | None) -> None:
    if path is not None and not path.resolve().parent.is_dir():
        raise FewviewError(f"The folder of {path} does not exist.", "Make it, or choose another one.")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise OptionError(f"--size {text} is not PIXELSxVIEWS.", "Write, for instance, --size 256x32.")
    return int(match[1]), int(match[2])


def _print(row: dict[str, Any]) -> None:
    cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
    typer.echo("  ".join(cells))
