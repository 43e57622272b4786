"""`fewview benchmark`: measured figures, as flat rows."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import FewviewError, OptionError
from .stopping import stop_and_keep
from .values import check_folder, parse_pairs

app = typer.Typer(help="Measure quality, speed and liveliness on this machine.")

Json = Annotated[Path | None, typer.Option("--json", help="Write the rows of the table to this file, as JSON.")]
Again = Annotated[bool, typer.Option("--again", help="Measure anew what the JSON file holds already.")]
Minutes = Annotated[
    float, typer.Option(help="Stop after this many minutes, in the middle if need be; 0 never stops before the end.")
]


@app.command()
def operators(
    json_path: Json = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", help="Size of a slice and number of views, as PIXELSxVIEWS; it may be repeated."),
    ] = None,
    slices: Annotated[
        list[int] | None, typer.Option(help="Number of slices that are projected together; it may be repeated.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Number of threads of the processor.")] = 1,
    repeats: Annotated[
        int, typer.Option(help="Number of rounds, of which the median counts; more are steadier and take longer.")
    ] = 7,
    device: Annotated[str, typer.Option(help="Where to compute: `cpu` or `cuda`.")] = "cpu",
) -> None:
    """Time the projectors against ASTRA's, interleaved. Rows of other conditions in the JSON file stay."""
    from ..benchmark.operators import SIZES, SLICES, run
    from ..runs.problem import resolve_device

    if threads < 1 or repeats < 1 or any(count < 1 for count in slices or []):
        raise OptionError("--threads, --repeats and --slices count from 1.", "Give positive numbers.")
    check_folder(json_path)
    stop = threading.Event()
    with stop_and_keep(stop):
        run(
            sizes=[_size(text) for text in sizes] if sizes else SIZES,
            slices=slices or SLICES,
            threads=threads,
            repeats=repeats,
            device=str(resolve_device(device)),
            json_path=json_path,
            progress=_print,
            stop=stop.is_set,
        )


@app.command()
def quality(
    json_path: Json = None,
    data: Annotated[list[str] | None, typer.Option(help="Data sets, as A,B or repeated.  [default: all]")] = None,
    methods: Annotated[
        list[str] | None, typer.Option(help="Methods, as A,B or repeated.  [default: all that can run]")
    ] = None,
    views: Annotated[
        list[str] | None, typer.Option(help="Numbers of views, as A,B or repeated.  [default: 4,8,16,32,64]")
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Pixels on each side of a slice, as A,B or repeated.  [default: 128]")
    ] = None,
    counts: Annotated[
        list[str] | None,
        typer.Option(help="Counts per pixel of the open beam, or `none` for no noise.  [default: none,2000]"),
    ] = None,
    volumes: Annotated[
        int, typer.Option(help="Number of samples of each data set; more make the intervals narrower.")
    ] = 3,
    seeds: Annotated[int, typer.Option(help="Number of noisy measurements of each sample.")] = 3,
    slices: Annotated[int, typer.Option(help="Number of slices of each sample.")] = 4,
    device: Annotated[str, typer.Option(help="Where to compute: `auto`, `cpu` or `cuda`.")] = "auto",
    measured: Annotated[Path, typer.Option(help="Folder that holds the measured data.")] = Path("../shared/data"),
    against: Annotated[str, typer.Option(help="Method that the table compares the others with.")] = "tv",
    again: Again = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the methods as KEY=VALUE; its results are rows of their own."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Work of the methods, `draft`, `standard` or `best`; its results are rows of their own."),
    ] = None,
    label: Annotated[str, typer.Option(help="Name of these settings in the tables.")] = "",
    controls: Annotated[
        list[str] | None,
        typer.Option(
            help="What is done to the X-ray volume as a control: none, zeroed, other, shift1, turn1, ..., "
            "no-neutron; as A,B or all."
        ),
    ] = None,
    minutes: Minutes = 0,
) -> None:
    """Compare the methods on known data. Rows in the JSON file are kept and added to; Ctrl-C keeps what is done."""
    from ..benchmark.quality.data import DATA
    from ..benchmark.quality.run import COUNTS, VIEWS, run
    from ..benchmark.quality.table import table
    from ..benchmark.quality.xray import CONTROLS
    from ..runs.problem import resolve_device

    check_folder(json_path)
    stop = threading.Event()
    asked = _names(controls) or ["none"]
    with stop_and_keep(stop):
        rows = run(
            json_path,
            data=_names(data) or DATA,
            methods=_names(methods),
            settings=parse_pairs("--set", settings or []),
            preset=preset,
            label=label,
            controls=CONTROLS if asked == ["all"] else asked,
            views=[_number("--views", text) for text in _names(views)] or VIEWS,
            sizes=[_number("--size", text) for text in _names(size)] or (128,),
            counts=[None if text == "none" else float(_number("--counts", text)) for text in _names(counts)] or COUNTS,
            volumes=volumes,
            seeds=seeds,
            slices=slices,
            device=str(resolve_device(device)),
            folder=measured,
            again=again,
            say=typer.echo,
            stop=_until(minutes, stop),
        )
    for line in table(rows, against):
        typer.echo(line)


@app.command()
def probe(
    json_path: Json = None,
    methods: Annotated[
        list[str] | None, typer.Option(help="Methods, as A,B or repeated.  [default: d3ip,tv,mbir]")
    ] = None,
    views: Annotated[
        list[str] | None, typer.Option(help="Numbers of views, as A,B or repeated.  [default: 16,32]")
    ] = None,
    size: Annotated[int, typer.Option(help="Number of pixels on each side of a slice.")] = 128,
    counts: Annotated[float, typer.Option(help="Counts per pixel of the open beam; more make less noise.")] = 2000.0,
    volumes: Annotated[int, typer.Option(help="Number of samples.")] = 1,
    slices: Annotated[int, typer.Option(help="Number of slices of each sample.")] = 4,
    device: Annotated[str, typer.Option(help="Where to compute: `auto`, `cpu` or `cuda`.")] = "auto",
    again: Again = False,
    minutes: Minutes = 0,
) -> None:
    """Add a void to a sample, or fill one, and see how much of it a method shows: below 0.7, it invents or hides."""
    from ..benchmark.probe import METHODS, VIEWS, run
    from ..runs.problem import resolve_device

    check_folder(json_path)
    stop = threading.Event()
    with stop_and_keep(stop):
        run(
            json_path,
            methods=_names(methods) or METHODS,
            views=[_number("--views", text) for text in _names(views)] or VIEWS,
            size=size,
            counts=counts,
            volumes=volumes,
            slices=slices,
            device=str(resolve_device(device)),
            again=again,
            say=typer.echo,
            stop=_until(minutes, stop),
        )


@app.command()
def live(
    json_path: Json = None,
    updates: Annotated[int, typer.Option(help="Number of estimates that are shown.")] = 500,
) -> None:
    """Measure the viewer while a run streams into it: lag, gaps, memory, stop, exit."""
    from ..doctor import has_viewer

    if updates < 1:
        raise OptionError("--updates counts from 1.", "Give a positive number.")
    check_folder(json_path)
    if not has_viewer():
        raise FewviewError("The viewer is not installed.", "pip install 'fewview[all]'.")
    from ..benchmark.live import run

    run(json_path, updates, say=typer.echo)


def _until(minutes: float, stop: threading.Event) -> Callable[[], bool]:
    """Whether it is time to end: Ctrl-C, or the minutes are over."""
    if minutes <= 0:
        return stop.is_set
    end = time.monotonic() + 60 * minutes
    return lambda: stop.is_set() or time.monotonic() > end


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise OptionError(f"--size {text} is not PIXELSxVIEWS.", "Write, for instance, --size 256x32.")
    return int(match[1]), int(match[2])


def _names(given: list[str] | None) -> list[str]:
    return [name.strip() for text in given or [] for name in text.split(",") if name.strip()]


def _number(flag: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise OptionError(f"{flag} {text} is not a number from 1.", f"Write, for instance, {flag} 16,32.")
    return int(text)


def _print(row: dict[str, Any]) -> None:
    cells = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items())
    typer.echo("  ".join(cells))
