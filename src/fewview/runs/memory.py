"""Memory of a run: what will be used, what may be used, and the slabs of slices that fit."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from ..errors import NotEnoughMemory
from ..methods.interface import Method
from ..methods.size import Size
from ..operators.memory import forecast as bytes_of
from ..options import Options
from .problem import Setup

SHARE = 0.8  # of what is free: the rest is for the system, the reader's cache and the screen
HANDED_OUT = 1  # volumes: the copy that the caller gets
MEASURING = 3  # sinograms: what data_residual and heldout_error take while they are computed
LIMIT_VARIABLE = "FEWVIEW_MEMORY_GIB"  # a user's own limit, for machines shared with others


@dataclass(frozen=True)
class Forecast:
    """Bytes that a run will use at its peak, on the device that computes.

    Parameters
    ----------
    slices : int
        All of the run.
    needed : callable
        ``needed(n)``: bytes with ``n`` slices at once; grows with ``n``.
    """

    slices: int
    needed: Callable[[int], int]

    @property
    def total(self) -> int:
        """Bytes with all slices at once."""
        return self.needed(self.slices)

    def fitting(self, budget: int) -> int:
        """The largest number of slices that fit in ``budget`` bytes, 0 when not one does."""
        return bisect_right(range(1, self.slices + 1), budget, key=self.needed)

    def __str__(self) -> str:
        return told(self.total)


def told(size: int) -> str:
    """Bytes for people: in GiB, little of it in MiB."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**29 else f"{size / 2**20:.3g} MiB"


def forecast(method: Method[Any], options: Options, setup: Setup) -> Forecast:
    """Memory of a run of ``method`` with ``options``.

    Parameters
    ----------
    method : Method
    options : Options
        Of the method.
    setup : Setup
        Operators and data of the run.

    Returns
    -------
    Forecast
        Bytes at the peak, for any number of slices at once.
    """
    volumes, sinograms = method.held(options)
    used, held_out = setup.used.operator, setup.held_out
    matrices = int((method.stored(options) - 1) * used.workspace(0))
    apart, weighted = method.apart(options), setup.used.weights is not None

    def needed(slices: int) -> int:
        one = bytes_of(used, slices, 1, 0) - used.workspace(slices)
        size = bytes_of(used, slices, volumes + HANDED_OUT, sinograms + MEASURING) + matrices
        of = Size(slices, used.views, used.columns, used.grid, used.device.type, weighted)
        size += max(0, method.beside(options, of) - int(apart * one))  # the larger of two phases
        if held_out is not None:
            size += bytes_of(held_out.operator, slices, 0, MEASURING)
        return size

    return Forecast(setup.slices, needed)


def slabs(
    forecast: Forecast, method: Method[Any], halo: int | None, budget: int, binned: int = 1
) -> list[tuple[int, int]]:
    """Ranges of slices to reconstruct one after another so that each fits; one range where everything fits.

    Where slices influence each other, each fits together with the method's halo on either side.

    Parameters
    ----------
    forecast : Forecast
    method : Method
    halo : int or None
        Slices on either side that a slice depends on with the options of this run; None for all.
    budget : int
        Bytes that may be used.
    binned : int, optional
        Rows of the detector in a slice, for the advice.

    Returns
    -------
    list of (int, int)
        First slice, and the one after the last, of each: about equally many; without the halo.

    Raises
    ------
    NotEnoughMemory
        Not one slice fits; or the method couples slices, and what fits holds too little beside the halo.
    """
    slices = forecast.slices
    if forecast.total <= budget:
        return [(0, slices)]
    fitting = forecast.fitting(budget)
    problem = f"The run needs {forecast}, {told(max(0, budget))} of memory may be used."
    if fitting < 1:
        raise NotEnoughMemory(problem, f"Bin the projections (--bin {2 * binned}), or use a machine with more memory.")
    if halo != 0:
        fitting -= 2 * (halo or 0)
        if halo is None or fitting < halo:  # a slab that is mostly halo would be mostly thrown away
            most = forecast.fitting(budget)
            raise NotEnoughMemory(
                problem,
                f"'{method.name}' couples neighbouring slices: reconstruct at most "
                f"{most} row{'s' * (most != 1)} at a time (--rows A:B), or bin (--bin {2 * binned}).",
            )
    count = -(-slices // fitting)
    edges = [slices * k // count for k in range(count + 1)]  # equal slabs: the forecast holds for each
    return list(pairwise(edges))


def may_be_used(device: str) -> int:
    """Bytes that a run on ``device`` may use."""
    return int(SHARE * available(device))


def available(device: str) -> int:
    """Free memory of the device ("cpu", "cuda", "cuda:1") in bytes: the tightest of machine, container and user."""
    if device.startswith("cuda"):
        import torch

        # What torch has kept of earlier runs is not free to others, but it is to this one.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        known: list[int | None] = [torch.cuda.mem_get_info(device)[0] + kept]
    else:
        known = [_machine(), _container()]
    own = os.environ.get(LIMIT_VARIABLE)
    if own:
        try:
            limit = int(float(own) * 2**30)
        except (ValueError, OverflowError):
            raise NotEnoughMemory(f"{LIMIT_VARIABLE}={own} is not a number.", "Give it in GiB, or unset it.") from None
        known.append(limit)
        if limit <= 0:
            raise NotEnoughMemory(f"{LIMIT_VARIABLE}={own} leaves no memory.", "Give it in GiB, or unset it.")
    return min(value for value in known if value is not None)


def _machine() -> int:
    return int(psutil.virtual_memory().available)


def _container() -> int | None:
    """What a cgroup (container, Slurm job) leaves; None without a limit."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        if Path(limit).exists() and Path(used).exists():
            text = Path(limit).read_text().strip()
            if text.isdigit() and int(text) < 2**60:  # version 1 writes a huge number for "no limit"
                return max(0, int(text) - int(Path(used).read_text()))
    return None
