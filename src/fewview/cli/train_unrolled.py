"""What `fewview train unrolled` does: simulated samples, or a dense volume and the scan that follows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from ..errors import OptionError
from .recipe_flags import RECIPES


def train_simulated(folder: Path, values: Mapping[str, Any]) -> None:
    """Train on simulated samples; weights and card end up in ``folder``."""
    from ..training.unrolled import UnrolledTraining, train_unrolled
    from ..training.unrolled_export import export_unrolled

    options = UnrolledTraining.parse(dict(values))
    train_unrolled(options, folder, report=typer.echo)
    weights = folder / ("unrolled-x.safetensors" if options.xray else f"unrolled-{options.kind}.safetensors")
    export_unrolled(folder, weights)
    typer.echo(f"Weights and card: {weights}")


def learn_sister(
    weights: Path, volume: str, like: str, scan: Mapping[str, Any], values: Mapping[str, Any], check: bool
) -> None:
    """Learn a volume for a scan; the state of the training lies beside the weights, to go on from. Ctrl-C keeps it.

    Raises
    ------
    OptionError
        The weights would not be a .safetensors file.
    """
    from ..runs.inputs import prepared
    from ..runs.problem import resolve_device, set_up
    from ..runs.recipe import Recipe
    from ..training.sister import SisterTraining, export_sister, train_sister
    from ..training.sister_check import held_out_check
    from ..training.sister_volume import sister_volume
    from ..training.trainer import STATE

    if weights.suffix != ".safetensors":
        raise OptionError(f"{weights} is no name for weights.", "With --from, give -o NAME.safetensors.")
    options = SisterTraining.parse(dict(values))
    base = Recipe.load(like).compact() if like.lower().endswith(RECIPES) else {"scan": like}
    recipe = Recipe.parse({**base, **scan})
    lines = prepared(recipe)
    setup = set_up(lines, auxiliary=None, holdout=0.0, device=resolve_device(options.device), seed=options.seed)
    problem = setup.problem(0, setup.slices)
    learnt = sister_volume(volume, problem.operator.grid, lines.geometry.voxel)
    folder = weights.with_name(f"{weights.stem}-training")
    try:
        train_sister(options, learnt, problem, folder, report=typer.echo)
    except KeyboardInterrupt:
        if not (folder / STATE).is_file():
            raise
        typer.echo("Stopped: what was learnt until the last checkpoint is kept.")
    export_sister(folder, weights, Path(volume).name)
    if check:
        typer.echo("Checking on held-out detector pixels of the scan.")
        found = held_out_check(problem, weights)
        export_sister(folder, weights, Path(volume).name, found)
        typer.echo(found["verdict"])
    typer.echo(f"Weights and card: {weights}. To go on, give more minutes; the state is in {folder}.")
