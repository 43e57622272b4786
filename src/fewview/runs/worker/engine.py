"""What the worker can be asked for: a run of a recipe, the rotation axis, one slice around a tried axis."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...errors import Stopped
from ...methods.interface import Estimate
from ...operators import filtered_backprojection, projector
from ...prepare.tilt import bands, tilt_of
from ...samples import TOOTH
from ..inputs import chosen_scan, prepared
from ..problem import resolve_device
from ..recipe import Recipe
from ..session import RecipeSession

if TYPE_CHECKING:
    from ...scan import LineIntegrals, Scan
    from .loop import Signals

FIRST_LOOK_STAGE = "first look (FBP)"  # what classical reconstruction makes of the same views, at once
AXIS_ROWS = 64  # of the middle: enough to find the axis, without reading all of a large scan
KEPT_BYTES = 2**29  # of prepared line integrals, from one run to the next
# The prepared slice of the last tried axis: dragging a slider must not read the file again.
_slice: dict[str, LineIntegrals] = {}
# What the last run worked on: the next one most often differs in its method only.
_lines: dict[str, LineIntegrals] = {}


def run(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, Mapping[str, Any]]:
    """Carry out ``payload["recipe"]``; returns the record of the run.

    Every run shows FBP of the same views first: the volume sharpens from there.

    Raises
    ------
    FewviewError
        Whatever the recipe gets wrong, before the first estimate.
    """
    recipe = Recipe.parse(payload["recipe"])
    session = RecipeSession(recipe, stop=signals.stopped, say=signals.stage, prepare=kept_lines)
    if session.recipe.method != "fbp":
        for look in first_look(session.lines, session.recipe.device, signals):
            session.last = look
            yield look
    yield from session
    return session.finish(quick=signals.stopped()).record


def ticking(signals: Signals) -> Callable[[], None]:
    """What long work calls now and then, so that a stop ends it."""

    def tick() -> None:
        if signals.stopped():
            raise Stopped

    return tick


def kept_lines(recipe: Recipe, scan: Scan, tick: Callable[[], None]) -> LineIntegrals:
    """The line integrals of a recipe: those of the last run, where the same choices meet the same files.

    Parameters
    ----------
    recipe : Recipe
    scan : Scan
        Of the recipe.
    tick : callable
        Called several times per second; what it raises ends the work.

    Returns
    -------
    LineIntegrals
        Kept for the next run, unless they are too large.
    """
    choices = recipe.model_dump_json(
        include={"scan", "reader", "prepare", "views", "rows", "bin", "axis", "axis_origin"}
    )
    stats = [path.stat() for path in scan.paths]
    key = f"{choices} {[(stat.st_size, stat.st_mtime_ns) for stat in stats]}"
    if key not in _lines:
        _lines.clear()
        lines = prepared(recipe, scan, tick)
        if lines.values.nbytes > KEPT_BYTES:
            return lines
        _lines[key] = lines
    return _lines[key]


def warm_up() -> None:
    """Reconstruct a slice of the sample that travels with the package.

    What the first run would load and compile on the way (HDF5, the compiled projector, the test that compares
    settings), it then finds ready: while modules are imported, no stop is heard.
    """
    import scipy.stats  # noqa: F401

    recipe = Recipe(scan=str(TOOTH), views=8, bin=2, axis=295.0, method="sirt", options={"iterations": 1})
    for _ in RecipeSession(recipe):
        pass


def first_look(lines: LineIntegrals, device: str, signals: Signals) -> Iterator[Estimate]:
    """FBP of the views, as step 0 of whatever follows.

    The operator stores no matrix: for one back-projection, building it would take longer than the run's first step.

    Parameters
    ----------
    lines : LineIntegrals
    device : str
        cpu or cuda.
    signals : Signals
        Of the worker.

    Yields
    ------
    Estimate
        One, (slices, y, x); none where the run was stopped meanwhile.
    """
    signals.stage(FIRST_LOOK_STAGE)
    operator = projector(lines.geometry, device=resolve_device(device), memory_budget=0)
    operator.on_chunk = ticking(signals)
    sinograms = np.nan_to_num(np.ascontiguousarray(lines.values.swapaxes(0, 1)))
    volume = filtered_backprojection(operator, torch.from_numpy(sinograms).to(operator.device))
    if not signals.stopped():
        yield Estimate(volume.cpu().numpy(), 0, 0, FIRST_LOOK_STAGE, kept="start", shows="FBP")


def find_axis(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Find the rotation axis of ``payload["recipe"]``.

    The record tells the column of the unbinned detector, how it was found, the columns tried with their score, and
    whether the axis is tilted, by three bands of rows.
    """
    recipe = Recipe.parse({**payload["recipe"], "axis": "auto", "bin": 1})
    signals.stage("preparing the projections")
    scan = whole = chosen_scan(recipe).with_axis(None)
    rows = scan.geometry.rows
    if rows > AXIS_ROWS:
        scan = scan.rows((rows - AXIS_ROWS) // 2, (rows + AXIS_ROWS) // 2)
    tick = ticking(signals)
    lines = prepared(recipe, scan, tick, None)
    yield from ()
    found = lines.estimate_axis(tick)
    lines = lines.around(found)
    origin = lines.provenance["axis"]
    columns, scores = (values.tolist() for values in found.curve)
    signals.stage("looking whether it is tilted")
    by_row = []
    for start, stop in bands(rows):
        part = prepared(recipe, whole.rows(start, stop), tick, None)
        by_row.append(((start + stop - 1) / 2, part.estimate_axis(tick)))
    tilt = tilt_of(by_row, rows)
    return {
        "axis": lines.geometry.axis,
        "how": origin.how,
        "where": origin.where,
        "curve": [columns, scores],
        "tilt": {"degrees": tilt.degrees, "matters": tilt.matters, "words": tilt.words() if by_row else ""},
    }


def try_axis(payload: Mapping[str, Any], signals: Signals) -> Iterator[Estimate]:
    """FBP of one row of ``payload["recipe"]`` around its axis."""
    recipe = Recipe.parse(payload["recipe"])
    key = recipe.model_dump_json(include={"scan", "reader", "prepare", "views", "rows", "bin"})
    scan = chosen_scan(recipe)
    if key not in _slice:
        _slice.clear()
        _slice[key] = prepared(recipe, scan, ticking(signals))
    yield from first_look(_slice[key].with_axis(scan.geometry.axis), recipe.device, signals)
