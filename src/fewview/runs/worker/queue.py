"""Runs one after the other in a warm worker process: the queue behind the viewer's QueuedRun, Pause and Stop."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from .messages import Extra, Failed, Finished, Job, Opened, Ready
from .process import WorkerProcess
from .queued_run import NOT_BEGUN, QueuedRun
from .stream import LIVE, Frame, Reader, collect, new_name, remove_stream

SILENCE = 20.0  # seconds without a sign of life after which we say so


class RunQueue:
    """Runs in order, one at a time.

    :meth:`pump` is called over and over by one thread (the viewer's supervisor); everything else may be called from
    the thread of the screen. A worker that dies takes only its run along: the next one gets a new process.

    Parameters
    ----------
    memory_mb : float, optional
        Memory that a run may take.
    """

    def __init__(self, memory_mb: float | None = None) -> None:
        self.silence = SILENCE
        self.memory_mb = memory_mb
        self.current: QueuedRun | None = None
        self.waiting: deque[QueuedRun] = deque()
        self.ready = False
        self._numbers = itertools.count(1)
        self._worker: WorkerProcess | None = None
        self._reader: Reader | None = None
        self._stream = ""
        self._stop_asked = 0.0
        self._guard = threading.RLock()
        self._closed = False
        self._released = True

    def warm(self) -> None:
        """Start the worker process, so that the first run finds its libraries loaded."""
        with self._guard:
            if self._closed or (self._worker is not None and self._worker.alive):
                return
            if self._worker is not None:
                self._worker.close()
            self._worker, self.ready = WorkerProcess(), False

    def submit(self, title: str, payload: Mapping[str, Any], engine: str | None = None) -> QueuedRun:
        """Put a run in the queue.

        Parameters
        ----------
        title : str
            Of the run.
        payload : mapping
            What the engine is given.
        engine : str, optional
            Module and function that carries it out; None for the usual one.

        Returns
        -------
        QueuedRun
            Waiting, with the next number.
        """
        run = QueuedRun(next(self._numbers), title, payload)
        if engine is not None:
            run.engine = engine
        with self._guard:
            self.waiting.append(run)
        return run

    def note(self, title: str, payload: Mapping[str, Any]) -> QueuedRun:
        """A run that is only remembered, as :meth:`submit` takes it: it waited when its viewer went."""
        run = QueuedRun(next(self._numbers), title, payload)
        run.status, run.stage = "stopped", NOT_BEGUN
        return run

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        with self._guard:
            return bool(self.waiting) or (self.current is not None and not self.current.over)

    @property
    def worker_pid(self) -> int:
        """Process id of the worker, 0 without one."""
        return self._worker.pid if self._worker is not None else 0

    def pause(self, paused: bool) -> None:
        """Hold the current run after its next estimate, or go on."""
        with self._guard:
            if self._worker is not None and self.current is not None:
                self._worker.pause(paused)
                self.current.pause(paused)

    def stop(self) -> None:
        """End the current run and keep its last estimate."""
        with self._guard:
            run = self.current
            if self._worker is None or run is None or not run.active:
                return
            run.pause(False)
            run.status, self._stop_asked = "stopping", time.monotonic()
            self._worker.stop()

    def kill(self) -> None:
        """End the process of the current run and keep its last estimate."""
        if self._worker is not None:
            self._worker.kill()

    def cancel(self, run: QueuedRun) -> None:
        """Take a waiting run out of the queue."""
        with self._guard:
            if run in self.waiting:
                self.waiting.remove(run)
                run.status = "stopped"

    def take_frame(self) -> Frame | None:
        """The newest estimate of the current run, if there is one that was not taken yet."""
        with self._guard:
            if self._reader is None or self.current is None or self.current.over:
                return None
            return self._reader.take()

    @property
    def produced(self) -> int:
        """Estimates published by the current run."""
        with self._guard:
            return 0 if self._reader is None else self._reader.produced

    def pump(self, timeout: float = 0.05) -> None:
        """Hear the worker, look after it, and start the next run when it is free."""
        with self._guard:
            worker = self._worker
        if worker is None:
            self._next()
            return
        messages = worker.poll(timeout)
        with self._guard:
            for message in messages:
                if isinstance(message, Ready):
                    self.ready = True
                elif self.current is not None and not self.current.over and message.job == self.current.number:
                    if isinstance(message, Opened):
                        self._reader = Reader(self._stream, message.shape, worker.lock)
                    if isinstance(message, Finished | Failed):
                        self._keep(message)  # first: whoever sees that the run is over takes what it left
                    if isinstance(message, Extra):
                        volumes = collect(self._stream, list(message.shapes.values()), LIVE)
                        self.current.take_extra(dict(zip(message.shapes, volumes, strict=True)))
                    self.current.hear(message)
            self._look_after(worker)
            if any(isinstance(message, Failed) and message.kind == "crash" for message in messages):
                worker.close()
                self._worker = None
        self._next()

    def release(self) -> None:
        """Take note of the end of a run: its shared memory goes, and the next one may start.

        Call it when nobody shows a frame of it any more.
        """
        with self._guard:
            if self.current is not None and not self.current.over:
                return
            self._released = True
            if self._reader is not None:
                self._reader.remove()
                self._reader = None

    def finish(self) -> None:
        """Stop the current run and hear what it left; none of those that wait begins. Before :meth:`close`.

        Nobody else may call :meth:`pump` any more. A worker that does not obey is ended, as after any stop.
        """
        with self._guard:
            self._closed = True
        self.stop()
        while self._worker is not None and self.current is not None and self.current.active:
            self.pump()

    def close(self) -> None:
        """End everything: the worker, the waiting runs, the shared memory."""
        with self._guard:
            self._closed = True
            self.waiting.clear()
            if self._worker is not None:
                self._worker.close()
                self._worker = None
            if self.current is not None and not self.current.over:
                self.current.status = "stopped"
            self.release()
            if self._stream:
                remove_stream(self._stream)

    def _keep(self, end: Finished | Failed) -> None:
        run = self.current
        if run is None:
            return
        if isinstance(end, Finished) and end.extra:
            volumes = collect(self._stream, list(end.extra.values()))
            run.take_extra(dict(zip(end.extra, volumes, strict=True)))
        frame = self._reader.keep() if self._reader is not None else None
        if frame is not None:
            run.volume, run.kept_step = frame.volume, frame.step
        else:
            remove_stream(self._stream)  # it died between creating and announcing

    def _look_after(self, worker: WorkerProcess) -> None:
        run = self.current
        if run is None or not run.active:
            return
        if run.status == "stopping" and time.monotonic() - self._stop_asked > run.patience:
            worker.kill()  # its death arrives as a message; the estimate is kept
            return
        quiet = worker.silence()
        # A process that is still loading its libraries has nothing to say; on a busy machine that takes a while.
        alarming = self.ready and quiet > self.silence and run.status != "paused"
        run.silent_for = quiet if alarming else 0.0

    def _next(self) -> None:
        with self._guard:
            if self._closed or not self.waiting or (self.current is not None and not self.current.over):
                return
            if not self._released:
                return  # whoever shows the last run has not taken note of its end yet: a tick at most
            self.warm()
            if self._worker is None:
                return
            run, self._released = self.waiting.popleft(), False
            self.current, self._stream = run, new_name()
            run.start()
            self._worker.submit(Job(run.number, run.payload, self._stream, run.engine, self.memory_mb))
