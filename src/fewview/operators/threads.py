"""Threads of our own for the pieces of an application.

torch's team of threads meets at a barrier after every product. The products of tiles are short: a team that shares
its cores with another process waits most of the time, and takes many times as long as one thread. Pieces that need
not wait for each other do not suffer so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import cache
from typing import Any

import torch

from ..errors import Stopped

TICK = 0.05  # seconds
_starting = threading.Lock()


def pausing(kernel: Callable[..., None]) -> Callable[..., None]:
    """Work for :func:`share`: a compiled kernel, which is too short to pause, and a pause behind it."""

    def run(*call: Any) -> None:
        *arguments, pause = call
        kernel(*arguments)
        pause()

    return run


def share(work: Callable[..., Any], calls: Sequence[tuple[Any, ...]], tick: Callable[[], None]) -> list[Any]:
    """Results of ``work(*call, pause)`` for all calls, in order, made on as many threads as torch would use.

    Parameters
    ----------
    work : callable
        Writes only to what no other call touches, and calls ``pause()`` now and then: that ends it early once
        ``tick`` has raised.
    calls : sequence of tuple
    tick : callable
        Called on the caller's thread, several times per second; what it raises ends the work.

    Returns
    -------
    list
        What ``work`` returned, one for each call.
    """
    threads = torch.get_num_threads()
    if min(threads, len(calls)) <= 1:
        return [work(*call, tick) for call in calls]
    stopped = threading.Event()
    inference = torch.is_inference_mode_enabled()

    def pause() -> None:
        if stopped.is_set():
            raise Stopped

    def piece(*call: Any) -> Any:
        with torch.inference_mode(inference), torch.no_grad():  # both belong to a thread: as the caller has them
            return work(*call, pause)

    pool = _pool(threads)
    running = [pool.submit(piece, *call) for call in calls]
    try:
        left = set(running)
        while left:
            done, left = wait(left, TICK, FIRST_EXCEPTION)
            for one in done:
                one.result()
            tick()
    finally:  # all are done, or one failed or was stopped: no piece may go on writing behind the caller's back
        stopped.set()
        for one in running:
            one.cancel()
        wait(running)
    return [one.result() for one in running]


def _pool(threads: int) -> ThreadPoolExecutor:
    with _starting:
        return _started(threads)


@cache
def _started(threads: int) -> ThreadPoolExecutor:
    """A pool, kept, each of whose threads runs torch's products by itself."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="fewview-tiles")
    all_there = threading.Barrier(threads)

    def alone() -> None:
        torch.get_num_threads()  # the first call in a thread sets what all have
        torch.set_num_threads(1)
        all_there.wait()

    wait([pool.submit(alone) for _ in range(threads)])
    torch.set_num_threads(threads)  # what threads that others start later will take over
    return pool
