"""The viewer's handle on the worker process: start, send a job, stop, pause, kill, hear what it says."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import Any

from ...openmp import sleeping_threads
from .loop import FLAGS, HEARTBEAT, PAUSE, STOP, serve
from .messages import Failed, Job, Message

CLOSE_SECONDS = 1.0
KEPT = "The last estimate is kept, and the next run starts a new process."


class WorkerProcess:
    """One worker process and what connects us to it. Never hangs on a worker that does.

    All methods may be called from any thread except :meth:`poll`, which belongs to one.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads and a GUI is a trap
        self._connection, theirs = context.Pipe()
        self._flags = context.RawArray("q", FLAGS)
        self.lock = context.Lock()
        self._process = context.Process(
            target=serve, args=(theirs, self._flags, self.lock), name="fewview-worker", daemon=True
        )
        with _main_module_hidden(), sleeping_threads():
            self._process.start()
        theirs.close()
        self._job = 0
        self._beat = 0
        self._alive_at = time.monotonic()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether the process exists."""
        return self._process.is_alive()

    def submit(self, job: Job) -> None:
        """Hand over a job; the worker takes one at a time."""
        self._flags[PAUSE] = 0
        self._job = job.number
        self._alive_at = time.monotonic()
        self._connection.send(job)

    def stop(self) -> None:
        """Ask the current job to end; what it published stays."""
        self._flags[STOP] = self._job

    def pause(self, paused: bool) -> None:
        """Hold after the next estimate, or go on."""
        self._flags[PAUSE] = int(paused)

    def silence(self) -> float:
        """Seconds since the last sign of life."""
        if self._flags[HEARTBEAT] != self._beat:
            self._beat = self._flags[HEARTBEAT]
            self._alive_at = time.monotonic()
        return time.monotonic() - self._alive_at

    def poll(self, timeout: float) -> list[Message]:
        """What the worker said; waits up to ``timeout`` seconds for the first word. A death is a message too."""
        messages: list[Message] = []
        wait([self._connection, self._process.sentinel], timeout)
        try:
            while self._connection.poll():
                messages.append(self._connection.recv())
                self._alive_at = time.monotonic()
        except (EOFError, OSError):  # it died in mid-word
            self._process.join(CLOSE_SECONDS)
        if not self._process.is_alive():
            messages.append(self._obituary())
        return messages

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        self._process.kill()
        self._process.join(CLOSE_SECONDS)

    def close(self) -> None:
        """End the process: by word, then by force. Leaves no zombie."""
        self.stop()
        if self._process.is_alive():
            with suppress(OSError):  # it may be gone already, which is what we want
                self._connection.send(None)
            self._process.join(CLOSE_SECONDS)
        if self._process.is_alive():
            self.kill()
        self._connection.close()

    def _obituary(self) -> Failed:
        code = self._process.exitcode or 0
        if code == -9:  # SIGKILL, which Windows does not know
            problem = "The reconstruction process was killed, most likely because the machine ran out of memory."
            remedy = f"Reconstruct fewer rows or bin the scan. {KEPT}"
        elif code < 0:
            problem = f"The reconstruction process crashed ({signal.Signals(-code).name})."
            remedy = f"Please report it. {KEPT}"
        else:
            problem = f"The reconstruction process ended by itself (exit status {code})."
            remedy = f"Please report it. {KEPT}"
        return Failed(self._job, "crash", problem, remedy)


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep the new process from importing the user's script again.

    Spawning runs the main script a second time unless it is guarded by ``if __name__ == "__main__"``; a script that
    opens a viewer at top level would open another one. The worker needs nothing of it.
    """
    names = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: names.pop(name) for name in ("__file__", "__spec__") if name in names}
    names["__spec__"] = None
    try:
        yield
    finally:
        del names["__spec__"]
        names.update(hidden)
