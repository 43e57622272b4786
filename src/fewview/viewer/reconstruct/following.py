"""The form follows the runs: it shows what the one that begins was set to, where nothing that was entered is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...runs.recipe import Recipe
from ...runs.worker.queued_run import QueuedRun

SHOWN = ("method", "options", "holdout", "seed")  # of a recipe, in the form


class FollowedRuns:
    """Which run the form has followed, and what it was set to when each of its own was queued.

    A preview leaves out the search for settings, and takes one row: the form does not show that, and need not.
    """

    def __init__(self) -> None:
        self._asked: dict[int, dict[str, Any]] = {}
        self._seen: QueuedRun | None = None

    def queued(self, run: QueuedRun, form: Recipe) -> None:
        """Remember what the form was set to for a run of its own."""
        self._asked[run.number] = form.model_dump(mode="json")

    def begins(self, run: QueuedRun | None, runs: Sequence[QueuedRun]) -> bool:
        """Whether a run is seen for the first time; the end of one is no beginning."""
        new = run is not None and run is not self._seen and run in runs and not run.over
        self._seen = run if new else self._seen
        return new

    def wanted(self, run: QueuedRun, form: Recipe, runs: Sequence[QueuedRun]) -> Recipe | None:
        """What the form is to show of a run that begins; None where it shows that, or what waits, or is yet to be run.

        Parameters
        ----------
        run : QueuedRun
        form : Recipe
            What it is set to.
        runs : sequence of QueuedRun
            Of this session.

        Returns
        -------
        Recipe or None
        """
        now, asked = _shown(form.model_dump(mode="json")), self._of(run)
        begun = [_shown(self._of(one)) for one in runs if one is not run and one.status != "queued"]
        if asked["scan"] != form.scan or now == _shown(asked) or now not in begun:
            return None
        return Recipe.parse(asked)

    def _of(self, run: QueuedRun) -> Mapping[str, Any]:
        recipe: Mapping[str, Any] = run.payload["recipe"]
        return self._asked.get(run.number, recipe)


def _shown(recipe: Mapping[str, Any]) -> list[Any]:
    return [recipe.get(name) for name in SHOWN]
