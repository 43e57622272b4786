"""Measured minus re-projected: what a result leaves unexplained, as a layer. Rings, zingers and a wrong axis show."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...runs.recipe import Recipe
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import spatial
from ..common.names import without_prefix
from .live_view import Shown

GAP = 8  # pixels between a slice and what lies beside it
ENGINE = "fewview.runs.worker.looks:residual"


def show_residual(bench: Any, run: QueuedRun) -> None:
    """Have the residual of the slice computed that the viewer shows of the scan of a run; its layer comes with it.

    Raises
    ------
    FewviewError
        That scan is not open any more.
    """
    assert run.volume is not None
    recipe = Recipe.parse(run.payload["recipe"])
    scan = bench.scans.needed(recipe.scan, run.title)
    bench.mean(scan)  # its slices are then in sight, and the residual lies beside them
    first = 0 if recipe.rows is None else recipe.rows[0]
    index = int(np.clip((bench.shown_row() - first) // recipe.bin, 0, len(run.volume) - 1))
    start = first + index * recipe.bin
    one = recipe.model_copy(update={"rows": (start, start + recipe.bin), "auxiliary": None, "reference": None})
    axis = run.record.get("axis")
    if one.axis == "auto" and axis is not None:  # the one that was found in all rows, not anew in this one
        one = one.model_copy(update={"axis": float(axis)})
    payload = {"recipe": one.model_dump(mode="json"), "volume": run.volume[index : index + 1]}
    name = f"Measured minus re-projected, {without_prefix(bench.scans.prefix(scan), run.title)}"
    edge = scan.edge
    place = spatial((1, 1, 1), None if edge is None else edge * recipe.bin, start, recipe.bin)
    beside(place, run.volume.shape[-1], (0, 1))
    look = bench.queue.submit(name, payload, ENGINE)
    bench.live.expect(look, Shown(name, place, {"of": scan.path, "look": True, "signed": True}, reuse=True))
    bench.go()


def beside(place: dict[str, Any], columns: int, places: tuple[int, int]) -> None:
    """Move a layer down and to the right: what is no slice must not lie over one.

    Parameters
    ----------
    place : dict
        Scale and translation of a layer, as napari takes them; the translation is changed.
    columns : int
        Of a slice.
    places : pair of int
        Slices to move down and to the right by.
    """
    z, y, x = place["translate"]
    step = (columns + GAP) * place["scale"][-1]
    place["translate"] = (z, y + places[0] * step, x + places[1] * step)
