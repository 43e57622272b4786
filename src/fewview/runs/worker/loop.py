"""The worker process: takes jobs, publishes estimates, obeys stop and pause. Started early and kept warm.

A process of its own, because a thread beside the viewer's would fight it for the interpreter, and because a crash or
an exhausted memory must not take the viewer along. Flags travel as plain shared integers: nothing here can be left
locked by a process that was killed.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import FewviewError, NotEnoughMemory, Stopped, memory_ran_out
from .messages import Extra, Failed, Finished, Job, Opened, Progress, Ready, Stage
from .stream import LIVE, Writer, leave

if TYPE_CHECKING:
    from ctypes import Array
    from multiprocessing.synchronize import Lock

    from ...methods.interface import Estimate

STOP, PAUSE, HEARTBEAT = range(3)  # places among the shared integers: a job number, 0 or 1, a counter
FLAGS = 3
PAUSE_SECONDS = 0.05
EXTRA_SECONDS = 2.0  # between two times that further volumes are shown while a run goes on
GENTLE = 5  # the screen comes first: the worker yields the processor to the viewer


class Signals:
    """What an engine may ask and tell while it works."""

    def __init__(self, job: Job, flags: Array[Any], connection: Connection) -> None:
        self._job = job
        self._flags = flags
        self._connection = connection

    def stopped(self) -> bool:
        """Whether the user wants the job to end. Asking is also the sign of life that the watchdog looks for."""
        self._flags[HEARTBEAT] += 1
        return bool(self._flags[STOP] >= self._job.number)

    def stage(self, text: str) -> None:
        """Say what is going on while there is no estimate yet."""
        self._flags[HEARTBEAT] += 1
        self._connection.send(Stage(self._job.number, text))

    def wait_while_paused(self) -> None:
        """Hold until the user goes on, or stops."""
        while self._flags[PAUSE] and not self.stopped():
            time.sleep(PAUSE_SECONDS)


def serve(connection: Connection, flags: Array[Any], lock: Lock) -> None:
    """Main function of the worker process: jobs in, messages out, until the connection ends.

    Parameters
    ----------
    connection : Connection
        Jobs come in, messages go out.
    flags : Array[Any]
        Shared with the viewer: stop and pause.
    lock : Lock
        Of the frames in shared memory.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the viewer to handle
    _die_with_parent()
    _be_gentle()
    # The first run must not wait for these: seconds of imports, done while the user is still choosing.
    with suppress(FewviewError):  # what is wrong, the first run will tell
        importlib.import_module("fewview.runs.worker.engine").warm_up()
    connection.send(Ready())
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        if job is None:
            return
        carry_out(job, Signals(job, flags, connection), connection, lock)


def carry_out(job: Job, signals: Signals, connection: Connection, lock: Lock) -> None:
    """Run one job to its end and report how it ended; never raises for the job's own faults.

    Parameters
    ----------
    job : Job
    signals : Signals
    connection : Connection
        Messages go out.
    lock : Lock
        Of the frames in shared memory.
    """
    try:
        with _memory_limit(job.memory_mb):
            record, stopped, last = _publish(job, signals, connection, lock)
            extra = _leave_extra(job, last)
        connection.send(Finished(job.number, stopped, record, extra))
    except Exception as error:  # whatever it is, the user hears of it and the next job runs
        connection.send(_failure(job, error))


def _publish(
    job: Job, signals: Signals, connection: Connection, lock: Lock
) -> tuple[dict[str, Any], bool, Estimate | None]:
    module, name = job.engine.split(":")
    estimates = getattr(importlib.import_module(module), name)(job.payload, signals)
    writer: Writer | None = None
    estimate: Estimate | None = None
    record: dict[str, Any] = {}
    extra_at = float("-inf")
    try:
        while True:
            try:
                estimate = next(estimates)
            except StopIteration as end:
                record = {**record, **(end.value or {})}
                return record, signals.stopped() and record.get("kept") != "result", estimate
            except Stopped:
                return record, True, estimate
            volume = np.asarray(estimate.volume)
            first = writer is None
            if writer is None:
                writer = Writer(job.stream, volume.shape, lock)
            sequence = writer.publish(volume, estimate.step)
            if first:
                connection.send(Opened(job.number, volume.shape))
            connection.send(_progress(job, sequence, estimate))
            if estimate.extra and time.monotonic() - extra_at > EXTRA_SECONDS:
                extra_at = time.monotonic()
                _show_extra(job, estimate, connection)
            signals.wait_while_paused()
            if signals.stopped():
                record = {**record, **_ended(estimates)}
                return record, record.get("kept") != "result", estimate
    finally:
        if writer is not None:
            writer.close()


def _show_extra(job: Job, estimate: Estimate, connection: Connection) -> None:
    """Hand over further volumes on the way, where the last ones were collected."""
    volumes = {name: np.asarray(volume) for name, volume in estimate.extra.items()}
    with suppress(FileExistsError):
        leave(job.stream, list(volumes.values()), LIVE)
        connection.send(Extra(job.number, {name: volume.shape for name, volume in volumes.items()}))


def _ended(estimates: Generator[Estimate, None, dict[str, Any] | None]) -> Mapping[str, Any]:
    """What an engine that hears the stop tells of what it kept; one that goes on is closed."""
    try:
        next(estimates)
    except StopIteration as end:
        return end.value or {}
    except Stopped:
        return {}
    estimates.close()
    return {}


def _progress(job: Job, sequence: int, estimate: Estimate) -> Progress:
    return Progress(
        job.number,
        sequence,
        estimate.step,
        estimate.total,
        estimate.stage,
        {key: float(value) for key, value in estimate.scalars.items()},
        estimate.fraction,
        estimate.place,
        estimate.kept,
        estimate.shows,
    )


def _leave_extra(job: Job, estimate: Estimate | None) -> dict[str, tuple[int, ...]]:
    """Leave what came with the last estimate ("std") for the viewer to fetch; returns names and shapes."""
    extra = {} if estimate is None else {name: np.asarray(volume) for name, volume in estimate.extra.items()}
    if extra:
        leave(job.stream, list(extra.values()))
    return {name: volume.shape for name, volume in extra.items()}


def _failure(job: Job, error: Exception) -> Failed:
    if isinstance(error, NotEnoughMemory):
        return Failed(job.number, "memory", error.problem, error.remedy)
    if isinstance(error, FewviewError):
        return Failed(job.number, "user", error.problem, error.remedy)
    if memory_ran_out(error):
        return Failed(
            job.number,
            "memory",
            "The reconstruction ran out of memory.",
            "Reconstruct fewer rows, bin the scan, or choose a method with a smaller forecast.",
            str(error),
        )
    details = "".join(traceback.format_exception(error))
    return Failed(
        job.number,
        "bug",
        f"The reconstruction failed: {type(error).__name__}: {error}".rstrip(": "),
        "This is a fault in the program: please report it with the details.",
        details,
    )


@contextmanager
def _memory_limit(megabytes: float | None) -> Iterator[None]:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        resource = None  # type: ignore[assignment]
    if megabytes is None or resource is None:
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(megabytes * 2**20), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is None:  # called in the same process, by a test
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _be_gentle() -> None:
    if hasattr(os, "nice"):
        os.nice(GENTLE)
    # When the machine runs out of memory, Linux should end this process rather than the viewer.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
