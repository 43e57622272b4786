"""A method that another one tunes or runs: its progress is told, what it comes to is handed back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import torch

from .interface import Estimate, Kept, Method, OptionsT, Problem, Tuning
from .mapped import mapped
from .selection.picture import Picture


def tuned_within(
    method: Method[OptionsT], problem: Problem, options: OptionsT, stage: str, picture: Picture | None = None
) -> Tuning[OptionsT]:
    """Settle the options of ``method`` within another one; the parameters are those of :func:`solved_within`.

    Parameters
    ----------
    method : Method
    problem : Problem
    options : OptionsT
        Of the method.
    stage : str
        What the estimates call it.
    picture : Picture, optional
        What is shown meanwhile.

    Returns
    -------
    generator of Estimate
        It returns the :class:`Settled` options.
    """
    return mapped(lambda one: _told(method, one, stage, picture, "start"), method.tuned(problem, options))


def solved_within(
    method: Method[OptionsT],
    problem: Problem,
    options: OptionsT,
    stage: str,
    picture: Picture | None = None,
    kept: Kept = "start",
    slices: Sequence[int] = (),
) -> Generator[Estimate, None, Estimate]:
    """Solve by ``method`` from its beginning, within another one.

    Parameters
    ----------
    method : Method
    problem : Problem
        Whose state, the other method's, is left out.
    options : Options
        Of ``method``, settled.
    stage : str
        What the other method calls it.
    picture : Picture, optional
        What is shown meanwhile; the volumes of ``method`` when not given.
    kept : {"start", "intermediate"}
        What these volumes are to the other method, where they are shown.
    slices : sequence of int, optional
        Which slices of ``picture`` those of the problem are: it then shows them on their way.

    Yields
    ------
    Estimate
        Those of ``method``, told as a stage, without a state to resume from.

    Returns
    -------
    Estimate
        The last one.
    """
    last: Estimate | None = None
    for last in method.solve(replace(problem, state=None), options):
        if picture is not None and picture.due:
            words = f"while its settings were being chosen: {method.title}, {last.step} of {last.total} steps"
            picture.try_on(torch.as_tensor(last.volume), slices, words)
        yield _told(method, last, stage, picture, kept)
    if picture is not None:
        picture.settle()
    assert last is not None, "a method yields at least once"
    return last


def _told(method: Method[Any], last: Estimate, stage: str, picture: Picture | None, kept: Kept) -> Estimate:
    """What an estimate of ``method`` is to the other one."""
    stage = f"{stage}: {last.stage}"
    if picture is not None:
        shown = picture.estimate(last.step, last.total, stage, last.scalars)
    else:
        shown = Estimate(last.volume, last.step, last.total, stage, last.scalars, kept="start", shows=last.shows)
        if last.kept != "start":
            name = f"{method.title} {last.shows}" if last.shows else f"{method.title}, {last.step} steps"
            said = name if kept == "start" else f"while its share was being reconstructed: {name}"
            shown = replace(shown, kept=kept, shows=said)
    return replace(shown, done=last.fraction)
