"""A method that another one runs: its progress is told, its last estimate handed back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from torch import Tensor

from ..options import Options
from .interface import Estimate, Method, Problem


def nested(
    method: Method,
    problem: Problem,
    options: Options,
    stage: str,
    shown: Tensor | None = None,
    place: tuple[int, int] | None = None,
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
    shown : Tensor, optional
        What to show meanwhile; the volumes of ``method`` when not given.
    place : pair of int, optional
        Step and total of the other method meanwhile; those of ``method`` when not given.

    Returns
    -------
    Estimate
        The last one.
    """
    last: Estimate | None = None
    for last in method.run(replace(problem, state=None), options):
        volume = last.volume if shown is None else shown
        step, total = place or (last.step, last.total)
        yield Estimate(volume, step, total, f"{stage}: {last.stage}", last.scalars)
    assert last is not None, "a method yields at least once"
    return last
