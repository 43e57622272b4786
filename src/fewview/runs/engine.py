"""What the worker can be asked for: a run of a recipe, the rotation axis, one slice around a tried axis."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..methods.interface import Estimate
from .inputs import chosen_scan, prepared
from .recipe import Recipe
from .reconstruction import Reconstruction
from .session import Session

if TYPE_CHECKING:
    from ..scan import LineIntegrals
    from .worker import Signals

FIRST_LOOK = "fbp"  # what classical reconstruction makes of the same views, at once
FIRST_LOOK_STAGE = "first look (FBP)"
# The prepared slice of the last tried axis: dragging a slider must not read the file again.
_slice: dict[str, LineIntegrals] = {}


def run(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, Mapping[str, Any]]:
    """Carry out ``payload["recipe"]``; returns the record of the run.

    Every run shows FBP of the same views first: the volume sharpens from there.

    Raises
    ------
    FewviewError
        Whatever the recipe gets wrong, before the first estimate.
    """
    session = Session(Recipe.parse(payload["recipe"]), stop=signals.stopped, say=signals.stage)
    if session.recipe.method != FIRST_LOOK:
        yield from first_look(session.lines, session.recipe.device, signals)
    yield from session
    return session.finish().record


def first_look(lines: LineIntegrals, device: str, signals: Signals) -> Iterator[Estimate]:
    """FBP of the views, as step 0 of whatever follows."""
    signals.stage(FIRST_LOOK_STAGE)
    for estimate in Reconstruction(lines, FIRST_LOOK, {}, device=device, stop=signals.stopped):
        yield replace(estimate, step=0, total=0, stage=FIRST_LOOK_STAGE, scalars={}, state=None)


def find_axis(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Find the rotation axis of ``payload["recipe"]``; the record tells the column of the unbinned detector and how."""
    recipe = Recipe.parse({**payload["recipe"], "axis": "auto", "bin": 1})
    signals.stage("preparing the projections")
    scan = chosen_scan(recipe).with_axis(None)
    lines = prepared(recipe, scan)
    yield from ()
    origin = lines.origins.get("axis")
    return {"axis": lines.geometry.axis, "how": origin.how if origin else "", "where": origin.where if origin else ""}


def try_axis(payload: Mapping[str, Any], signals: Signals) -> Iterator[Estimate]:
    """FBP of one row of ``payload["recipe"]`` around its axis."""
    recipe = Recipe.parse(payload["recipe"])
    key = recipe.model_dump_json(include={"scan", "reader", "prepare", "views", "rows", "bin"})
    scan = chosen_scan(recipe)
    if key not in _slice:
        _slice.clear()
        _slice[key] = prepared(recipe, scan)
    yield from first_look(_slice[key].with_axis(scan.geometry.axis), recipe.device, signals)
