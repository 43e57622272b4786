"""What `fewview train unrolled` does: simulated samples, or a dense volume and the scan that follows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from ..errors import Interrupted
from .recipe_flags import base_of
from .stopping import ended_like_ctrl_c, nothing_written, stop_and_keep

MEASURING = "this takes some minutes more than the time that was given"


def carry_out(
    train: Callable[[], Path], folder: Path, name: str, export: Callable[[Path, Path, Callable[[str], None]], None]
) -> None:
    """Train, then make weights with a card of the state, beside it. Ctrl-C keeps the state, and the weights once they
    are written; so do a batch system's notice and a closed terminal.

    Parameters
    ----------
    train : callable
        Returns the state, which lies in ``folder``.
    folder : Path
        Of the training.
    name : str
        Of the file of weights.
    export : callable
        ``export(folder, weights, report)``, which reports when the weights are there.

    Raises
    ------
    Interrupted
    """
    from ..training.trainer import STATE

    weights, written = folder / name, False

    def measuring(line: str) -> None:
        nonlocal written
        written = True
        typer.echo(line)

    typer.echo(f"After the training, figures for the card are measured: {MEASURING}. Ctrl-C then keeps the weights.")
    try:
        with ended_like_ctrl_c():
            state = train()
            export(state.parent, weights, measuring)
    except KeyboardInterrupt:
        if not (folder / STATE).exists():
            raise
        lacking = f" The weights are in {weights}; their card lacks what was not measured." if written else ""
        kept = f"Stopped.{lacking} The training is kept in {folder}."
        raise Interrupted(kept, "The same command goes on from there.") from None
    typer.echo(f"Weights and card: {weights}")


def train_simulated(folder: Path, values: Mapping[str, Any]) -> None:
    """Train on simulated samples; weights and card end up in ``folder``."""
    from ..training.unrolled import UnrolledTraining, train_unrolled
    from ..training.unrolled_export import export_unrolled

    options = UnrolledTraining.parse(dict(values))
    name = "unrolled-x.safetensors" if options.xray else f"unrolled-{options.kind}.safetensors"
    carry_out(partial(train_unrolled, options, folder, report=typer.echo), folder, name, export_unrolled)


def learn_sister(
    weights: Path, volume: str, like: str, scan: Mapping[str, Any], values: Mapping[str, Any], check: bool
) -> None:
    """Learn a volume for a scan; the state of the training lies beside the weights, to go on from. Ctrl-C keeps it.

    Parameters
    ----------
    weights : Path
        File to write.
    volume : str
        File of the dense volume.
    like : str
        File or recipe of the few-view scan.
    scan : mapping
        How that scan is used: views, rows, bin, axis.
    values : mapping
        Options of the training.
    check : bool
        Compare with other methods on held-out pixels of the scan.
    """
    from ..runs.recipe import Recipe
    from ..sister import Lesson, learn
    from ..training.sister import SisterTraining

    lesson = Lesson(weights, volume, Recipe.parse({**base_of(like), **scan}))
    options, stop = SisterTraining.parse(dict(values)), threading.Event()
    with stop_and_keep(stop), nothing_written("anything was learnt"):
        for _ in learn(lesson, options, check=check, report=typer.echo, stop=stop.is_set):
            pass
    if stop.is_set():
        typer.echo(f"Stopped. {weights} holds what was learnt so far. The same command goes on from there.")
        return
    typer.echo(f"Weights and card: {weights}. To go on, give more minutes; the state is in {weights.stem}-training.")
