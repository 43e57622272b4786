"""The flags that make a recipe, declared once for every command that takes a scan."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..errors import OptionError
from ..runs.recipe import Recipe
from .reading import reading
from .shared_flags import flag, takes
from .values import parse_axis, parse_pairs, parse_rows

RECIPES = (".yaml", ".yml", ".json")


def base_of(scan: str) -> dict[str, Any]:
    """What the name of a scan, or of a recipe, says of a recipe."""
    return Recipe.load(scan).compact() if scan.lower().endswith(RECIPES) else {"scan": scan}


@takes("said", reading)
def recipe_from_flags(
    *,
    scan: Annotated[
        str,
        typer.Argument(help="File or folder of the scan; or a recipe or report (.yaml, .json), to run again."),
    ],
    method: Annotated[
        str | None, typer.Option(help="Name of the method; `fewview methods` lists them.  [default: tv]")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="How much work the method may do: `draft`, `standard` or `best`.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the method as KEY=VALUE; `fewview methods NAME` lists them."),
    ] = None,
    views: Annotated[int | None, flag(Recipe, "views")] = None,
    rows: Annotated[str | None, flag(Recipe, "rows")] = None,
    bin_: Annotated[int | None, flag(Recipe, "bin", "--bin")] = None,
    axis: Annotated[str | None, flag(Recipe, "axis")] = None,
    said: dict[str, Any],
    prepare: Annotated[
        list[str] | None,
        typer.Option(help="An option of the preparation as KEY=VALUE, such as zingers=0.3 or dose=edges."),
    ] = None,
    aux: Annotated[
        str | None, typer.Option(help="X-ray volume of the same sample, on the grid of the reconstruction.")
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="The X-ray volume does not lie on the grid yet: register it first.")
    ] = False,
    registration: Annotated[
        list[str] | None,
        typer.Option(help="An option of the registration as KEY=VALUE; `fewview register --help` lists them."),
    ] = None,
    reference: Annotated[str | None, flag(Recipe, "reference")] = None,
    holdout: Annotated[float | None, flag(Recipe, "holdout")] = None,
    device: Annotated[str | None, flag(Recipe, "device")] = None,
    seed: Annotated[int | None, flag(Recipe, "seed")] = None,
) -> Recipe:
    """The recipe that the flags, on top of those of a recipe file, ask for."""
    from ..methods.presets import preset_options
    from ..methods.registry import get_method

    given: dict[str, Any] = {
        "method": method,
        "options": parse_pairs("--set", settings or []) or None,
        "prepare": parse_pairs("--prepare", prepare or []) or None,
        "views": views,
        "rows": parse_rows(rows),
        "bin": bin_,
        "axis": parse_axis(axis),
        "auxiliary": aux,
        "registration": parse_pairs("--registration", registration or []) if register or registration else None,
        "reference": reference,
        "holdout": holdout,
        "device": device,
        "seed": seed,
    }
    base = base_of(scan)
    given = {key: value for key, value in given.items() if value is not None}
    if axis is not None:
        base.pop("axis_origin", None)  # of the axis that the recipe has
    if method is not None and method != base.get("method", method):
        base.pop("options", None)  # of the method that the recipe has
    given["reader"] = {**base.get("reader", {}), **said}
    used = method or str(base.get("method", "tv"))
    work = {} if preset is None else preset_options(get_method(used), preset)
    # What is set by name goes before a preset, and that before what the recipe has settled.
    given["options"] = base.get("options", {}) | work | given.get("options", {})
    recipe = Recipe.parse({**base, **given})
    if recipe.registration is not None and recipe.auxiliary is None:
        raise OptionError("--register needs an X-ray volume.", "Give it with --aux VOLUME.")
    return recipe
