"""Memory of a run: what will be used, what may be used, and the slabs of slices that fit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..errors import NotEnoughMemory
from ..methods.interface import Method
from ..operators import Operator
from .problem import Setup

SHARE = 0.8  # of what is free: the rest is for the system, the reader's cache and the screen
FLOAT = 4
LIMIT_VARIABLE = "FEWVIEW_MEMORY_GIB"  # a user's own limit, for machines shared with others


@dataclass(frozen=True)
class Forecast:
    """Bytes that a run will use at its peak.

    Parameters
    ----------
    fixed : int
        Whatever the number of slices: the operator.
    per_slice : int
        Volumes and sinograms of the method, the data and the copy that is handed out.
    slices : int
    """

    fixed: int
    per_slice: int
    slices: int

    @property
    def total(self) -> int:
        """Bytes with all slices at once."""
        return self.fixed + self.per_slice * self.slices

    def __str__(self) -> str:
        return f"{self.total / 2**30:.2f} GiB"


def forecast(method: Method, setup: Setup) -> Forecast:
    """Memory of a run of ``method``."""
    volumes, sinograms = method.buffers
    operator = setup.used.operator
    parts = [operator] if setup.withheld is None else [operator, setup.withheld.operator]
    image, sinogram = FLOAT * operator.grid**2, FLOAT * operator.views * operator.columns
    # One more volume is the copy that is handed out.
    return Forecast(sum(map(matrix_bytes, parts)), round((volumes + 1) * image + sinograms * sinogram), setup.slices)


def matrix_bytes(operator: Operator) -> int:
    """Bytes of a stored projector: A and its transpose, two pixels per row and ray, value and place of each."""
    return 2 * 8 * 2 * operator.grid * operator.views * operator.columns


def slabs(forecast: Forecast, method: Method, coupled: bool, budget: int | None) -> list[tuple[int, int]]:
    """Ranges of slices to reconstruct one after another so that each fits; one range where everything fits.

    Parameters
    ----------
    forecast : Forecast
    method : Method
    coupled : bool
        Whether its slices influence each other with the options of this run.
    budget : int or None
        Bytes that may be used; None when unknown.

    Raises
    ------
    NotEnoughMemory
        Not one slice fits, or the method couples slices and they do not all fit.
    """
    slices = forecast.slices
    if budget is None or forecast.total <= budget:
        return [(0, slices)]
    fitting = max(0, budget - forecast.fixed) // forecast.per_slice
    problem = f"The run needs {forecast}, {max(0, budget) / 2**30:.2f} GiB of memory may be used."
    if fitting < 1:
        raise NotEnoughMemory(problem, "Bin the projections (--bin 2), or use a machine with more memory.")
    if coupled:
        raise NotEnoughMemory(
            problem,
            f"'{method.name}' couples neighbouring slices: reconstruct at most {fitting} rows at a time "
            "(--rows A:B), or bin (--bin 2).",
        )
    count = -(-slices // fitting)
    edges = [slices * k // count for k in range(count + 1)]  # equal slabs: the forecast holds for each
    return list(pairwise(edges))


def may_be_used(device: str) -> int | None:
    """Bytes that a run on ``device`` may use, None where this system does not tell."""
    free = available(device)
    return None if free is None else int(SHARE * free)


def available(device: str) -> int | None:
    """Free memory of the device ("cpu", "cuda", "cuda:1") in bytes: the tightest of machine, container and user."""
    if device.startswith("cuda"):
        import torch

        known: list[int | None] = [torch.cuda.mem_get_info(device)[0]]
    else:
        known = [_machine(), _container()]
    own = os.environ.get(LIMIT_VARIABLE)
    if own:
        try:
            known.append(int(float(own) * 2**30))
        except ValueError:
            raise NotEnoughMemory(f"{LIMIT_VARIABLE}={own} is not a number.", "Give it in GiB, or unset it.") from None
    return min((value for value in known if value is not None), default=None)


def _machine() -> int | None:
    status = Path("/proc/meminfo")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):  # macOS: all of it, for want of what is free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


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
