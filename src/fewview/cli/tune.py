"""`fewview tune`: what a method chooses by itself, shown and kept as a recipe."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError, Stopped
from ..runs.recipe import Recipe
from .progress import Progress
from .recipe_flags import RECIPES, recipe_from_flags
from .reconstruct import told
from .shared_flags import takes
from .stopping import nothing_written, stop_and_keep


@takes("recipe", recipe_from_flags)
def tune(
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The recipe to write (.yaml or .json), with nothing left on auto.")
    ],
    recipe: Recipe,
) -> None:
    """Settle what the method would choose by itself, and write a recipe that `fewview reconstruct` takes."""
    from ..atomic_write import check_writable
    from ..runs.session import RecipeSession

    if output.suffix.lower() not in RECIPES:
        raise OptionError(f"{output} is not the name of a recipe.", f"End it in {' or '.join(RECIPES)}.")
    check_writable(output, 0, (Path(recipe.scan),))  # before the work
    stop = threading.Event()
    with stop_and_keep(stop), Progress() as progress, nothing_written("everything was settled"):
        session = RecipeSession(recipe, stop=stop.is_set, say=progress.say)
        for line in told(session.lines, session.notes):
            progress.note(line)
        tuning = session.tune()
        while True:
            try:
                progress.show(next(tuning))
            except StopIteration as end:
                settled = end.value
                break
            if stop.is_set():
                raise Stopped
    settled.recipe.save(output)
    for line in report(settled.chosen):
        typer.echo(line)
    typer.echo(f"{output}: run it with `fewview reconstruct {output} -o VOLUME`")


def report(chosen: Mapping[str, Any]) -> list[str]:
    """One line per choice, and below it the held-out errors that decided."""
    lines = []
    for name, value in chosen.items():
        if name.endswith("_curve"):
            continue
        lines.append(f"{name} = {value if isinstance(value, str) else json.dumps(value)}")
        for step, point in enumerate(chosen.get(f"{name}_curve", ()), start=1):
            setting, error = point if isinstance(point, (list, tuple)) else (step, point)  # of steps, one after another
            shown = f"{setting:.3g}" if isinstance(setting, float) else setting
            lines.append(f"    {shown}: held-out error {error:.4g}")
    return lines
