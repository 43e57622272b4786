"""A method that another one runs: its progress is told, its last estimate handed back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from ..options import Options
from .interface import Estimate, Kept, Method, Problem
from .selection.picture import Picture


def nested(
    method: Method, problem: Problem, options: Options, stage: str, picture: Picture | None = None, kept: Kept = "start"
) -> Generator[Estimate, None, Estimate]:
    """Run ``method`` from its beginning, within another.

    Parameters
    ----------
    method : Method
    problem : Problem
        Whose state, the other method's, is left out.
    options : Options
        Of ``method``.
    stage : str
        What the other method calls it.
    picture : Picture, optional
        What is shown meanwhile; the volumes of ``method`` when not given.
    kept : {"start", "intermediate"}
        What these volumes are to the other method, where they are shown.

    Returns
    -------
    Estimate
        The last one.
    """
    last: Estimate | None = None
    for last in method.run(replace(problem, state=None), options):
        stage_now = f"{stage}: {last.stage}"
        if picture is not None:
            shown = picture.estimate(last.step, last.total, stage_now, last.scalars)
        else:
            shown = Estimate(last.volume, last.step, last.total, stage_now, last.scalars)
            shown = replace(shown, **_told(method, last, kept))
        yield replace(shown, done=last.fraction)
    assert last is not None, "a method yields at least once"
    return last


def _told(method: Method, estimate: Estimate, kept: Kept) -> dict[str, Any]:
    """What an estimate of ``method`` is to the other one."""
    if estimate.kept == "start":
        return {"kept": "start", "shows": estimate.shows}
    name = f"{method.title} {estimate.shows}" if estimate.shows else f"{method.title}, {estimate.step} steps"
    return {"kept": kept, "shows": name if kept == "start" else f"while its share was being reconstructed: {name}"}
