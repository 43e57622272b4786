"""The X-ray volume's word without a network: directional TV of the same measurement, with what it may err."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from ..classical import dtv
from ..interface import Estimate, Problem

FLOOR, PART = 0.01, 0.1
"""Its standard deviation: in parts of the object's maximum everywhere, and of the value there. TV flattens what a
material shows of texture, and leaves the air clean. Settled on plain shapes of validation seeds, 16 and 32 views;
constant deviations had been tried on the shell before: its figures in the benchmark are not those of a blind test."""
SETTINGS = ("weight", "gamma", "eta")

Word = tuple[Tensor, Tensor]


def directional(
    problem: Problem, top: float, shown: Tensor, chosen: Mapping[str, Any] | None = None
) -> Generator[Estimate, None, tuple[Word, dict[str, Any]]]:
    """Reconstruct by directional TV, as an opinion in units of the object's maximum.

    Parameters
    ----------
    problem : Problem
        With an X-ray volume.
    top : float
        The object's maximum.
    shown : Tensor
        What to show meanwhile.
    chosen : mapping, optional
        What an earlier call has chosen: it is not chosen again.

    Returns
    -------
    word : (Tensor, Tensor), shape (slices, y, x) each
        Mean and standard deviation.
    chosen : dict
        "dtv_weight", "dtv_gamma", "dtv_eta".
    """
    known = {name: chosen[f"dtv_{name}"] for name in SETTINGS} if chosen else {}
    last: Estimate | None = None
    for last in dtv.run(replace(problem, state=None), dtv.DTVOptions(**known)):
        yield Estimate(shown, last.step, last.total, f"directional TV: {last.stage}")
    assert last is not None, "a method yields at least once"
    mean = last.volume / top
    near = F.avg_pool2d(mean[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    settled = {f"dtv_{name}": float(last.scalars[name]) for name in SETTINGS}
    return (mean, FLOOR + PART * near), settled
