"""The flags that make a recipe, declared once for every command that takes a scan."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from ..errors import OptionError
from ..runs.recipe import Recipe
from . import reading
from .reading import flag
from .values import parse_axis, parse_pairs, parse_rows

RECIPES = (".yaml", ".yml", ".json")


def recipe_from_flags(
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
    angles: reading.Angles = None,
    layout: reading.Layout = None,
    kind: reading.Kind = None,
    pixel: reading.Pixel = None,
    flats: reading.Flats = None,
    darks: reading.Darks = None,
    dataset: reading.Dataset = None,
    exclude: reading.Exclude = None,
    reverse_angles: reading.ReverseAngles = False,
    mirror: reading.Mirror = False,
    horizontal_axis: reading.HorizontalAxis = False,
    geometry: reading.Geometry = None,
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
    said = reading.said(locals())
    base: dict[str, Any] = Recipe.load(scan).compact() if scan.lower().endswith(RECIPES) else {"scan": scan}
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


def takes_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose first parameter is a recipe, the flags of :func:`recipe_from_flags` in its place."""
    shared = inspect.signature(recipe_from_flags).parameters
    own = list(inspect.signature(command).parameters.values())[1:]
    scan, *others = shared.values()

    @functools.wraps(command)
    def from_flags(**given: Any) -> None:
        recipe = recipe_from_flags(**{name: given.pop(name) for name in shared})
        command(recipe, **given)

    needed = [one for one in own if one.default is inspect.Parameter.empty]
    rest = [one for one in own if one.default is not inspect.Parameter.empty]
    hints = {
        **get_type_hints(recipe_from_flags, include_extras=True),
        **get_type_hints(command, {**command.__globals__, "Recipe": Recipe}, include_extras=True),
    }
    parameters = [scan, *needed, *others, *rest]
    keyword = inspect.Parameter.KEYWORD_ONLY
    found = [one.replace(kind=keyword, annotation=hints[one.name]) for one in parameters]
    from_flags.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    from_flags.__annotations__ = {one.name: one.annotation for one in found} | {"return": None}
    return from_flags
