"""Speed of the projectors against ASTRA's CPU `linear`, measured in turns in the same run."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import MethodUnavailable
from ..operators import Operator, fan_beam, parallel_beam
from .rows_file import read_rows, write_rows

SIZES = ((128, 32), (256, 32), (256, 128), (512, 32))  # (pixels along a side, views)
FAN_SIZES = {(256, 32)}  # of those, the fan beam is timed as well
SLICES = (1, 64)
CONDITION = ("backend", "beam", "size", "views", "slices", "threads", "device")  # what a row is of
REFERENCE_SLICES = 4  # ASTRA takes slices one by one: its time for more follows from these


def run(
    sizes: Sequence[tuple[int, int]] = SIZES,
    slices: Sequence[int] = SLICES,
    threads: int = 1,
    repeats: int = 7,
    device: str = "cpu",
    json_path: str | Path | None = None,
    progress: Callable[[dict[str, Any]], None] = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Time forward and back-projection of every backend.

    Each repeat runs all backends once, one after the other (A B C A B C ...), so that whatever else the machine
    does falls on all of them. Building the matrix is not in the times; the change of memory order is.

    Parameters
    ----------
    sizes : sequence of (size, views)
        Pixels along a side (as many detector columns), and views over 180 degrees.
    slices : sequence of int
        Slices projected together.
    threads : int
        Threads of the processor, for torch and the compiled kernel alike. ASTRA's CPU projector uses one.
    repeats : int
        Rounds; times and ratios are medians over them.
    device : str
        Torch device of the torch backend.
    json_path : path, optional
        Where to write the rows, as they are measured. Those that it holds of other conditions stay.
    progress : callable
        Called with each row as it is ready.
    stop : callable
        Looked at between two sizes; true ends the benchmark.

    Returns
    -------
    list of dict
        ``backend``: ``torch``; ``torch, slices innermost`` (data that stay in that memory order, as in an
        iteration); ``compiled`` (no stored matrix); ``astra``. ``beam`` (parallel, or fan over a full turn at a
        magnification of 2), ``size``, ``views``, ``slices``, ``threads``, ``device``, ``forward_ms`` and ``back_ms``
        for all slices, ``forward_ratio`` and ``back_ratio`` (times faster than ASTRA; None without it),
        ``forward_ms_min`` and ``back_ms_min``, ``matrix_mb``, ``repeats``.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    path = None if json_path is None else Path(json_path)
    old = [] if path is None or not path.exists() else read_rows(path, {*CONDITION}, "the operators")
    rows: list[dict[str, Any]] = []
    try:
        for size, views in sizes:
            for count in slices:
                for beam in ("parallel", "fan") if (size, views) in FAN_SIZES else ("parallel",):
                    if stop():
                        return rows
                    raced = [{**row, "threads": threads} for row in _race(beam, size, views, count, repeats, device)]
                    rows += raced
                    anew = {_condition(row) for row in rows}
                    write_rows(path, [*(row for row in old if _condition(row) not in anew), *rows])
                    for row in raced:
                        progress(row)
    finally:
        torch.set_num_threads(before)
    return rows


def _condition(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in CONDITION)


def _race(beam: str, size: int, views: int, slices: int, repeats: int, device: str) -> list[dict[str, Any]]:
    if beam == "fan":
        turn = np.arange(views) * 2 * math.pi / views
        operator = partial(fan_beam, turn, columns=size, pixel=2.0, sod=2.0 * size, sdd=4.0 * size)
    else:
        operator = partial(parallel_beam, np.arange(views) * math.pi / views, columns=size)
    x = torch.rand(slices, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    stored = operator(device=device)
    y = stored(x)
    runners = {"torch": _pair(stored, x, y)}
    if slices > 1:
        runners["torch, slices innermost"] = _pair(stored, _innermost(x), _innermost(y))
    if device == "cpu" and beam == "parallel":
        runners["compiled"] = _pair(operator(memory_budget=0), x, y)
    scale = dict.fromkeys(runners, 1.0)
    try:
        reference = operator(backend="astra")
    except MethodUnavailable:
        reference = None
    if reference is not None:
        few = min(slices, REFERENCE_SLICES)
        scale["astra"] = slices / few
        runners["astra"] = _astra(reference, x[0].cpu(), few)

    for forward, back in runners.values():  # compile, build and warm up
        forward()
        back()
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in runners}
    for _ in range(repeats):
        for direction in (0, 1):
            for name, pair in runners.items():
                times[name][direction].append(_milliseconds(pair[direction], device) * scale[name])

    rows = []
    for name, (forward_times, back_times) in times.items():
        astra = times.get("astra")
        rows.append(
            {
                "backend": name,
                "beam": beam,
                "size": size,
                "views": views,
                "slices": slices,
                "threads": 1,
                "device": "cpu" if name == "astra" else device,
                "forward_ms": round(statistics.median(forward_times), 3),
                "back_ms": round(statistics.median(back_times), 3),
                "forward_ratio": _ratio(astra[0], forward_times) if astra else None,
                "back_ratio": _ratio(astra[1], back_times) if astra else None,
                "forward_ms_min": round(min(forward_times), 3),
                "back_ms_min": round(min(back_times), 3),
                "matrix_mb": round(stored.engine.nbytes / 1e6, 1) if name.startswith("torch") else 0.0,  # type: ignore[attr-defined]
                "repeats": repeats,
            }
        )
    return rows


def _pair(A: Operator, x: torch.Tensor, y: torch.Tensor) -> tuple[Callable[[], object], Callable[[], object]]:
    return lambda: A(x), lambda: A.T(y)


def _astra(A: Operator, x: torch.Tensor, slices: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """ASTRA's bare algorithms on data that it already holds: its transfers are not counted against it."""
    A(x[None])
    run: Callable[[str], None] = A.run  # type: ignore[attr-defined]

    def repeat(name: str) -> None:
        for _ in range(slices):
            run(name)

    return lambda: repeat("FP"), lambda: repeat("BP")


def _innermost(x: torch.Tensor) -> torch.Tensor:
    return x.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def _milliseconds(call: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    call()
    if device != "cpu":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start)


def _ratio(reference: list[float], ours: list[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return round(statistics.median(a / b for a, b in zip(reference, ours, strict=True)), 2)
