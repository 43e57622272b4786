"""The engine of the worker: a recipe becomes a stream of estimates. Keeps the prepared scan for the next run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..methods.interface import Estimate
from .recipe import Recipe
from .reconstruction import Reconstruction

if TYPE_CHECKING:
    from ..scan import LineIntegrals
    from .worker import Signals

FIRST_LOOK = "fbp"  # every run starts on the screen with what classical reconstruction makes of the same views
# One prepared scan, keyed by what defines it: the second run of an afternoon starts at once.
_last: dict[str, LineIntegrals] = {}


def run(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Carry out ``payload["recipe"]``; returns the numbers of the run's record.

    Raises
    ------
    FewviewError
        Whatever the recipe gets wrong, before the first estimate.
    """
    recipe = Recipe.parse(payload["recipe"])
    lines = prepared(recipe, signals)
    if recipe.method != FIRST_LOOK:
        signals.stage("first look (FBP)")
        for estimate in _reconstruction(recipe, lines, signals, FIRST_LOOK):
            yield replace(estimate, step=0, total=0, stage="first look (FBP)", scalars={}, state=None)
    signals.stage("setting up")
    reconstruction = _reconstruction(recipe, lines, signals, recipe.method)
    scalars: dict[str, float] = {}
    step = 0
    for estimate in reconstruction:
        scalars.update(estimate.scalars)
        step = estimate.step
        yield estimate
    return {
        "options": reconstruction.options.model_dump(mode="json"),
        "device": str(reconstruction.device),
        "axis": lines.geometry.axis,
        "pixel": lines.geometry.pixel,
        "views": lines.geometry.views,
        "steps": step,
        "preparation": list(lines.steps),
        **scalars,
    }


def prepared(recipe: Recipe, signals: Signals) -> LineIntegrals:
    """The line integrals that the recipe asks for."""
    from ..io import read_scan
    from ..prepare import PrepareOptions

    made_of = {"scan", "reader", "prepare", "axis", "views", "rows", "bin"}
    key = recipe.model_dump_json(include=made_of)
    if key in _last:
        return _last[key]
    signals.stage("reading the scan")
    scan = read_scan(recipe.scan, **recipe.reader.given())
    if recipe.axis != "auto":
        scan = scan.with_axis(recipe.axis)
    if recipe.views is not None:
        scan = scan.sparse(recipe.views)
    if recipe.rows is not None:
        scan = scan.rows(*recipe.rows)
    if recipe.bin > 1:
        scan = scan.bin(recipe.bin)
    signals.stage("preparing the projections")
    lines = scan.line_integrals(PrepareOptions.parse(recipe.prepare))
    _last.clear()
    _last[key] = lines
    return lines


def _reconstruction(recipe: Recipe, lines: LineIntegrals, signals: Signals, method: str) -> Reconstruction:
    from ..io import read_volume

    own = method == recipe.method
    auxiliary = read_volume(recipe.auxiliary).values if own and recipe.auxiliary is not None else None
    return Reconstruction(
        lines,
        method,
        recipe.options if own else {},
        auxiliary=auxiliary,
        holdout=recipe.holdout if own else 0.0,
        device=recipe.device,
        seed=recipe.seed,
        stop=signals.stopped,
    )
