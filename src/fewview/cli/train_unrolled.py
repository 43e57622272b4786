"""What `fewview train unrolled` does: simulated samples, or a dense volume and the scan that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from .recipe_flags import RECIPES


def exported(state: Path, name: str, export: Callable[[Path, Path], None]) -> None:
    """Make weights with a card of the state of a training, beside it.

    Parameters
    ----------
    state : Path
    name : str
        Of the file of weights.
    export : callable
        ``export(folder, weights)``.
    """
    weights = state.with_name(name)
    export(state.parent, weights)
    typer.echo(f"Weights and card: {weights}")


def train_simulated(folder: Path, values: Mapping[str, Any]) -> None:
    """Train on simulated samples; weights and card end up in ``folder``."""
    from ..training.unrolled import UnrolledTraining, train_unrolled
    from ..training.unrolled_export import export_unrolled

    options = UnrolledTraining.parse(dict(values))
    name = "unrolled-x.safetensors" if options.xray else f"unrolled-{options.kind}.safetensors"
    exported(train_unrolled(options, folder, report=typer.echo), name, export_unrolled)


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

    base = Recipe.load(like).compact() if like.lower().endswith(RECIPES) else {"scan": like}
    lesson = Lesson(weights, volume, Recipe.parse({**base, **scan}))
    for _ in learn(lesson, SisterTraining.parse(dict(values)), check=check, report=typer.echo):
        pass
    typer.echo(f"Weights and card: {weights}. To go on, give more minutes; the state is in {weights.stem}-training.")
