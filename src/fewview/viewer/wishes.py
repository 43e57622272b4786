"""Runs that were wished for and had left nothing when the viewer was closed: remembered, and queued again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FewviewError
from ..methods.registry import require_method
from ..runs.recipe import Recipe
from ..runs.worker.queued_run import NOT_BEGUN, QueuedRun
from .common.names import without_prefix
from .common.notify import complain, tell


def wishes_of(bench: Any) -> list[dict[str, Any]]:
    """Runs that wait, and the one that goes on as long as it has no estimate, as plain values.

    Parameters
    ----------
    bench : Workbench
    """
    runs = [run for run in bench.runs if run.stage == NOT_BEGUN or not (run.over or run.sequence)]
    asked = [{"title": _own_title(bench, run), "recipe": run.payload["recipe"]} for run in runs]
    return [*asked, *bench.to_come]


def take_wishes(bench: Any, wishes: Iterable[Mapping[str, Any]]) -> None:
    """Put what :func:`wishes_of` gave into the list of runs, without beginning any of it, and say so.

    Parameters
    ----------
    bench : Workbench
    wishes : iterable of mapping
    """
    titles = []
    for wish in wishes:
        bench.runs.append(bench.queue.note(wish["title"], {"recipe": wish["recipe"]}))
        titles.append(f"“{wish['title']}”")
    if titles:
        tell(f"Not begun when the viewer was closed: {', '.join(titles)}. “Queue again” under Runs starts one of them.")
        bench.runs_changed.emit()


def queue_again(bench: Any, run: QueuedRun) -> None:
    """Queue a run that is over, or that had not begun, once more.

    Parameters
    ----------
    bench : Workbench
    run : QueuedRun
    """
    recipe = Recipe.parse(run.payload["recipe"])
    try:
        scan = bench.scans.needed(recipe.scan, run.title)
        method = require_method(recipe.method, recipe.options)
    except FewviewError as error:
        complain(error)
        return
    if run.stage == NOT_BEGUN:
        bench.runs.remove(run)
    bench.run(recipe, method, scan)


def _own_title(bench: Any, run: QueuedRun) -> str:
    return without_prefix(bench.scans.prefix_at(run.scan), run.title)
